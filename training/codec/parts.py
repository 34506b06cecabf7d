"""The band: what the steps mean as events of the pitched voices. What the header excludes never sounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.attributes import BASSES, KEYS, LEADS
from training.codec.clock import Clock
from training.codec.kit import kit_events
from training.codec.ops import Ops
from training.codec.steps import Steps
from training.codec.voices import Events
from training.composer.song import PAD_STEPS
from training.composer.theory import BASS_COUNT, BASS_LOWEST, LEAD_COUNT, LEAD_LOWEST, VOICING_COUNT, voicings
from training.synth.bank import BANK_RATE, VOICES, Bank

NOTES = 4  # of a chord
PITCHES = 128
LATE_TICKS = (0, 0, round(0.024 * BANK_RATE))  # held, struck, struck late
KEYS_GAIN = {"rhodes": 0.75, "piano": 0.85, "guitar": 0.85, "pad": 0.5}
LEAD_GAIN = {
    "flute": 0.95, "bell": 0.95, "vibes": 1.0, "guitar": 1.15, "piano": 1.15, "trumpet": 0.78, "sax": 0.9,
}  # fmt: skip
BASS_GAIN = {"sub": 1.1, "upright": 1.3}
PAD_GAIN = 0.27
# Keys sink besides in this time in tracks that close, so that the last chord does before its time is up.
CLOSING_FADE_SECONDS = 4.0
PAD_FADE_SECONDS = 3.0  # in which a held pad sinks to a third
STRUM_SECONDS = {"rhodes": 0.004, "piano": 0.004, "guitar": 0.014, "pad": 0.0}  # from one note to the next
RELEASE_SECONDS = {
    "rhodes": 0.12, "piano": 0.14, "guitar": 0.25, "pad": 0.45, "flute": 0.07, "bell": 0.3, "vibes": 0.25,
    "trumpet": 0.07, "sax": 0.06, "sub": 0.03, "upright": 0.04,
}  # fmt: skip
BROKEN_CHORD_RING = 3.0  # single notes of the keys ring on this many times longer
SINGLE_GAIN = 1.5  # and are played louder than the notes of a chord
SINGLE_PAD_GAIN = 2.0
PAD_LOOKS_BACK = 4  # steps: a chord that came so much ahead of the half bar is the pad's as well


@dataclass(frozen=True, slots=True)
class Band:
    """Events of every voice; pitched ones at the bank's rate, drums at the output's."""

    keys: Events
    pad: Events
    lead: Events
    bass: Events
    kick: Events
    snare: Events
    hat: Events


class Players:
    """Turns the window's codes into events."""

    def __init__(self, ops: Ops, clock: Clock, tones: Bank, drums: Bank) -> None:
        self._ops, self._header, self._tones, self._drums = ops, clock.header, tones, drums
        self._steps = Steps(ops, clock)

    def band(self) -> Band:
        """All voices."""
        voicing, touch = self._said(2)
        kick, snare, hat = kit_events(self._steps, self._drums)
        return Band(
            self._keys(voicing, touch), self._pad(voicing), self._lead(), self._bass(), kick, snare, hat
        )

    def _said(self, codebook: int) -> tuple[str, str]:
        """(value, touch) of a pitched codebook."""
        code = self._steps.codes[codebook]
        return self._ops.div(code, self._ops.i(3)), self._ops.mod(code, self._ops.i(3))

    def _sounds(self, instruments: Sequence[str], which: str, pitch: str) -> str:
        """Bank indices of pitches above C (0 = none) in the header's key, on one of several instruments."""
        ops = self._ops
        table = np.zeros((len(instruments), PITCHES), np.int64)
        for k, instrument in enumerate(instruments):
            if instrument == "none":
                continue
            _, low, high = VOICES[instrument]
            for p in range(PITCHES):
                # By octaves into what is stored.
                stored = p - 12 * max(0, -(-(p - high) // 12)) + 12 * max(0, -(-(low - p) // 12))
                table[k, p] = self._tones.index[instrument, stored]
        moved = ops.gather(ops.gather(ops.table(table), which), ops.add(pitch, self._header.shift))
        return ops.where(ops.less(ops.i(0), pitch), moved, ops.i(0))

    def _families(
        self, instruments: Sequence[str], gains: dict[str, float], which: str
    ) -> tuple[str, str, str]:
        """(gain, decay per sample, release per sample) of one of several instruments, at every step."""
        families = [self._tones.families.get(name) for name in instruments]
        return (
            self._steps.choose(
                [f.gain * gains[n] if f else 0.0 for n, f in zip(instruments, families, strict=True)], which
            ),
            self._steps.choose([f.rate if f else 0.0 for f in families], which),
            self._steps.choose(
                [1 / (RELEASE_SECONDS[n] * BANK_RATE) if n != "none" else 0.0 for n in instruments], which
            ),
        )

    def _if_single(self, voicing: str, value: float) -> str:
        """float [window]: `value` where one note of a broken chord is played, else 1."""
        factors = np.array([value if len(pitches) == 1 else 1.0 for pitches in voicings()], np.float32)
        return self._ops.gather(self._ops.table(factors), voicing)

    def _keys(self, voicing: str, touch: str) -> Events:
        ops, which = self._ops, self._header.keys
        onset, silent = self._steps.begins(voicing, touch)
        ring = self._if_single(voicing, 1 / BROKEN_CHORD_RING)
        louder = self._if_single(voicing, SINGLE_GAIN)
        gain, rate, release = self._families(KEYS, KEYS_GAIN, which)
        sinking = ops.mul(ops.real(self._header.ending), ops.f(1 / (CLOSING_FADE_SECONDS * BANK_RATE)))
        strums = np.array([round(STRUM_SECONDS[name] * BANK_RATE) for name in KEYS], np.int32)
        return Events(
            playing=ops.i(1),
            onset=onset,
            silent=silent,
            late=self._steps.late(touch, LATE_TICKS),
            sound=self._sounds(KEYS, which, ops.gather(ops.table(_chord_pitches()), voicing)),
            notes=NOTES,
            spread=ops.gather(ops.table(strums), which),
            gain=ops.mul(gain, self._steps.velocity(1, (1.0, 0.88, 0.8)), louder),
            rate=ops.add(rate, sinking),
            release=ops.mul(release, ring),
        )

    def _pad(self, voicing: str) -> Events:
        """The pad under the keys, which takes half a second to swell, so it follows bars, not strikes.

        It sinks while it is held; where a track closes it is let go with the last chord, but not in a rest.
        Twice in a bar it may take up another chord; broken chords lend it the note of the bar's beginning.
        """
        ops, steps = self._ops, self._steps
        sounding = ops.less(ops.i(0), voicing)
        chord = ops.gather(ops.table(np.array([len(v) > 1 for v in voicings()])), voicing)
        bar, half = (ops.equal(ops.mod(steps.number, ops.i(n)), ops.i(0)) for n in (16, 8))
        moved = ops.both(half, chord, steps.changed(voicing, PAD_LOOKS_BACK))
        gain, rate, release = self._families(("pad",), {"pad": PAD_GAIN}, ops.i(0))
        let_go = ops.equal(ops.mod(steps.number, ops.i(8)), ops.i(PAD_STEPS % 8))
        over = ops.both(ops.truth(self._header.ending), let_go, ops.op("Not", sounding))
        return Events(
            playing=self._header.pad,
            onset=ops.both(ops.either(bar, moved), sounding),
            silent=over,
            late=steps.on_time,
            sound=self._sounds(("pad",), ops.i(0), ops.gather(ops.table(_chord_pitches()), voicing)),
            notes=NOTES,
            spread=None,
            gain=ops.mul(gain, self._if_single(voicing, SINGLE_PAD_GAIN)),
            rate=ops.add(rate, ops.f(1 / (PAD_FADE_SECONDS * BANK_RATE))),
            release=release,
        )

    def _line(
        self, codebook: int, instruments: Sequence[str], gains: dict[str, float], which: str,
        pitches: Sequence[int], velocity: str,
    ) -> Events:  # fmt: skip
        """A voice of one note at a time; the instrument "none" is silent. pitches: by the codes' value."""
        ops = self._ops
        value, touch = self._said(codebook)
        onset, silent = self._steps.begins(value, touch)
        gain, rate, release = self._families(instruments, gains, which)
        pitch = ops.gather(ops.i(list(pitches)), value)
        return Events(
            playing=self._steps.unless(which, instruments.index("none")),
            onset=onset,
            silent=silent,
            late=self._steps.late(touch, LATE_TICKS),
            sound=ops.unsqueeze(self._sounds(instruments, which, pitch), 1),
            notes=1,
            spread=None,
            gain=ops.mul(gain, velocity),
            rate=rate,
            release=release,
        )

    def _lead(self) -> Events:
        pitches = [0, *range(LEAD_LOWEST, LEAD_LOWEST + LEAD_COUNT - 1)]
        velocity = self._steps.velocity(2, (1.0, 0.9, 0.85))
        return self._line(3, LEADS, LEAD_GAIN, self._header.lead, pitches, velocity)

    def _bass(self) -> Events:
        pitches = [0, *range(BASS_LOWEST, BASS_LOWEST + BASS_COUNT - 1)]
        velocity = self._steps.velocity(3, (1.0, 0.92, 0.9))
        return self._line(1, BASSES, BASS_GAIN, self._header.bass, pitches, velocity)


def _chord_pitches() -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """int64 [voicings, NOTES], 0 where a voicing has no more notes."""
    table = np.zeros((VOICING_COUNT, NOTES), np.int64)
    for v, pitches in enumerate(voicings()):
        table[v, : len(pitches)] = pitches
    return table
