"""Builds codec.onnx: codes, `last` and state in, 32 kHz audio and the next state out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from lofi_worker.importer.graph import FLOAT, GraphBuilder
from training.attributes import KEYS
from training.codec.clock import Clock, build_clock
from training.codec.effects import (
    TREMOLO_DEPTH,
    TREMOLO_TICKS,
    WOW_REACH,
    loop,
    oscillate,
    tone,
    upsample,
    wow,
)
from training.codec.filters import BLOCK
from training.codec.ops import Ops
from training.codec.parts import Band, Players
from training.codec.voices import BankTables, Events, Rows, bank_tables, compress, lay_out, play
from training.synth.bank import BANK_RATE, Bank, drum_bank, noise_loops, tone_bank
from training.synth.tones import RATE

SLOTS = {"keys": 3, "pad": 2, "lead": 3, "bass": 2, "kick": 2, "snare": 2, "hat": 2}
TONAL_GAIN = 0.9
DRIVE = 1.6
DUCK_DEPTH, DUCK_SECONDS, DUCK_ATTACK_SECONDS = 0.36, 0.09, 0.004
VINYL_RMS, RAIN_RMS = 0.0038, 0.006  # against a music of 0.126
HEADER_FIELDS = ("keys", "bass", "drums", "lead", "tone", "pad", "density")


@dataclass(frozen=True, slots=True)
class Levels:
    """Makeup gain in dB: a constant and a table for each header field, which add up."""

    constant: float
    tables: dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Sounds:
    """All recorded material of the graph."""

    tones: Bank
    drums: Bank
    vinyl: NDArray[np.int8]
    rain: NDArray[np.int8]
    noise_scales: tuple[float, float]


def synthesise() -> Sounds:
    vinyl, rain, scales = noise_loops()
    return Sounds(tone_bank(), drum_bank(), vinyl, rain, scales)


def build_codec(sounds: Sounds, levels: Levels) -> onnx.ModelProto:
    """The graph `codes, last, state.* -> audio, next_state.*` for the sounds given."""
    ops = Ops(GraphBuilder("codec"))
    clock = build_clock(ops)
    band = Players(ops, clock, sounds.tones, sounds.drums).band()
    mixed = _pitched(ops, clock, band, sounds)
    wide = ops.op("Slice", upsample(ops, mixed), ops.i([BLOCK // 2]), ops.i([2**62]), ops.i([0]))
    # `wide` begins WOW_REACH + 32 ticks after the computed span does; so do the drums.
    drums = _drums(ops, clock, band, sounds, WOW_REACH + BLOCK // 4)
    driven = ops.mul(ops.op("Tanh", ops.mul(ops.add(wide, drums), ops.f(DRIVE))), ops.f(1 / DRIVE))
    toned = tone(ops, driven, clock.header.tone)
    offset = ops.add(ops.mul(clock.from_tick, ops.i(2)), ops.i(2 * WOW_REACH + BLOCK // 2))
    music = ops.cut(toned, ops.sub(clock.from_sample, offset), ops.sub(clock.to_sample, offset), 0)
    positions = ops.count(clock.from_sample, clock.to_sample)
    loud = ops.add(ops.mul(music, _makeup(ops, clock, levels)), *_noises(ops, clock, sounds, positions))
    ops.graph.node("Unsqueeze", [ops.op("Tanh", loud), ops.i([0, 1])], output="audio")
    ops.graph.output("audio", FLOAT, [1, 1, "samples"])
    return ops.graph.model()


def _pitched(ops: Ops, clock: Clock, band: Band, sounds: Sounds) -> str:
    """Keys, pad, lead and bass, ducked under the kick: 16 kHz, from WOW_REACH ticks into the span on."""
    bank = bank_tables(ops, sounds.tones.samples, sounds.tones.start, sounds.tones.end)
    rows = lay_out(ops, clock.begins, clock.new, clock.from_tick, clock.to_tick)

    def voice(events: Events, name: str) -> str:
        return play(ops, rows, events, bank, SLOTS[name], BANK_RATE)

    ticks = ops.count(clock.from_tick, clock.to_tick)
    shaking = ops.mul(
        ops.real(ops.equal(clock.header.keys, ops.i(KEYS.index("rhodes")))), ops.f(TREMOLO_DEPTH)
    )
    tremolo = ops.add(ops.f(1.0), ops.mul(oscillate(ops, ticks, TREMOLO_TICKS), shaking))
    keys = ops.mul(compress(ops, rows, voice(band.keys, "keys")), tremolo)
    others = compress(ops, rows, ops.add(voice(band.pad, "pad"), voice(band.lead, "lead")))
    tonal = ops.mul(wow(ops, ops.add(keys, others), ticks), ops.f(TONAL_GAIN))
    low = compress(ops, rows, voice(band.bass, "bass"))
    duck = compress(ops, rows, _duck(ops, rows, band.kick))

    def late(x: str) -> str:
        return ops.op("Slice", x, ops.i([WOW_REACH]), ops.i([2**62]), ops.i([0]))

    return ops.mul(ops.add(tonal, late(low)), late(duck))


def _duck(ops: Ops, rows: Rows, kick: Events) -> str:
    """Gain of the pitched voices under the latest two kicks, float [rows, columns]."""
    # A bank of two numbers, 0 and 1, turns the voice machinery into an envelope generator.
    envelope = BankTables(
        ops.table(np.array([0, 1], np.int8)),
        ops.table(np.array([0, 1], np.int32)),
        ops.table(np.array([0, 1], np.int32)),
    )
    zero, one = ops.mul(kick.gain, ops.f(0.0)), ops.add(ops.mul(kick.gain, ops.f(0.0)), ops.f(1.0))
    sound = ops.add(ops.mul(kick.sound, ops.i(0)), ops.i(1))

    def fall(seconds: float) -> str:
        rate = ops.add(zero, ops.f(1 / (seconds * BANK_RATE)))
        return play(
            ops, rows, Events(kick.onset, kick.silent, sound, 1, one, rate, zero), envelope, 2, BANK_RATE
        )

    dip = ops.sub(fall(DUCK_SECONDS), fall(DUCK_ATTACK_SECONDS))
    return ops.sub(ops.f(1.0), ops.mul(dip, ops.f(DUCK_DEPTH)))


def _drums(ops: Ops, clock: Clock, band: Band, sounds: Sounds, skipped: int) -> str:
    """Kick, snare and hat at 32 kHz from `skipped` ticks into the span on."""
    bank = bank_tables(ops, sounds.drums.samples, sounds.drums.start, sounds.drums.end)
    two = ops.i(2)
    first = ops.mul(ops.add(clock.from_tick, ops.i(skipped)), two)
    fine = lay_out(ops, ops.mul(clock.begins, two), clock.new, first, ops.mul(clock.to_tick, two))
    voices = (("kick", band.kick), ("snare", band.snare), ("hat", band.hat))
    return compress(ops, fine, ops.add(*(play(ops, fine, e, bank, SLOTS[name], RATE) for name, e in voices)))


def _makeup(ops: Ops, clock: Clock, levels: Levels) -> str:
    decibels = [ops.f(levels.constant)]
    for name in HEADER_FIELDS:
        decibels.append(ops.gather(ops.table(levels.tables[name]), getattr(clock.header, name)))
    return ops.op("Exp", ops.mul(ops.add(*decibels), ops.f(float(np.log(10) / 20))))


def _noises(ops: Ops, clock: Clock, sounds: Sounds, positions: str) -> list[str]:
    ambience = clock.header.ambience
    vinyl_on = ops.real(ops.mod(ambience, ops.i(2)))
    rain_on = ops.real(ops.div(ambience, ops.i(2)))
    vinyl_scale, rain_scale = sounds.noise_scales
    return [
        ops.mul(loop(ops, sounds.vinyl, vinyl_scale * VINYL_RMS, positions), vinyl_on),
        ops.mul(loop(ops, sounds.rain, rain_scale * RAIN_RMS, positions), rain_on),
    ]
