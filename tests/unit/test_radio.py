"""What the radio asks for and lets be heard, in a world with a clock of its own."""

from __future__ import annotations

import itertools
from random import Random

import pytest

from lofi_broker import radio_events as ev
from lofi_broker.radio import Radio
from lofi_broker.radio_events import Pace
from lofi_broker.radio_line import KEPT_BEHIND
from lofi_broker.radio_manners import Reading, reason_to_wait
from lofi_broker.radio_prompts import Prompts
from lofi_common.api_radio import RadioMode
from lofi_common.presets import PRESETS
from tests.unit.radio_world import MODES, World, plan, world


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("speed", [0.2, 0.7, 1.0, 1.5, 8.0, 60.0])
@pytest.mark.parametrize("ahead_sec", [20.0, 60.0, 300.0])
def test_never_silent_and_never_too_far_ahead(mode: RadioMode, speed: float, ahead_sec: float) -> None:
    run = world(mode, speed, ahead_sec=ahead_sec).run(1500)
    longest = max(run.made.values())
    assert run.silent_sec == 0.0
    assert run.most_ahead <= max(ahead_sec, longest / 2) + longest
    if speed > 2:  # it is never late, and the list has what was asked for
        assert run.held_sec == 0.0
        assert run.ahead() >= min(ahead_sec, 30.0) - longest / speed - 1.0
    elif speed < 1 and ahead_sec >= 60.0:
        assert len(run.made) >= 1500 * speed / longest - 5  # it makes what it can


@pytest.mark.parametrize("mode", MODES)
def test_a_fast_generator_is_idle_most_of_the_time(mode: RadioMode) -> None:
    run = world(mode, 20.0).run(1200)
    assert sum(run.made.values()) <= 1200 + 60 + 60


def test_the_first_piece_is_heard_while_it_is_made_if_it_will_be_whole_in_time() -> None:
    fast, slow = world(speed=8.0).run(2), world(speed=0.5).run(60)
    assert fast.heard and not fast.made
    assert not slow.heard
    slow.run(600)
    first = slow.heard[0][0] - 100.0
    assert 60.0 < first < 90.0  # 120 s of work, and 60 s of music


def test_segments_are_one_chain_and_are_deleted_once_they_are_heard() -> None:
    run = world("stream", prompt="rain").run(600)
    numbers = [run.pieces[track_id] for _, track_id in run.heard]
    assert [piece.duration_sec for piece in numbers[:3]] == [30, 18, 18]
    assert all(piece.segment for piece in numbers)
    assert numbers[0].continue_from is None
    for (_, before), (_, track_id) in itertools.pairwise(run.heard):
        assert run.pieces[track_id].continue_from == before
    assert all(joined for _, joined in run.joins)
    assert len({piece.seed for piece in numbers}) == 1
    assert len(run.made.keys() - run.deleted) <= 6  # what is heard and what lies ready


def test_tracks_have_seeds_of_their_own_and_the_last_ones_stay_in_the_list() -> None:
    run = world(strategy="same_prompt").run(1000)
    pieces = list(run.pieces.values())
    assert len({piece.seed for piece in pieces}) == len(pieces)
    assert not any(piece.segment or piece.continue_from for piece in pieces)
    assert run.index == KEPT_BEHIND and not run.deleted
    again = world(strategy="same_prompt").run(1000)
    assert [piece.seed for piece in again.pieces.values()] == [piece.seed for piece in pieces]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("speed", [0.4, 1.1, 8.0, 40.0])
def test_a_new_prompt_is_heard_with_the_next_piece(mode: RadioMode, speed: float) -> None:
    run = world(mode, speed, ahead_sec=120.0).run(700)
    before = len(run.heard)
    assert set(run.prompts()) == {"rain"}
    assert (run.radio.prompt, run.radio.next_prompt) == ("rain", None)
    run.feed(ev.Wish("sun"))
    assert (run.radio.prompt, run.radio.next_prompt) == ("rain", "sun")
    run.run(900)
    prompts = run.prompts()[before:]
    late = prompts.index("sun")
    assert late <= (0 if speed > 1.2 else 1)  # one that was under way may come first
    assert set(prompts[late:]) == {"sun"}
    assert run.silent_sec == 0.0
    assert (run.radio.prompt, run.radio.next_prompt) == ("sun", None)
    if mode == "stream" and speed > 1.2:
        assert all(joined for _, joined in run.joins)


def test_a_wish_takes_back_what_no_worker_has_begun() -> None:
    run = World(Radio(plan()))
    run.others(1, 5.0)
    run.start()
    run.feed(ev.Wish("sun"))
    assert [job.piece.prompt for job in run.queue] == ["theirs", "sun"] and run.withdrawn == 1


def test_strategies_begin_with_the_prompt_that_is_given() -> None:
    def first(count: int, **chosen: object) -> list[str]:
        run = world(**chosen).run(count * 60.0)  # type: ignore[arg-type]
        return run.prompts()[:count]

    assert first(3, strategy="same_prompt") == ["rain"] * 3
    cycle = first(20, strategy="preset_cycle")
    start = PRESETS.index(cycle[1])
    assert cycle == ["rain", *(PRESETS[(start + place) % len(PRESETS)] for place in range(19))]
    shuffled = first(20, strategy="random_preset")
    assert shuffled[0] == "rain" and set(shuffled[1:]) < set(PRESETS) and len(set(shuffled)) > 5
    assert all(a != b for a, b in itertools.pairwise(shuffled))
    assert first(1, strategy="preset_cycle", prompt=None)[0] in PRESETS
    streamed = world("stream", strategy="preset_cycle").run(1200).prompts()
    changes = [prompt for prompt, _ in itertools.groupby(streamed)]
    assert 10 <= len(changes) <= 20  # one for each 60 s, about


def test_where_nobody_chose_a_strategy_a_prompt_that_is_asked_for_stays() -> None:
    run = world(strategy="preset_cycle", prompt=None, own_way=True).run(200)
    assert len(set(run.prompts())) > 2
    run.feed(ev.Wish("sun"))
    assert run.run(600).prompts()[-5:] == ["sun"] * 5
    run = world(strategy="preset_cycle").run(200)
    run.feed(ev.Wish("sun"))
    prompts = run.run(600).prompts()
    assert prompts.count("sun") == 1 and prompts[-1] in PRESETS


def test_presets_differ_and_nothing_but_the_dice_decides() -> None:
    assert 12 <= len(PRESETS) == len(set(PRESETS)) <= 20
    a, b = (Prompts("random_preset", None, Random(3)) for _ in range(2))
    a.made()
    b.made()
    drawn = [a.next() for _ in range(30)]
    assert drawn == [b.next() for _ in range(30)] and len(set(drawn)) > 5


@pytest.mark.parametrize("mode", MODES)
def test_tracks_of_others_go_first_while_there_is_something_to_hear(mode: RadioMode) -> None:
    run = world(mode).run(300)
    made, ahead = len(run.made), run.ahead()
    run.others(3, 12.0)
    run.run(37)
    assert run.others_done == 3
    assert len(run.made) <= made + 1 and ahead > 40.0  # one was under way, perhaps
    assert run.run(300).silent_sec == 0.0


@pytest.mark.parametrize("mode", MODES)
def test_the_radio_does_not_starve_beside_a_queue_that_is_never_empty(mode: RadioMode) -> None:
    run = world(mode).run(300)
    before = len(run.heard)
    for _ in range(100):  # each as long as it takes to hear it half
        run.others(2 - sum(job.piece.number < 0 for job in run.queue), 15.0)
        run.run(10)
    assert run.others_done > 50
    assert len(run.heard) >= before + 8
    assert run.silent_sec == 0.0


def test_a_piece_that_waits_stands_back_and_is_asked_for_again_as_it_was() -> None:
    run = world().run(119)
    asked = next(job for job in run.queue if job.piece.number > 0) if run.queue else None
    while asked is None or asked.begun:
        run.others(1, 0.5)
        run.feed(ev.Tick())
        run.run(0.5)
        asked = next((job for job in run.queue if job.piece.number > 0), None)
        if run.now > 2000:
            return
    run.others(1, 5.0)
    assert run.withdrawn == 1 and asked not in run.queue
    run.run(60)
    assert list(run.pieces.values()).count(asked.piece) == 1 and asked.track_id in run.made


def test_a_full_queue_is_tried_again_when_a_job_has_ended() -> None:
    run = World(Radio(plan()), most_pending=2)
    run.others(2, 10.0)
    run.start()
    assert run.radio.state == "starting" and "full" in str(run.radio.message)
    run.run(40)
    assert run.playing and run.radio.message is None


def test_a_machine_to_be_spared_gets_pieces_later() -> None:
    spared = World(Radio(plan()), polite="on battery").start().run(1800)
    usual = world().run(1800)
    assert spared.most_ahead <= 30 + 60 < usual.most_ahead
    assert spared.silent_sec == spared.held_sec == 0.0
    assert reason_to_wait(Reading(True, 80.0, 0.0, 4)) == "on battery, at 80 %"
    assert reason_to_wait(Reading(True, 100.0, 0.0, 4)) is None
    assert reason_to_wait(Reading(False, 20.0, 3.9, 4)) is None
    assert "4.1 on 4" in str(reason_to_wait(Reading(False, 20.0, 4.1, 4)))


@pytest.mark.parametrize("mode", MODES)
def test_while_it_is_paused_nothing_more_is_made_than_was_wanted(mode: RadioMode) -> None:
    run = world(mode).run(300)
    run.paused = True
    run.run(30)
    made = len(run.made)
    run.run(600)
    assert len(run.made) == made and run.most_ahead <= 60 + 60


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("speed", [0.5, 8.0])
def test_who_skips_more_than_there_is_waits_for_the_next_piece(mode: RadioMode, speed: float) -> None:
    run = world(mode, speed).run(400)
    while run.playing:
        run.skip()
    assert run.radio.state == "starting"
    before = len(run.heard)
    run.run(200)
    assert run.playing and len(run.heard) > before


def test_another_model_begins_another_chain() -> None:
    run = world("stream").run(200)
    run.pace = Pace("m-2", 24, 24)
    run.run(200)
    first = next(piece for piece in run.pieces.values() if piece.version == "m-2")
    assert first.continue_from is None and first.duration_sec == 24
    assert [joined for track_id, joined in run.joins if run.pieces[track_id] is first] == [False]
    assert run.pieces[run.heard[-1][1]].version == "m-2"


def test_what_is_left_to_do_at_the_end() -> None:
    run = world("stream", speed=1.5).run(100)
    left = run.radio.end()
    kept = run.made.keys() - run.deleted
    assert {action.track_id for action in left if isinstance(action, ev.Delete)} == kept
    assert [type(action) for action in left].count(ev.Withdraw) == len(run.queue)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_the_music_goes_on(seed: int) -> None:
    """Speeds, other people's tracks, wishes, skips, failures and pauses, as the dice fall."""
    dice = Random(seed)
    mode = dice.choice(MODES)
    run = world(mode, dice.choice([0.3, 0.9, 2.0, 10.0]), seed=seed, strategy="random_preset").run(200)
    for _ in range(30):
        match dice.randrange(7):
            case 0:
                run.others(dice.randrange(1, 4), dice.uniform(1.0, 40.0))
            case 1:
                run.feed(ev.Wish(f"wish {dice.randrange(100)}"))
            case 2:
                run.failing = {run.radio.next_prompt or run.radio.prompt} if dice.random() < 0.5 else set()
            case 3:
                run.paused = not run.paused
            case 4:
                run.speed = dice.choice([0.3, 0.9, 2.0, 10.0])
            case 5:
                run.polite = dice.choice([None, "busy"])
            case 6:
                run.pace = dice.choice([run.pace, Pace("m-2", 24, 24)])
        run.run(dice.uniform(1.0, 90.0))
        assert run.silent_sec == 0.0
        assert run.most_ahead <= 60 + 60
        assert run.gave_up is None
