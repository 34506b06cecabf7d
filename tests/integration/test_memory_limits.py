"""The bounds on a worker's memory: which one acts, and that an end does not depend on who came first."""

from __future__ import annotations

import re
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from tests.support.home import Home
from tests.support.stdio import Message, Stdio

MB = 1_000_000
on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="RLIMIT_DATA counts mapped memory on Linux only"
)


def ended(broker: Stdio, track_id: str) -> Message | None:
    """Wait for the end of a track; its error, if it has one."""
    while not broker.notices("generation_complete", track_id):
        if errors := broker.notices("generation_error", track_id):
            return errors[0]
        broker.take()
    return None


def ends(home: Home, prompts: Sequence[str]) -> list[Message | None]:
    """How these tracks of one broker end that are asked for at once."""
    home.environ["LOFI_WORKER_MAX_RSS_MB"] = "400"
    with Stdio(home.environ) as broker:
        asked = [broker.call("generate", prompt=each, duration_sec=5, seed=1) for each in prompts]
        return [ended(broker, str(each["track_id"])) for each in asked]


@on_linux
def test_a_loaded_worker_has_what_is_left_of_its_memory_as_its_limit(home: Home) -> None:
    home.environ["LOFI_WORKER_MAX_RSS_MB"] = "400"
    with Stdio(home.environ) as broker:
        broker.wait("generation_complete", broker.call("generate", prompt="x", duration_sec=5)["track_id"])
        pid = broker.call("status")["workers"][0]["pid"]
        soft, _ = resource.prlimit(pid, resource.RLIMIT_DATA)
        memory = psutil.Process(pid).memory_info()
        assert abs(soft - (memory.data + 400 * MB - memory.rss)) < 40 * MB


@on_linux
def test_what_would_take_too_much_is_refused_before_it_is_taken(home: Home) -> None:
    (error,) = ends(home, ["grow"])
    assert error is not None and error["code"] == "MODEL_INFERENCE_FAILED"
    assert re.match("out of memory: Unable to allocate", error["message"])  # in the worker, not by its size


@pytest.mark.parametrize(
    ("used", "prompt"),  # each has room for itself, and none beside what the other keeps
    [("grow fail@8", "grow fail@12"), ("grow-shared fail@8", "grow-shared slow 10 fail@15")],
)
def test_an_end_does_not_depend_on_who_used_the_process_before(
    short_tmp: Path, used: str, prompt: str
) -> None:
    alone, behind = (short_tmp / name for name in ("a", "b"))
    alone.mkdir()
    behind.mkdir()
    (expected,) = ends(Home(alone), [prompt])
    first, second = ends(Home(behind), [used, prompt])
    assert expected is not None and first is not None and second is not None
    assert first["message"] == "scripted failure at step 8"
    assert (second["code"], second["message"]) == (expected["code"], expected["message"])


@pytest.mark.parametrize("limit", [100, 185])
def test_a_model_that_has_too_little_room_ends_its_track_at_once_and_says_so(
    short_tmp: Path, limit: int
) -> None:
    home = Home(short_tmp, engine="onnx")
    home.environ["LOFI_WORKER_MAX_RSS_MB"] = str(limit)
    with Stdio(home.environ) as broker:
        track_id = broker.call("generate", prompt="mellow piano, rain", duration_sec=5, seed=1)["track_id"]
        error = ended(broker, track_id)
        if limit == 100:  # less than the model alone takes
            assert error is not None and error["code"] == "MODEL_LOAD_FAILED"
            assert "out of memory" in error["message"]
        elif error is not None:  # about what a track takes: it depends on the machine
            assert error["code"] in ("MODEL_LOAD_FAILED", "MODEL_INFERENCE_FAILED")
            assert "out of memory" in error["message"]
        assert broker.call("status")["workers"][0]["generation"] == 1
