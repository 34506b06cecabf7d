"""Builds codec.onnx: codes, `last` and state in, 32 kHz audio and the next state out."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    ceiling,
    loop,
    oscillate,
    tone,
    upsample,
    wow,
)
from training.codec.filters import BLOCK
from training.codec.ops import Ops
from training.codec.parts import Band, Players
from training.codec.ride import STRENGTH, ride
from training.codec.voices import BankTables, Events, Rows, bank_tables, compress, lay_out, play
from training.synth.bank import BANK_RATE, Bank, Loop, drum_bank, noise_loops, tone_bank
from training.synth.tones import RATE

SLOTS = {"keys": 3, "pad": 2, "lead": 3, "bass": 2, "kick": 2, "snare": 2, "hat": 2}
DRIVE = (1.6, 2.1)  # without and with tape
DUCK_DEPTH, DUCK_SECONDS, DUCK_ATTACK_SECONDS = 0.36, 0.09, 0.004
LOOP_RMS = {"vinyl": 0.0036, "rain": 0.005, "cafe": 0.007, "night": 0.005, "tape": 0.0018}  # music: 0.126
CEILING = 0.97
HEADER_FIELDS = ("keys", "bass", "drums", "lead", "tone", "pad", "density", "tape")


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
    loops: dict[str, Loop]


def synthesise() -> Sounds:
    return Sounds(tone_bank(), drum_bank(), noise_loops())


def build_codec(sounds: Sounds, levels: Levels, riding: float = STRENGTH) -> onnx.ModelProto:
    """The graph `codes, last, state.* -> audio, next_state.*` for the sounds given.

    riding: how far a passage's deviation from the common loudness is mended, 0 to 1.
    """
    ops = Ops(GraphBuilder("codec"))
    clock = build_clock(ops)
    band = Players(ops, clock, sounds.tones, sounds.drums).band()
    mixed = _pitched(ops, clock, band, sounds)
    wide = ops.op("Slice", upsample(ops, mixed), ops.i([BLOCK // 2]), ops.i([2**62]), ops.i([0]))
    # `wide` begins WOW_REACH + 32 ticks after the computed span does; so do the drums.
    drums = _drums(ops, clock, band, sounds, WOW_REACH + BLOCK // 4)
    drive = ops.gather(ops.f(DRIVE), clock.header.tape)
    driven = ops.div(ops.op("Tanh", ops.mul(ops.add(wide, drums), drive)), drive)
    toned = tone(ops, driven, clock.header.tone, clock.header.tape)
    offset = ops.add(ops.mul(clock.from_tick, ops.i(2)), ops.i(2 * WOW_REACH + BLOCK // 2))
    music = ops.cut(toned, ops.sub(clock.from_sample, offset), ops.sub(clock.to_sample, offset), 0)
    positions = ops.count(clock.from_sample, clock.to_sample)
    even = ride(ops, clock, ops.mul(music, _makeup(ops, clock, levels)), riding)
    loud = ops.add(even, *_noises(ops, clock, sounds, positions))
    ops.graph.node("Unsqueeze", [ceiling(ops, loud, CEILING), ops.i([0, 1])], output="audio")
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
    others = ops.add(*(voice(getattr(band, name), name) for name in ("pad", "lead", "bass")))
    tonal = wow(ops, ops.add(keys, compress(ops, rows, others)), ticks, clock.header.tape)
    duck = compress(ops, rows, _duck(ops, rows, band.kick))
    return ops.mul(tonal, ops.op("Slice", duck, ops.i([WOW_REACH]), ops.i([2**62]), ops.i([0])))


def _duck(ops: Ops, rows: Rows, kick: Events) -> str:
    """Gain of the pitched voices under the latest two kicks, float [rows, columns]."""
    # A bank of silence and a sound of one 1 that stands turns the voice machinery into an envelope generator.
    places = ops.table(np.array([1, 3], np.int32))
    envelope = BankTables(ops.table(np.array([0, 0, 0, 1], np.int8)), places, places)
    zero, one = ops.mul(kick.gain, ops.f(0.0)), ops.add(ops.mul(kick.gain, ops.f(0.0)), ops.f(1.0))
    sound = ops.add(ops.mul(kick.sound, ops.i(0)), ops.i(1))

    def fall(seconds: float) -> str:
        rate = ops.add(zero, ops.f(1 / (seconds * BANK_RATE)))
        events = replace(kick, sound=sound, gain=one, rate=rate, release=zero)
        return play(ops, rows, events, envelope, 2, BANK_RATE)

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
    """What is heard around the music, each loop where the header has it."""
    switches = {**clock.header.airs, "tape": clock.header.tape}
    return [
        ops.mul(loop(ops, each.samples, each.scale * LOOP_RMS[name], positions), ops.real(switches[name]))
        for name, each in sounds.loops.items()
    ]
