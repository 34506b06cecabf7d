"""The real thing: the starter model from prompt to file."""

from __future__ import annotations

import os
import signal
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support.home import Home
from tests.support.standing import Standing
from tests.support.stdio import Stdio
from training.judge.features import faults

PROMPT = "rainy night, mellow rhodes, slow"


@pytest.fixture
def home(short_tmp: Path) -> Iterator[Home]:
    home = Home(short_tmp, engine="onnx")
    yield home
    home.stop()


@pytest.fixture(scope="module")
def standing() -> Iterator[Standing]:
    with Standing(engine="onnx") as standing:
        yield standing


def make(broker: Stdio, prompt: str = PROMPT, duration_sec: int = 20, seed: int = 1) -> bytes:
    """The bytes of a track, generated or found."""
    answer = broker.call("generate", prompt=prompt, duration_sec=duration_sec, seed=seed)
    if "path" not in answer:
        answer = broker.wait("generation_complete", answer["track_id"])
    return Path(answer["path"]).read_bytes()


def test_lofi_submit_makes_exactly_20_s_of_music(home: Home) -> None:
    done = home.submit(PROMPT, "-d", "20", "--seed", "1")
    assert (done.returncode, done.stderr) == (0, "")
    info = soundfile.info(done.stdout.strip())
    assert (info.samplerate, info.channels, info.frames) == (32_000, 1, 640_000)
    assert (info.format, info.subtype) == ("WAV", "PCM_16")
    audio, _ = soundfile.read(done.stdout.strip(), dtype="float32")
    assert faults(audio) == []
    shuffled = np.random.default_rng(0).permutation(audio)
    assert faults(shuffled) != []


def test_the_same_bytes_again_in_a_new_broker_and_after_kill_9(home: Home) -> None:
    with Stdio(home.environ) as broker:
        first = make(broker, duration_sec=60)
        assert make(broker, duration_sec=60) == first
        broker.call("cache_clear")
        track_id = broker.call("generate", prompt=PROMPT, duration_sec=60, seed=1)["track_id"]
        broker.wait("generation_start", track_id, count=2)
        before = len(broker.notices("generation_progress", track_id))
        broker.wait("generation_progress", track_id, count=before + 1)
        os.kill(broker.call("status")["workers"][0]["pid"], signal.SIGKILL)
        again = broker.wait("generation_complete", track_id, count=2)
        assert broker.notices("worker_restart")[0]["reason"] == "killed by SIGKILL"
        assert Path(again["path"]).read_bytes() == first
        broker.call("cache_clear")
    with Stdio(home.environ) as broker:
        assert make(broker, duration_sec=60) == first
    assert len(first) == 44 + 2 * 60 * 32_000


def test_the_same_bytes_beside_other_jobs_in_neighbouring_slots(home: Home) -> None:
    with Stdio(home.environ) as broker:
        alone = make(broker)
        broker.call("cache_clear")
    home.environ["LOFI_WORKER_SLOTS"] = "3"
    with Stdio(home.environ) as broker:
        for prompt in (
            "a long and different prompt about piano, guitar and a walk in the snow",
            "jazz",
        ):
            broker.call("generate", prompt=prompt, duration_sec=60, seed=9)
        assert make(broker) == alone
        # The neighbours began before and went on after it.
        assert len(broker.notices("generation_start")) == 3
        assert len(broker.notices("generation_complete")) == 1
        assert broker.notices("generation_error") == []


def test_generate_is_answered_under_50_ms_while_the_model_computes(home: Home) -> None:
    with Stdio(home.environ) as broker:
        running = broker.call("generate", prompt=PROMPT, duration_sec=120)["track_id"]
        broker.wait("generation_progress", running)
        times = []
        for number in range(9):
            began = time.monotonic()
            broker.call("generate", prompt=f"waiting {number}", duration_sec=120)
            times.append(time.monotonic() - began)
        assert broker.call("queue_status")["current"]["track_id"] == running
        assert statistics.median(times) < 0.050


def test_other_seeds_and_prompts_give_other_tracks(standing_broker: Stdio) -> None:
    tracks = {
        make(standing_broker),
        make(standing_broker, seed=2),
        make(standing_broker, prompt="sunny morning, guitar, fast"),
    }
    assert len(tracks) == 3


@pytest.mark.parametrize("duration_sec", [5, 37, 120])
def test_every_duration_is_exact(standing_broker: Stdio, duration_sec: int) -> None:
    assert len(make(standing_broker, duration_sec=duration_sec)) == 44 + 2 * 32_000 * duration_sec


@pytest.mark.parametrize(
    "prompt",
    [
        "🌧️🎹",
        "xylqwertz blorp",
        "夜の雨、静かなピアノ",
        "müde Nächte",
        "word " * 200,
        "</s> <pad>",
        "a\x00b",
    ],
)
def test_any_prompt_gives_a_track(standing_broker: Stdio, prompt: str) -> None:
    assert len(make(standing_broker, prompt=prompt, duration_sec=5)) == 44 + 2 * 32_000 * 5


@pytest.mark.parametrize(
    "sampling",
    [
        {"temperature": 0},
        {"temperature": 2.0, "top_k": 0},
        {"top_p": 0.5},
        {"guidance_scale": 3.0},
        {"guidance_scale": 0},
        {"top_k": 1},
    ],
)
def test_sampling_parameters_are_taken(standing_broker: Stdio, sampling: dict[str, float]) -> None:
    answer = standing_broker.call("generate", prompt=PROMPT, duration_sec=5, seed=1, **sampling)
    complete = standing_broker.wait("generation_complete", answer["track_id"])
    assert soundfile.info(complete["path"]).frames == 160_000
