"""The shipped codec graph: exact lengths, the same sound however it is cut, every voice in its key and time,
silence where the header says so, levels, and no clicks.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from training.attributes import BPM_MAX, BPM_MIN, KEYS, LEADS, Attributes
from training.codec.stream import decode, open_codec
from training.composer.plan import Plan
from training.composer.song import PAD_STEPS, Score
from training.composer.theory import BASS_LOWEST, LEAD_LOWEST, single, transposition, voicings
from training.draws import track
from training.judge.features import log_mel
from training.tokens import (
    CODEBOOK_SIZE,
    DELAYS,
    HEADER_FRAMES,
    HEADER_STARTS,
    SAYING_FRAMES,
    STEP_CODES,
    encode_header,
    encode_track,
)

FOLDER = Path(__file__).parents[2] / "lofi_worker" / "models" / "lofi-tiny"
RATE = 32_000
PLAN = Plan(form=0, loop_a=0, loop_b=1, style=0)
BARE = Attributes(
    bpm=75, key=0, mode="major", drums="none", density="medium", swing="straight", keys="rhodes", bass="none",
    lead="none", vinyl=False, rain=False, cafe=False, night=False, tape=False, tone="bright", pad=False,
    ending=False,
)  # fmt: skip
BEAT = 25_600  # samples of four steps at 75 bpm
KICK, GHOST, HIT, HAT = (1, 0, 0, 0), (0, 1, 0, 0), (0, 2, 0, 0), (0, 0, 2, 0)
Audio = NDArray[np.float32]
Notes = dict[int, tuple[int, ...]]


@pytest.fixture(scope="module")
def codec() -> ort.InferenceSession:
    return open_codec(FOLDER / "codec.onnx")


def cut(total: int, largest: int, rng: np.random.Generator) -> list[int]:
    """Random chunk sizes that sum to `total`."""
    sizes: list[int] = []
    while sum(sizes) < total:
        sizes.append(min(int(rng.integers(1, largest + 1)), total - sum(sizes)))
    return sizes


def play(codec: ort.InferenceSession, attributes: Attributes, steps: int = 16, **voices: Notes) -> Audio:
    """Notes by their step: (value, touch), held until the next; of drums (kick, snare, hat, late)."""
    parts = {
        name: np.zeros((steps, width), np.int64)
        for name, width in (("drums", 4), ("bass", 2), ("chords", 2), ("lead", 2))
    }
    for name, notes in voices.items():
        for step, row in notes.items():
            parts[name][step] = row
            if name != "drums":
                parts[name][step + 1 :, 0] = row[0]
    return decode(codec, encode_track(attributes, PLAN, Score(**parts)))[0]


def decibels(audio: Audio) -> float:
    return float(10 * np.log10(np.mean(np.square(audio, dtype=np.float64)) + 1e-12))


def pitch(audio: Audio) -> int:
    """The MIDI pitch of the strongest partial in the first half second."""
    part = audio[: RATE // 2] * np.hanning(RATE // 2)
    hertz = np.abs(np.fft.rfft(part, 8 * RATE)).argmax() / 8
    return round(69 + 12 * np.log2(hertz / 440))


def begins(audio: Audio) -> float:
    """Seconds until the sound has a tenth of its peak."""
    return float(np.argmax(np.abs(audio) > 0.1 * np.abs(audio).max()) / RATE)


def partial(audio: Audio, midi: float) -> NDArray[np.complex128]:
    """One partial's phasor, smoothed over 40 ms."""
    turning = np.exp(-2j * np.pi * 440 * 2 ** ((midi - 69) / 12) / RATE * np.arange(len(audio)))
    window = np.hanning(RATE // 25)
    return np.convolve(audio * turning, window / window.sum(), "same")


def colour(audio: Audio) -> NDArray[np.float64]:
    """How a sound goes: log-mel frames [frames, bands] less their mean."""
    bands = np.maximum(log_mel(audio, 1024, 640, 40), np.log(1e-3))
    return np.asarray(bands - bands.mean())


def clicks(audio: Audio) -> list[int]:
    """Blocks of 32 samples where the wave bends far more sharply than 3 to 10 ms before and after.

    A pluck or a breath begins sharply too, but goes on so for some milliseconds.
    """
    bend = np.abs(np.diff(audio.astype(np.float64), 3))
    sharpest = bend[: len(bend) // 32 * 32].reshape(-1, 32).max(axis=1)
    around = np.stack([np.roll(sharpest, n) for n in (*range(-10, -2), *range(3, 11))]).max(axis=0)
    return np.flatnonzero((sharpest > 3 * around) & (sharpest > 1e-3)).tolist()


@pytest.mark.parametrize("index", range(3))
def test_the_stream_equals_the_whole(codec: ort.InferenceSession, index: int) -> None:
    codes = track(2, index, bars=3)[1]
    whole = decode(codec, codes)[0]
    rng = np.random.default_rng(index)
    for largest in (1, 3, 40):
        pieces = decode(codec, codes, cut(codes.shape[1], largest, rng))
        assert np.abs(np.concatenate(pieces) - whole).max() < 1e-5


def test_every_call_gives_exactly_the_samples_of_its_steps(codec: ort.InferenceSession) -> None:
    for index, bpm in enumerate((BPM_MIN, 67, 83, BPM_MAX)):
        codes = track(2, index, bars=3)[1]
        codes[0, 0] = HEADER_STARTS[0][0] + bpm - BPM_MIN
        sizes = cut(codes.shape[1], 9, np.random.default_rng(index))
        frames = np.cumsum(sizes)
        given = np.cumsum([len(piece) for piece in decode(codec, codes, sizes)])
        steps = np.maximum(frames - HEADER_FRAMES, 0)
        assert given.tolist() == (steps * 480_000 // bpm).tolist()


def test_the_header_makes_no_sound(codec: ort.InferenceSession) -> None:
    codes = encode_header(BARE, PLAN)
    assert [len(piece) for piece in decode(codec, codes, [2, 1, HEADER_FRAMES - SAYING_FRAMES])] == [0, 0, 0]


def test_a_position_far_into_a_track_sounds_like_its_own_steps(codec: ort.InferenceSession) -> None:
    codes = track(2, 1, bars=12)[1]
    whole = decode(codec, codes)[0]
    pieces = decode(codec, codes, [16] * (codes.shape[1] // 16) + [codes.shape[1] % 16])
    assert np.abs(np.concatenate(pieces) - whole).max() < 1e-5


def test_any_codes_are_played_without_a_crash(codec: ort.InferenceSession) -> None:
    codes = np.random.default_rng(1).integers(0, CODEBOOK_SIZE, size=(len(DELAYS), 100))
    audio = decode(codec, codes)[0]
    assert np.isfinite(audio).all()
    assert np.abs(audio).max() < 0.98


def test_every_pitched_voice_is_moved_into_the_key(codec: ort.InferenceSession) -> None:
    for key in range(12):
        here = replace(BARE, key=key)
        lead = play(codec, replace(here, lead="flute"), lead={0: (72 - LEAD_LOWEST + 1, 1)})
        bass = play(codec, replace(here, bass="sub"), bass={0: (40 - BASS_LOWEST + 1, 1)})
        chord = play(codec, here, chords={0: (single(65), 1)})
        assert [pitch(lead), pitch(bass), pitch(chord)] == [p + transposition(key) for p in (72, 40, 65)]


def test_late_notes_come_late(codec: ort.InferenceSession) -> None:
    voices = (
        (replace(BARE, lead="bell"), "lead", 20),
        (replace(BARE, bass="upright"), "bass", 8),
        (replace(BARE, keys="guitar"), "chords", single(60)),
    )
    for attributes, name, value in voices:
        on, late = (begins(play(codec, attributes, **{name: {4: (value, touch)}})) for touch in (1, 2))
        assert abs(on - BEAT / RATE) < 0.02
        assert 0.021 < late - on < 0.027


@pytest.mark.parametrize("kit", ("boombap", "brushes", "808"))
def test_snare_and_hat_may_come_late_and_the_kick_does_not(codec: ort.InferenceSession, kit: str) -> None:
    attributes = replace(BARE, drums=kit)
    for stroke, delays in ((KICK, (0, 0)), (HIT, (352, 704)), (HAT, (352, 704))):
        on_time = play(codec, attributes, drums={4: stroke})
        for late, delay in enumerate(delays, 1):
            moved = play(codec, attributes, drums={4: (*stroke[:3], late)})
            # Not quite equal: the fader's slow ride goes by the grid.
            assert np.abs(moved[delay:] - on_time[: len(on_time) - delay]).max() < 1e-3
            assert not delay or np.abs(moved - on_time).max() > 0.02


def test_chords_are_strummed_as_the_instrument_is(codec: ort.InferenceSession) -> None:
    index = next(i for i, v in enumerate(voicings()) if len(v) == 4 and min(np.diff(v)) >= 3)
    lowest, *_, highest = voicings()[index]
    waits = {}
    for keys in ("rhodes", "piano", "guitar"):
        audio = play(codec, replace(BARE, keys=keys), chords={0: (index, 1)})[: RATE // 4]
        levels = [np.abs(partial(audio, midi)) for midi in (lowest, highest)]
        rise = [int(np.argmax(level > 0.5 * level.max())) / RATE for level in levels]
        waits[keys] = rise[1] - rise[0]
    assert 0.03 < waits["guitar"] < 0.055
    assert -0.005 < waits["piano"] < 0.025 and -0.005 < waits["rhodes"] < 0.025


@pytest.mark.parametrize("kit", ("boombap", "brushes", "808"))
def test_a_kit_sounds_like_itself(codec: ort.InferenceSession, kit: str) -> None:
    attributes = replace(BARE, drums=kit)
    ghost, hit = (play(codec, attributes, drums={0: stroke})[:BEAT] for stroke in (GHOST, HIT))
    assert 9 < decibels(hit) - decibels(ghost) < 15
    beat = {0: KICK, 4: HIT, 8: KICK, 12: HIT, 2: HAT, 6: HAT, 10: HAT, 14: (0, 0, 3, 0)}
    mine = play(codec, attributes, drums=beat)
    assert -35 < decibels(mine) < -15
    for other in {"boombap", "brushes", "808"} - {kit}:
        theirs = play(codec, replace(BARE, drums=other), drums=beat)
        assert np.abs(colour(mine) - colour(theirs)).mean() > 0.4
    # A drum that sounds as a note would stand beside the key.
    power = np.abs(np.fft.rfft(mine)) ** 2
    hertz = np.fft.rfftfreq(len(mine), 1 / RATE)
    assert power[(hertz > 70) & (hertz < 1_800)].sum() < 0.35 * power.sum()


def test_instruments_can_be_told_apart(codec: ort.InferenceSession) -> None:
    leads = {
        name: play(codec, replace(BARE, lead=name), steps=8, lead={0: (72 - LEAD_LOWEST + 1, 1)})
        for name in LEADS[1:]
    }
    chords = {name: play(codec, replace(BARE, keys=name), steps=8, chords={0: (5, 1)}) for name in KEYS}
    basses = {
        name: play(codec, replace(BARE, bass=name), steps=8, bass={0: (8, 1)}) for name in ("sub", "upright")
    }
    for sounds in (leads, chords, basses):
        for name, audio in sounds.items():
            assert -45 < decibels(audio) < -12, name
        for (one, a), (other, b) in combinations(sounds.items(), 2):
            assert np.abs(colour(a) - colour(b)).mean() > 0.3, (one, other)


def test_what_is_heard_around_the_music(codec: ort.InferenceSession) -> None:
    heard = {
        name: play(codec, replace(BARE, **{name: True}), steps=48)
        for name in ("vinyl", "rain", "cafe", "night", "tape")
    }
    assert decibels(play(codec, BARE)) < -100
    for name, audio in heard.items():
        assert -60 < decibels(audio) < -32, name
    for (one, a), (other, b) in combinations(heard.items(), 2):
        assert np.abs(colour(a) - colour(b)).mean() > 0.3, (one, other)


def test_tape_wavers(codec: ort.InferenceSession) -> None:
    swings = []
    for tape in (False, True):
        audio = play(
            codec, replace(BARE, lead="bell", tape=tape), steps=8, lead={0: (72 - LEAD_LOWEST + 1, 1)}
        )
        phase = np.unwrap(np.angle(partial(audio, 72)))[RATE // 10 : RATE]
        swings.append(np.std(np.diff(phase)) * RATE / (2 * np.pi * 523))
    assert swings[1] > 1.5 * swings[0] > 0
    assert swings[1] < 2 ** (25 / 1200) - 1


def test_what_the_header_excludes_is_silent(codec: ort.InferenceSession) -> None:
    rng = np.random.default_rng(0)
    loud = replace(BARE, drums="808", bass="upright", lead="sax")
    for q, name in ((0, "drums"), (1, "bass"), (3, "lead")):
        for attributes, silent in ((replace(loud, **{name: "none"}), True), (loud, False)):
            header = encode_header(attributes, PLAN)
            steps = rng.integers(np.array(STEP_CODES)[:, None], size=(4, 24))
            other = steps.copy()
            other[q] = rng.integers(STEP_CODES[q], size=24)
            one, two = (decode(codec, np.concatenate([header, each], axis=1))[0] for each in (steps, other))
            assert np.array_equal(one, two) == silent, name


@pytest.mark.parametrize("keys", KEYS)
def test_a_held_chord_rings_and_dies_away(codec: ort.InferenceSession, keys: str) -> None:
    audio = play(codec, replace(BARE, keys=keys, bass="sub"), steps=32, chords={0: (5, 1)}, bass={0: (8, 1)})
    start, later, end = (decibels(audio[int(at * RATE) :][: RATE // 5]) for at in (0.5, 2.3, 5.0))
    assert start > -30 and later > max(-50.0, start - 30)
    assert end < -60


def test_a_pad_is_let_go_with_the_last_chord_of_a_track_that_closes(codec: ort.InferenceSession) -> None:
    last = {0: (5, 1), PAD_STEPS: (0, 0)}
    closing, going_on = (
        decibels(play(codec, replace(BARE, pad=True, ending=ending), steps=20, chords=last)[-RATE // 4 :])
        for ending in (True, False)
    )
    assert closing < going_on - 10


def test_a_pad_lies_under_chords_and_broken_chords(codec: ort.InferenceSession) -> None:
    for value in (5, single(60)):
        plain, padded = (
            play(codec, replace(BARE, keys="guitar", pad=pad), chords={0: (value, 1)})[2 * RATE :]
            for pad in (False, True)
        )
        assert decibels(padded) > decibels(plain) + 2


def test_notes_end_where_their_codes_end(codec: ort.InferenceSession) -> None:
    loud = replace(BARE, lead="flute", bass="sub", keys="piano")
    ended = {0: (8, 1), 4: (0, 0)}
    audio = play(codec, loud, lead=ended, bass=ended, chords=ended)
    assert decibels(audio[:BEAT]) > -30
    assert decibels(audio[3 * BEAT :]) < -55


def test_no_track_clips_and_levels_lie_close(codec: ort.InferenceSession) -> None:
    levels = []
    for index in range(10):
        codes = track(2, 50 + index, bars=7)[1]
        audio = decode(codec, codes)[0][: 20 * RATE]
        assert np.isfinite(audio).all()
        assert np.abs(audio).max() < 0.98
        levels.append(decibels(audio))
    assert abs(np.mean(levels) + 18) < 0.5
    assert min(levels) > -19.8 and max(levels) < -16.5


def test_no_click_where_chunks_meet_and_notes_change(codec: ort.InferenceSession) -> None:
    for index in range(6):
        attributes, codes = track(2, 80 + index, bars=3)
        indoors = {"vinyl": False, "rain": False, "cafe": False, "night": False}
        bare = replace(attributes, drums="none", tone="bright", tape=False, **indoors)
        codes = np.concatenate([encode_header(bare, PLAN), codes[:, HEADER_FRAMES:]], axis=1)
        pieces = decode(codec, codes, cut(codes.shape[1], 9, np.random.default_rng(index)))
        audio = np.concatenate(pieces)
        assert clicks(audio) == []
        border = sum(len(piece) for piece in pieces[: len(pieces) // 2])
        audio[border:] += 0.1
        assert border // 32 in [place + late for place in clicks(audio) for late in (0, 1)]


def test_a_note_that_must_make_room_does_not_click(codec: ort.InferenceSession) -> None:
    run = {step: (single(60 + step * 5 % 12), 1) for step in range(24)}
    assert clicks(play(codec, replace(BARE, bpm=95, keys="pad"), steps=24, chords=run)) == []


def test_the_graph_is_small() -> None:
    assert (FOLDER / "codec.onnx").stat().st_size <= 17_000_000
