"""JSON-RPC sessions with a real broker and real worker processes."""

from __future__ import annotations

import os
import signal
import statistics
import time
from pathlib import Path

import psutil
import pytest

from tests.support.home import Home
from tests.support.stdio import Stdio


def generate(broker: Stdio, prompt: str, **more: object) -> str:
    params: dict[str, object] = {"prompt": prompt, "duration_sec": 5, "seed": 1, **more}
    track_id: str = broker.call("generate", **params)["track_id"]
    return track_id


def test_a_prompt_becomes_a_track_with_progress_at_each_five_percent(broker: Stdio) -> None:
    hello = broker.call("initialize", client="test", protocol=1)
    assert hello["protocol"] == 1 and "generate" in hello["capabilities"]
    answer = broker.call("generate", prompt="  hello  ", duration_sec=5, seed=7)
    assert (answer["status"], answer["position"], answer["seed"]) == ("queued", 0, 7)
    track_id = answer["track_id"]
    complete = broker.wait("generation_complete", track_id)
    assert Path(complete["path"]).read_bytes()[:4] == b"RIFF"
    assert (complete["prompt"], complete["sample_rate"], complete["seed"]) == ("hello", 32_000, 7)
    percents = [p["percent"] for p in broker.notices("generation_progress", track_id)]
    assert percents == list(range(5, 100, 5))
    assert len(broker.notices("generation_start", track_id)) == 1


def test_a_repeat_is_answered_from_the_library_at_once(broker: Stdio) -> None:
    track_id = generate(broker, "again")
    complete = broker.wait("generation_complete", track_id)
    answer = broker.call("generate", prompt="again", duration_sec=5, seed=1)
    assert (answer["track_id"], answer["status"], answer["path"]) == (track_id, "complete", complete["path"])
    assert len(broker.notices("generation_start", track_id)) == 1


def test_an_equal_request_joins_the_one_under_way(broker: Stdio, short_tmp: Path) -> None:
    slow = generate(broker, "slow 60")
    broker.wait("generation_start", slow)
    first = generate(broker, "twin", output=str(short_tmp / "a.wav"))
    second = generate(broker, "twin", output=str(short_tmp / "b.wav"))
    assert first == second
    assert [job["track_id"] for job in broker.call("queue_status")["pending"]] == [first]
    broker.call("queue_cancel", track_id=slow)
    broker.wait("generation_complete", first)
    assert (short_tmp / "a.wav").read_bytes() == (short_tmp / "b.wav").read_bytes()


def test_sampling_is_the_models_own_where_the_request_gives_none(broker: Stdio) -> None:
    names = ("temperature", "top_k", "top_p", "guidance_scale")
    own = broker.call("track_get", track_id=generate(broker, "own"))
    assert [own[name] for name in names] == [1.0, 16, 0.0, 3.0]
    given = broker.call("track_get", track_id=generate(broker, "given", temperature=0.0, guidance_scale=1.5))
    assert [given[name] for name in names] == [0.0, 16, 0.0, 1.5]


def test_a_seed_is_chosen_and_told_when_none_is_given(broker: Stdio) -> None:
    first = broker.call("generate", prompt="any", duration_sec=5)
    second = broker.call("generate", prompt="any", duration_sec=5, seed=None)
    assert first["seed"] != second["seed"] and max(first["seed"], second["seed"]) < 2**53


def test_generate_is_answered_under_50_ms_while_another_job_runs(broker: Stdio) -> None:
    broker.wait("generation_start", generate(broker, "slow 60"))
    times = []
    for number in range(9):
        began = time.monotonic()
        generate(broker, f"waiting {number}")
        times.append(time.monotonic() - began)
    assert statistics.median(times) < 0.050


def test_the_eleventh_pending_track_is_refused(broker: Stdio) -> None:
    broker.wait("generation_start", generate(broker, "slow 60"))
    for position in range(10):
        answer = broker.call("generate", prompt=f"waiting {position}", duration_sec=5)
        assert answer["position"] == position
    error = broker.error("generate", prompt="one too many", duration_sec=5)
    assert (error["code"], error["data"]["error_code"]) == (-32004, "QUEUE_FULL")
    assert broker.call("queue_clear")["cancelled"] == 10
    assert broker.call("generate", prompt="room again", duration_sec=5)["position"] == 0


def test_high_priority_goes_before_all_normal_ones(broker: Stdio) -> None:
    slow = generate(broker, "slow 60")
    broker.wait("generation_start", slow)
    normal = generate(broker, "normal")
    first_high = generate(broker, "first high", priority="high")
    second_high = generate(broker, "second high", priority="high")
    pending = broker.call("queue_status")["pending"]
    assert [job["track_id"] for job in pending] == [first_high, second_high, normal]
    assert [job["position"] for job in pending] == [0, 1, 2]
    broker.call("queue_cancel", track_id=slow)
    broker.wait("generation_complete", normal)
    started = [p["track_id"] for p in broker.notices("generation_start")]
    assert started == [slow, first_high, second_high, normal]


def test_cancel_of_a_queued_and_of_a_running_job(broker: Stdio) -> None:
    running, queued, last = (generate(broker, p) for p in ("slow 60", "queued", "last"))
    broker.wait("generation_start", running)
    for track_id in (queued, running):
        assert broker.call("queue_cancel", track_id=track_id)["status"] == "cancelled"
        assert broker.wait("generation_error", track_id)["code"] == "GENERATION_CANCELLED"
        assert broker.call("track_get", track_id=track_id)["status"] == "cancelled"
    broker.wait("generation_complete", last)
    assert broker.notices("worker_restart") == []  # the next job ran in the same worker
    assert broker.error("queue_cancel", track_id=running)["data"]["error_code"] == "INVALID_TRACK_ID"


def test_a_cancelled_track_can_be_asked_for_again(broker: Stdio) -> None:
    blocker = generate(broker, "slow 60")
    broker.wait("generation_start", blocker)
    track_id = generate(broker, "again")
    broker.call("queue_cancel", track_id=track_id)
    broker.call("queue_cancel", track_id=blocker)
    assert generate(broker, "again") == track_id
    broker.wait("generation_complete", track_id)


def test_a_scripted_failure_is_reported_and_the_next_job_runs(broker: Stdio) -> None:
    failing, fine = generate(broker, "fail@3"), generate(broker, "fine")
    error = broker.wait("generation_error", failing)
    assert (error["code"], error["message"]) == ("MODEL_INFERENCE_FAILED", "scripted failure at step 3")
    broker.wait("generation_complete", fine)
    assert broker.call("track_get", track_id=failing)["error"]["name"] == "MODEL_INFERENCE_FAILED"


@pytest.mark.parametrize(("prompt", "word"), [("crash", "SIGSEGV"), ("oom", "out of memory")])
def test_a_poison_prompt_ends_with_its_reason_and_the_next_job_runs(
    broker: Stdio, prompt: str, word: str
) -> None:
    poison, fine = generate(broker, prompt), generate(broker, "fine")
    error = broker.wait("generation_error", poison)
    assert error["code"] == "MODEL_INFERENCE_FAILED" and word in error["message"]
    broker.wait("generation_complete", fine)
    assert broker.notices("worker_restart")


def test_a_worker_that_hangs_is_replaced(home: Home) -> None:
    home.environ["LOFI_WORKER_STALL_SEC"] = "0.5"
    with Stdio(home.environ) as broker:
        hanging, fine = generate(broker, "hang"), generate(broker, "fine")
        error = broker.wait("generation_error", hanging)
        assert "no progress for 0.5 s" in error["message"]
        broker.wait("generation_complete", fine)
        assert broker.call("status")["workers"][0]["restarts"] == 2


def test_the_broker_answers_while_a_worker_is_deaf(broker: Stdio) -> None:
    track_id = generate(broker, "slow-load 0.5")
    broker.wait("generation_start", track_id)
    assert broker.call("queue_status")["current"]["track_id"] == track_id
    broker.wait("generation_complete", track_id)


def test_after_kill_9_of_the_worker_the_broker_answers_and_the_job_runs_again(broker: Stdio) -> None:
    track_id = generate(broker, "slow 1")
    broker.wait("generation_progress", track_id)
    worker = broker.call("status")["workers"][0]
    os.kill(worker["pid"], signal.SIGKILL)
    assert broker.call("queue_status")["current"] is not None or broker.call("queue_status")["pending"]
    broker.wait("generation_complete", track_id)
    assert broker.wait("worker_restart")["reason"] == "killed by SIGKILL"
    assert len(broker.notices("generation_start", track_id)) == 2


def test_the_broker_process_never_loads_numpy_or_onnxruntime(broker: Stdio) -> None:
    broker.wait("generation_complete", generate(broker, "anything"))
    maps = Path(f"/proc/{broker.process.pid}/maps").read_text()
    assert "numpy" not in maps and "onnxruntime" not in maps
    assert "sqlite" in maps  # the look-up itself works


def test_status_names_everything_once(broker: Stdio, home: Home) -> None:
    broker.wait("generation_complete", generate(broker, "one"))
    status = broker.call("status")
    assert status["broker"]["pid"] == broker.process.pid
    assert status["broker"]["log"] == str(home.paths.logs / "broker.log")
    assert status["workers"][0]["state"] == "ready" and status["device"] == "fake"
    assert (status["current"], status["queue_length"], status["library_tracks"]) == (None, 0, 1)


def test_the_library_lists_finds_and_deletes(broker: Stdio) -> None:
    rain, sun = generate(broker, "Rainy night rhodes"), generate(broker, "sunny 100% day")
    broker.wait("generation_complete", sun)
    listed = broker.call("cache_list")
    assert [track["track_id"] for track in listed["tracks"]] == [sun, rain] and listed["total"] == 2
    found = broker.call("cache_list", query="rhodes RAINY")
    assert [track["track_id"] for track in found["tracks"]] == [rain]
    assert broker.call("cache_list", query="100%")["total"] == 1
    page = broker.call("cache_list", limit=1, offset=1)
    assert [track["track_id"] for track in page["tracks"]] == [rain] and page["total"] == 2
    stats = broker.call("cache_stats")
    assert stats["tracks"] == 2 and stats["bytes"] == sum(
        t["bytes"] + t["tokens_bytes"] for t in listed["tracks"]
    )
    path = Path(broker.call("track_get", track_id=rain)["path"])
    broker.call("cache_delete", track_id=rain)
    assert not path.exists() and not path.with_suffix(".json").exists()
    assert broker.error("track_get", track_id=rain)["data"]["error_code"] == "INVALID_TRACK_ID"
    assert broker.error("cache_delete", track_id=rain)["code"] == -32009
    assert broker.call("cache_clear")["deleted"] == 1
    assert broker.call("cache_list")["tracks"] == []


def test_a_track_whose_file_was_removed_is_made_again(broker: Stdio) -> None:
    track_id = generate(broker, "lost")
    path = Path(broker.wait("generation_complete", track_id)["path"])
    before = path.read_bytes()
    path.unlink()
    assert generate(broker, "lost") == track_id
    broker.wait("generation_complete", track_id, count=2)
    assert path.read_bytes() == before


@pytest.mark.parametrize(("kind", "magic"), [("flac", b"fLaC"), ("ogg", b"OggS"), ("mp3", b"")])
def test_other_formats(broker: Stdio, kind: str, magic: bytes) -> None:
    track_id = generate(broker, "format", format=kind)
    path = Path(broker.wait("generation_complete", track_id)["path"])
    assert path.suffix == f".{kind}" and path.read_bytes().startswith(magic)


def test_models_list_names_the_selected_model(broker: Stdio) -> None:
    (model,) = [model for model in broker.call("models_list")["models"] if model["selected"]]
    assert (model["name"], model["selected"], model["license"]) == ("test-model", True, "MIT")
    answer = broker.call("generate", prompt="x", duration_sec=5, model="test-model")
    assert answer["model_version"] == model["model_version"]


def test_a_model_that_is_replaced_is_used_from_the_next_track_on(broker: Stdio, home: Home) -> None:
    broker.wait("generation_complete", generate(broker, "old"))
    manifest = Path(home.environ["LOFI_MODEL_FOLDER"]) / "model.toml"
    before = broker.call("models_list")["models"][0]["model_version"]
    manifest.write_text(manifest.read_text().replace("A manifest", "Another manifest"))
    answer = broker.call("generate", prompt="new", duration_sec=5)
    assert answer["model_version"] != before
    complete = broker.wait("generation_complete", answer["track_id"])
    assert complete["model_version"] == answer["model_version"]


def test_shutdown_answers_then_leaves_with_its_worker(broker: Stdio) -> None:
    broker.wait("generation_complete", generate(broker, "x"))
    worker = psutil.Process(broker.call("status")["workers"][0]["pid"])
    assert broker.call("shutdown")["pid"] == broker.process.pid
    assert broker.process.wait(10.0) == 0
    assert not worker.is_running()
