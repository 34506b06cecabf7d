"""What mixed sound goes through: the limiter, the ramp, the ring, the device."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lofi_common import player_messages as pm
from lofi_player import device_sink
from lofi_player.device_sink import DeviceSink
from lofi_player.limiter import CEILING, Limiter
from lofi_player.ramp import Ramp
from lofi_player.ring import Ring
from lofi_player.sound import Frames
from tests.support.player import RAMP, RATE, Desk, as_heard, noise, sine, write_track


def test_the_device_is_changed_between_fades_and_nothing_is_lost(tmp_path: Path) -> None:
    path = write_track(tmp_path / "x.wav", noise(3.0, 1))
    desk = Desk()
    assert desk.order(pm.SetDevice, name="nowhere").error is None  # nothing is open that could tell
    desk.order(pm.Play, path, number=1)
    assert desk.said(pm.DeviceChanged) == [pm.DeviceChanged()]
    for name in ("left", "nowhere", None):
        desk.steps(10)
        error = desk.order(pm.SetDevice, name=name).error
        assert (error is None) == (name != "nowhere")
    desk.to_the_end()
    sound, whole = desk.sink.sound(), as_heard(path)
    assert len(sound) == len(whole) and len(desk.sinks) == 1
    assert np.mean(sound == whole) > 0.95 and len(desk.said(pm.DeviceChanged)) == 1


def limited(samples: NDArray[np.float32], seed: int = 1) -> NDArray[np.float32]:
    limiter, dice, out = Limiter(RATE), np.random.default_rng(seed), []
    while len(samples):
        count = int(dice.integers(1, 2000))
        out.append(limiter.process(samples[:count]))
        samples = samples[count:]
    return np.concatenate([*out, limiter.flush()])


def test_the_limiter_leaves_alone_what_is_not_too_loud() -> None:
    samples = np.random.default_rng(1).uniform(-CEILING, CEILING, (RATE, 2)).astype(np.float32)
    assert np.array_equal(limited(samples), samples)


def test_the_limiter_keeps_the_ceiling_without_a_click() -> None:
    level = np.concatenate([np.full(RATE, 0.5), np.full(RATE, 1.7), np.full(2 * RATE, 0.5)])
    samples = np.repeat(level.astype(np.float32)[:, None], 2, axis=1)
    samples[3 * RATE] = 3.0
    heard = limited(samples)
    assert heard.shape == samples.shape and np.abs(heard).max() <= CEILING + 1e-6
    gain = (heard / samples)[:, 0]
    assert np.abs(np.diff(gain)).max() <= 1 / (RATE // 200) + 1e-6
    assert heard[RATE + RATE // 2, 0] == pytest.approx(CEILING)
    assert gain[RATE - RATE // 100] == 1.0 and gain[-1] == 1.0
    assert np.array_equal(limited(samples, 1), limited(samples, 2))


def test_what_is_too_loud_for_the_volume_is_limited(tmp_path: Path) -> None:
    path = write_track(tmp_path / "loud.wav", sine(2.0, 200.0, 0.8))
    desk = Desk()
    desk.order(pm.Play, path, number=1, gain_db=12.0)
    desk.to_the_end()
    sound = desk.sink.sound()
    assert len(sound) == 2 * RATE and 0.85 < np.abs(sound).max() <= CEILING + 1e-6


def test_a_ring_gives_back_what_it_got_and_silence_for_the_rest() -> None:
    ring, sent, got = Ring(1000), [], []
    dice = np.random.default_rng(1)
    for _ in range(300):
        block = dice.uniform(-1, 1, (int(dice.integers(0, ring.room() + 1)), 2)).astype(np.float32)
        ring.write(block)
        sent.append(block)
        there = ring.written - ring.read_frames
        taken = ring.read(int(dice.integers(0, 1200)))
        assert not taken[there:].any()
        got.append(taken[:there])
    got.append(ring.read(ring.written - ring.read_frames))
    assert np.array_equal(np.concatenate(got), np.concatenate(sent))
    assert ring.missing == 0
    ring.flowing = True
    ring.read(7)
    assert ring.missing == 7


def test_what_is_left_in_a_ring_can_be_made_to_rise() -> None:
    ring = Ring(1000)
    ring.write(np.ones((700, 2), np.float32))
    ring.read(650)
    ring.write(np.ones((900, 2), np.float32))
    ring.fade_in(400)
    heard = ring.read(950)[:, 0]
    assert heard[:400] == pytest.approx(np.arange(1, 401) / 400, abs=1e-6) and (heard[400:] == 1.0).all()
    ring.fade_in(400)


@pytest.mark.timeout(20)
def test_a_device_takes_frames_also_after_a_rest() -> None:
    sink = DeviceSink(RATE, null=True)
    for _ in range(2):
        sink.write(np.ones((sink.room(), 2), np.float32))
        while sink.pending():
            time.sleep(0.01)
        sink.rest()
        sink.rest()
        sink.wake(None)
    sink.close()
    sink.close()


def test_what_a_lost_device_did_not_take_rises_from_silence_in_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Held:
        backend = "none"

        def start(self, frames: Generator[Frames, int, None]) -> None:
            self.take = frames.send

    opened: list[Held] = []

    def open_device(*_: object, **__: object) -> Held:
        opened.append(Held())
        return opened[-1]

    monkeypatch.setattr(device_sink, "open_device", open_device)
    monkeypatch.setattr(device_sink, "close_device", lambda device: None)
    sink = DeviceSink(RATE, null=True)
    sink.write(np.ones((3 * RAMP, 2), np.float32))
    assert (opened[0].take(RAMP) == 1.0).all()
    sink.fall_back()
    heard = opened[1].take(2 * RAMP)[:, 0]
    assert heard[:RAMP] == pytest.approx(np.arange(1, RAMP + 1) / RAMP, abs=1e-6)
    assert (heard[RAMP:] == 1.0).all() and not sink.pending()


def test_a_ramp_is_a_straight_line_across_blocks() -> None:
    ramp = Ramp(1.0)
    assert ramp.to(0.25, RATE) == RAMP
    ones = np.ones((RAMP // 4, 2), np.float32)
    heard = np.concatenate([ramp.apply(ones) for _ in range(5)])[:, 0]
    assert heard[:RAMP] == pytest.approx(1.0 - 0.75 * np.arange(1, RAMP + 1) / RAMP, abs=1e-6)
    assert (heard[RAMP:] == 0.25).all()
