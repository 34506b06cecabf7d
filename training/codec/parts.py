"""The band: what each codebook's steps mean as events of a voice. What the header excludes never sounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.attributes import BASSES, KEYS, LEADS
from training.codec.clock import WINDOW, Clock
from training.codec.ops import Ops
from training.codec.voices import Events
from training.composer.theory import BASS_COUNT, BASS_LOWEST, LEAD_COUNT, LEAD_LOWEST, VOICING_COUNT, voicings
from training.synth.bank import BANK_RATE, Bank
from training.synth.tones import RATE, VOICES
from training.tokens import CODEBOOKS, STEP_CODES

NOTES = 4  # of a chord
KEYS_GAIN = {"rhodes": 0.85, "piano": 0.85, "guitar": 0.9, "pad": 0.75}
LEAD_GAIN = {"flute": 0.75, "bell": 0.8, "vibes": 0.85, "guitar": 1.0, "piano": 1.0}
BASS_GAIN = {"sub": 1.1, "upright": 1.3}
PAD_GAIN = 0.4
RELEASE_SECONDS = {
    "rhodes": 0.12, "piano": 0.14, "guitar": 0.25, "pad": 0.3, "flute": 0.07, "bell": 0.3, "vibes": 0.25,
    "sub": 0.02, "upright": 0.02,
}  # fmt: skip
BROKEN_CHORD_RING = 3.0  # single notes of the keys ring on this many times longer
DRUM_LEVELS = 4
SILENT = ("", 0.0)
KITS: dict[str, tuple[tuple[tuple[str, float], ...], ...]] = {  # kick, snare, hat: sound and gain by level
    "boombap": (
        (SILENT, ("kick", 0.46)),
        (SILENT, ("snare", 0.32)),
        (SILENT, ("hat", 0.05), ("hat", 0.085), ("open_hat", 0.07)),
    ),
    "soft": (
        (SILENT, ("soft_kick", 0.3)),
        (SILENT, ("rim", 0.15)),
        (SILENT, ("shaker", 0.035), ("shaker", 0.06), ("shaker", 0.09)),
    ),
}
DRUM_RELEASE_SECONDS = 0.03
HUMAN_STEPS = 61  # a prime: velocities don't repeat with the bars
HUMAN_SPREAD = 0.13


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
        self._ops, self._clock, self._tones, self._drums = ops, clock, tones, drums
        limits = ops.table(np.array(STEP_CODES, np.int64)[:, None])
        legal = ops.both(ops.less(ops.i(-1), clock.steps), ops.less(clock.steps, limits))
        codes = ops.where(legal, clock.steps, ops.i(0))
        self._codes = [ops.gather(codes, ops.i(q)) for q in range(CODEBOOKS)]
        self._size = ops.length(self._codes[0], 0)
        place = ops.add(ops.count(ops.i(0), self._size), ops.sub(clock.first, ops.i(WINDOW)))
        self._number = ops.at_least(place, ops.i(0))
        self._never = ops.less(ops.count(ops.i(0), self._size), ops.i(0))

    def band(self) -> Band:
        """All voices."""
        keys, pad = self._keys_and_pad()
        kick, snare, hat = self._kit()
        return Band(keys, pad, self._lead(), self._bass(), kick, snare, hat)

    def _spread(self, x: str) -> str:
        """A scalar at every step of the window."""
        return self._ops.op("Expand", x, self._ops.unsqueeze(self._size, 0))

    def _by(self, values: Sequence[float], which: str) -> str:
        """One of several constants, chosen by a header index, at every step."""
        return self._spread(self._ops.gather(self._ops.f(list(values)), which))

    def _touch(self, voice: int, accents: tuple[float, float, float]) -> str:
        """Velocity of each step: on the beat, on other 8ths, between; with a fixed human unevenness."""
        ops = self._ops
        uneven = 1 + HUMAN_SPREAD * (np.random.default_rng(voice).random(HUMAN_STEPS) * 2 - 1)
        human = ops.gather(ops.table(uneven.astype(np.float32)), ops.mod(self._number, ops.i(HUMAN_STEPS)))
        on, half, between = accents
        return ops.mul(
            human, ops.gather(ops.f([on, between, half, between]), ops.mod(self._number, ops.i(4)))
        )

    def _begins(self, pitch: str, flag: str) -> tuple[str, str]:
        """(onset, silent): notes begin at their flag or where the pitch changes, and end where it is 0."""
        ops = self._ops
        sounding = ops.less(ops.i(0), pitch)
        held = ops.op("Slice", pitch, ops.i([0]), ops.i([-1]), ops.i([0]))
        changed = ops.op("Not", ops.equal(pitch, ops.join(ops.i([0]), held)))
        return ops.both(sounding, ops.either(changed, ops.truth(flag))), ops.op("Not", sounding)

    def _release(self, names: Sequence[str]) -> list[float]:
        return [1 / (RELEASE_SECONDS[name] * BANK_RATE) for name in names]

    def _sound(self, instrument: str, pitch: int) -> int:
        """Bank index of a note, moved by octaves into what is stored."""
        _, low, high = VOICES[instrument]
        while pitch > high:
            pitch -= 12
        while pitch < low:
            pitch += 12
        return self._tones.index[instrument, pitch]

    def _keys_and_pad(self) -> tuple[Events, Events]:
        ops, header = self._ops, self._clock.header
        voicing, flag = ops.div(self._codes[2], ops.i(2)), ops.mod(self._codes[2], ops.i(2))
        onset, silent = self._begins(voicing, flag)
        table = np.zeros((len(KEYS), VOICING_COUNT, NOTES), np.int64)
        for k, instrument in enumerate(KEYS):
            for v, pitches in enumerate(voicings()):
                for n, pitch in enumerate(pitches):
                    table[k, v, n] = self._sound(instrument, pitch)
        families = [self._tones.families[name] for name in KEYS]
        single = np.array([len(v) == 1 for v in voicings()])
        ring = ops.gather(ops.table(np.where(single, 1 / BROKEN_CHORD_RING, 1.0).astype(np.float32)), voicing)
        louder = ops.gather(ops.table(np.where(single, 1.5, 1.0).astype(np.float32)), voicing)
        gains = [KEYS_GAIN[name] * family.gain for name, family in zip(KEYS, families, strict=True)]
        keys = Events(
            onset=onset,
            silent=silent,
            sound=ops.gather(ops.gather(ops.table(table), header.keys), voicing),
            notes=NOTES,
            gain=ops.mul(self._by(gains, header.keys), self._touch(1, (1.0, 0.88, 0.8)), louder),
            rate=self._by([family.rate for family in families], header.keys),
            release=ops.mul(self._by(self._release(KEYS), header.keys), ring),
        )
        # The pad under the keys follows the bars, not the keys' strikes: it takes half a second to swell.
        chords = np.where(single[:, None], 0, table[KEYS.index("pad")])
        bar = ops.equal(ops.mod(self._number, ops.i(16)), ops.i(0))
        chord = ops.gather(ops.table(~single), voicing)
        family = self._tones.families["pad"]
        pad = Events(
            onset=ops.both(onset, bar, chord, ops.less(ops.i(0), header.pad)),
            silent=self._never,
            sound=ops.gather(ops.table(chords), voicing),
            notes=NOTES,
            gain=self._spread(ops.f(PAD_GAIN * family.gain)),
            rate=self._spread(ops.f(family.rate)),
            release=self._spread(ops.f(self._release(["pad"])[0])),
        )
        return keys, pad

    def _lead(self) -> Events:
        ops, which = self._ops, self._clock.header.lead
        pitch, flag = ops.div(self._codes[3], ops.i(2)), ops.mod(self._codes[3], ops.i(2))
        onset, silent = self._begins(pitch, flag)
        table = np.zeros((len(LEADS), LEAD_COUNT, 1), np.int64)
        for k, instrument in enumerate(LEADS[1:], 1):
            for p in range(1, LEAD_COUNT):
                table[k, p, 0] = self._sound(instrument, LEAD_LOWEST + p - 1)
        families = [self._tones.families[name] for name in LEADS[1:]]
        gains = [LEAD_GAIN[name] * family.gain for name, family in zip(LEADS[1:], families, strict=True)]
        return Events(
            onset=ops.both(onset, ops.less(ops.i(0), which)),
            silent=silent,
            sound=ops.gather(ops.gather(ops.table(table), which), pitch),
            notes=1,
            gain=ops.mul(self._by([0.0, *gains], which), self._touch(2, (1.0, 0.9, 0.85))),
            rate=self._by([0.0, *(family.rate for family in families)], which),
            release=self._by([0.0, *self._release(LEADS[1:])], which),
        )

    def _bass(self) -> Events:
        ops, which = self._ops, self._clock.header.bass
        pitch, flag = ops.div(self._codes[1], ops.i(2)), ops.mod(self._codes[1], ops.i(2))
        onset, silent = self._begins(pitch, flag)
        table = np.zeros((len(BASSES), BASS_COUNT, 1), np.int64)
        for k, instrument in enumerate(BASSES):
            for p in range(1, BASS_COUNT):
                table[k, p, 0] = self._sound(instrument, BASS_LOWEST + p - 1)
        families = [self._tones.families[name] for name in BASSES]
        gains = [BASS_GAIN[name] * family.gain for name, family in zip(BASSES, families, strict=True)]
        return Events(
            onset=onset,
            silent=silent,
            sound=ops.gather(ops.gather(ops.table(table), which), pitch),
            notes=1,
            gain=ops.mul(self._by(gains, which), self._touch(3, (1.0, 0.92, 0.9))),
            rate=self._by([family.rate for family in families], which),
            release=self._by(self._release(BASSES), which),
        )

    def _kit(self) -> tuple[Events, Events, Events]:
        ops, which = self._ops, self._clock.header.drums
        drumming = ops.less(which, ops.i(len(KITS)))
        kit = ops.at_most(which, ops.i(len(KITS) - 1))
        code = self._codes[0]
        levels = (
            ops.div(code, ops.i(8)),
            ops.mod(ops.div(code, ops.i(4)), ops.i(2)),
            ops.mod(code, ops.i(4)),
        )
        events = []
        for voice, level in enumerate(levels):
            sounds, gains, rates = self._drum_tables(voice)

            def choose(values: NDArray[Any], level: str = level) -> str:
                return ops.gather(ops.gather(ops.table(values), kit), level)

            events.append(
                Events(
                    onset=ops.both(ops.less(ops.i(0), level), drumming),
                    silent=self._never,
                    sound=choose(sounds),
                    notes=1,
                    gain=ops.mul(choose(gains), self._touch(4 + voice, (1.0, 0.95, 0.85))),
                    rate=choose(rates),
                    release=self._spread(ops.f(1 / (DRUM_RELEASE_SECONDS * RATE))),
                )
            )
        return events[0], events[1], events[2]

    def _drum_tables(self, voice: int) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
        """Sound [kits, levels, 1], gain and rate [kits, levels] of kick, snare or hat."""
        sounds = np.zeros((len(KITS), DRUM_LEVELS, 1), np.int64)
        gains, rates = (np.zeros((len(KITS), DRUM_LEVELS), np.float32) for _ in range(2))
        for k, drums in enumerate(KITS.values()):
            for level, (name, gain) in enumerate(drums[voice]):
                if name:
                    family = self._drums.families[name]
                    sounds[k, level] = self._drums.index[name, 0]
                    gains[k, level], rates[k, level] = gain * family.gain, family.rate
        return sounds, gains, rates
