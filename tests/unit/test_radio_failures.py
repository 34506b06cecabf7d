"""The radio when pieces, players and devices fail, in a world with a clock of its own."""

from __future__ import annotations

import pytest

from lofi_broker import radio_events as ev
from lofi_broker.radio import Radio
from lofi_broker.radio_events import Pace
from lofi_common.api_radio import RadioMode
from tests.unit.radio_world import MODES, World, plan, world


@pytest.mark.parametrize("mode", MODES)
def test_pieces_that_fail_later_are_told_and_tried_again_while_the_music_goes_on(mode: RadioMode) -> None:
    run = world(mode).run(300)
    run.failing = {"rain"}
    run.run(600)
    assert run.silent_sec == 0.0 and run.held_sec > 0.0
    assert run.radio.state == "playing" and "broken" in str(run.radio.message)
    run.failing = set()
    before = len(run.heard)
    run.run(300)
    assert run.radio.message is None and len(run.heard) > before + 1
    if mode == "stream":  # the first one after it begins another chain
        first = run.heard[before][1]
        assert run.pieces[first].continue_from is None and dict(run.joins)[first] is False


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("strategy", ["preset_cycle", "random_preset"])
def test_a_wish_whose_piece_fails_is_asked_for_again(mode: RadioMode, strategy: str) -> None:
    run = world(mode, strategy=strategy).run(300)
    run.failing = {"sun"}
    run.feed(ev.Wish("sun"))
    run.run(5)
    assert "broken" in str(run.radio.message) and run.radio.next_prompt == "sun"
    run.failing, before = set(), len(run.heard)
    assert run.run(200).prompts()[before] == "sun"
    assert run.radio.next_prompt != "sun" and run.prompts()[-1] != "sun"


def test_a_wish_that_makes_way_for_others_is_asked_for_again_from_another_model() -> None:
    run = world(strategy="preset_cycle").run(300)
    run.others(1, 1.0)
    run.feed(ev.Wish("sun"))
    run.run(0.5)
    run.others(1, 1.0)
    run.pace = Pace("m-2", 24, 24)
    run.run(200)
    assert "sun" in run.prompts()


@pytest.mark.parametrize("mode", MODES)
def test_a_radio_whose_first_pieces_fail_gives_up(mode: RadioMode) -> None:
    run = World(Radio(plan(mode=mode)), failing={"rain"}).start().run(30)
    assert run.gave_up is not None and "broken" in run.gave_up
    assert run.radio.state == "failed" and not run.heard and len(run.pieces) == 2


@pytest.mark.parametrize("mode", MODES)
def test_a_lost_player_begins_again_with_what_was_heard(mode: RadioMode) -> None:
    run = world(mode).run(300)
    heard = run.heard[-1][1]
    upcoming = run.songs[run.index + 1 :]
    run.lose_the_player()
    assert not run.playing and run.radio.state == "starting" and "SIGKILL" in str(run.radio.message)
    assert run.radio.retry_at == run.now + 1.0
    run.run(1)
    assert run.songs[: 1 + len(upcoming)] == [heard, *upcoming]
    run.run(600)
    assert run.radio.message is None and run.silent_sec == 1.0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("deaf_sec", "tries"), [(0.5, [1.0]), (3.0, [1.0, 6.0]), (20.0, [1.0, 6.0, 21.0])])
def test_a_sound_server_that_is_away_for_seconds_does_not_end_it(
    mode: RadioMode, deaf_sec: float, tries: list[float]
) -> None:
    run = world(mode).run(300)
    at, made, before = run.now, len(run.made), len(run.tries)
    run.lose_the_player(deaf_sec)
    run.run(tries[-1] - 0.5)
    assert run.radio.state == "starting" and "the sound has failed" in str(run.radio.message)
    assert len(run.made) <= made + 1  # what was under way
    run.run(0.5)
    assert [each - at for each in run.tries[before:]] == tries
    run.run(300)
    assert run.radio.state == "playing" and run.radio.message is None
    assert run.silent_sec == tries[-1]


@pytest.mark.parametrize("mode", MODES)
def test_a_sound_that_stays_away_is_given_up(mode: RadioMode) -> None:
    run = world(mode).run(300)
    run.lose_the_player(600.0)
    run.run(20)
    assert run.gave_up is None
    run.run(2)
    assert run.gave_up is not None and "no device" in run.gave_up and run.radio.state == "failed"
    assert len(run.tries) == 1 + 3
    first = World(Radio(plan(mode=mode)), deaf_until=1000.0).start().run(30)
    assert first.gave_up is not None and len(first.tries) == 2  # there never was any


@pytest.mark.parametrize("speed", [1.5, 8.0, 60.0])
def test_a_first_piece_whose_player_is_lost_while_it_grows_is_heard_all_the_same(speed: float) -> None:
    run = world(speed=speed)
    while not run.heard:
        run.run(0.5)
    first = run.heard[0][1]
    run.lose_the_player(3.0)
    run.run(6)
    while not run.playing:
        run.run(0.5)
    assert run.heard[1][1] == first and run.run(600).silent_sec < 60.0


@pytest.mark.parametrize("mode", MODES)
def test_a_piece_that_cannot_be_played_is_passed_over(mode: RadioMode) -> None:
    run = world(mode).run(300)
    while run.index + 1 == len(run.songs):
        run.run(1)
    lost = run.songs[-1]
    run.songs.remove(lost)
    run.feed(ev.Lost(lost))
    before = len(run.heard)
    run.run(300)
    assert len(run.heard) > before + 3 and lost not in [track_id for _, track_id in run.heard]
    assert run.silent_sec == 0.0


@pytest.mark.parametrize("mode", MODES)
def test_a_first_piece_that_is_skipped_while_it_grows_is_not_heard_again(mode: RadioMode) -> None:
    run = world(mode, strategy="preset_cycle")
    while not run.heard:
        run.run(0.5)
    first = run.heard[0][1]
    assert first not in run.made
    run.skip()
    run.run(30)
    assert first not in run.made and first not in [track_id for _, track_id in run.heard[1:]]
    assert run.prompts()[1] == "rain" and run.silent_sec < 3.0
