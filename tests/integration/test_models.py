"""Several models in one broker: listed, chosen, used side by side in the queue, removed."""

from __future__ import annotations

import json
from typing import Any

import psutil
import pytest

from tests.support.home import MODEL_TOML, Home
from tests.support.models import put_model, without_setting
from tests.support.stdio import Stdio


def names(broker: Stdio, state: str = "installed") -> list[str]:
    return [model["name"] for model in broker.call("models_list")["models"] if model["state"] == state]


def test_tracks_of_several_models_in_one_queue(home: Home) -> None:
    without_setting(home)
    for name in ("one", "two"):
        put_model(home, name)
    with Stdio(home.environ) as broker:
        asked = ["one", "two", "one", None]
        answers = [
            broker.call("generate", prompt=f"track {n}", duration_sec=5, **({"model": name} if name else {}))
            for n, name in enumerate(asked)
        ]
        for answer in answers:
            complete = broker.wait("generation_complete", answer["track_id"])
            assert complete["model_version"] == answer["model_version"]
        starts = [start["model_version"].rpartition("-")[0] for start in broker.notices("generation_start")]
        loaded = [n["model"] for n in broker.notices("model_status") if n["state"] == "ready"]
        assert loaded == ["one", "two", "one", "lofi-tiny"] and len(starts) == 4
        (worker,) = broker.call("status")["workers"]
        assert worker["model_version"] == answers[3]["model_version"] and worker["device"] == "fake"
        assert worker["threads"] >= 1
        assert broker.notices("worker_restart") == []  # a change of models is no mishap
        logged = (home.paths.logs / "broker.log").read_text().splitlines()
        changes = [line for line in logged if "event=worker_killed" in line]
        assert len(changes) == 3
        assert all("makes room for" in line and "level=info" in line for line in changes)
        again = broker.call(
            "generate", prompt="track 1", duration_sec=5, model=answers[1]["model_version"], seed=3
        )
        broker.wait("generation_complete", again["track_id"])


def test_the_chosen_model_makes_the_tracks_of_this_and_of_the_next_broker(home: Home) -> None:
    without_setting(home)
    put_model(home, "mine")
    with Stdio(home.environ) as broker:
        assert broker.error("model_select", model="nope")["data"]["error_code"] == "MODEL_NOT_FOUND"
        chosen = broker.call("model_select", model="mine")
        assert broker.call("generate", prompt="x", duration_sec=5)["model_version"] == chosen["model_version"]
        assert broker.call("status")["model"] == "mine"
    with Stdio(home.environ) as broker:
        (selected,) = [model for model in broker.call("models_list")["models"] if model["selected"]]
        assert selected["model_version"] == chosen["model_version"]
        assert broker.call("initialize", client="x", protocol=1)["models"][0] == selected


def test_a_track_that_a_model_can_t_make_is_refused_when_it_is_asked_for(home: Home) -> None:
    without_setting(home)
    for name, steps in (("short", 2048), ("useless", 128)):
        own_pace = MODEL_TOML.replace("frames_per_second", "max_frames_per_second")
        put_model(home, name, own_pace.replace("test-model", name).replace("8192", str(steps)))
    with Stdio(home.environ) as broker:
        listed = {
            model["name"]: model.get("max_duration_sec") for model in broker.call("models_list")["models"][:3]
        }
        assert listed == {"lofi-tiny": None, "short": 40, "useless": 2}
        error = broker.error("generate", prompt="x", duration_sec=41, model="short")
        assert error["data"]["error_code"] == "INVALID_DURATION"
        assert error["message"] == "short makes at most 40 s at once, not 41 s"
        assert "-d 40" in error["data"]["recovery"]
        error = broker.error("generate", prompt="x", duration_sec=5, model="useless")
        assert error["data"]["error_code"] == "INVALID_DURATION" and "-d" not in error["data"]["recovery"]
        assert broker.call("queue_status")["pending"] == []
        longest = broker.call("generate", prompt="x", duration_sec=40, model="short")
        broker.wait("generation_complete", longest["track_id"])


def test_a_setting_is_not_overruled(broker: Stdio, home: Home) -> None:
    put_model(home, "mine")
    error = broker.error("model_select", model="mine")
    assert error["data"]["error_code"] == "INVALID_PARAMS" and "model.folder" in error["message"]
    other = broker.call("generate", prompt="x", duration_sec=5, model="mine")
    broker.wait("generation_complete", other["track_id"])  # it may be asked for all the same


def test_a_model_of_the_catalogue_that_is_missing_asks_for_consent_and_fetches_nothing(home: Home) -> None:
    home.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
    with Stdio(without_setting(home).environ) as broker:
        error = broker.error("generate", prompt="x", duration_sec=5, model="musicgen-small-onnx")
        assert (error["code"], error["data"]["error_code"]) == (-32007, "DOWNLOAD_CONSENT_REQUIRED")
        offer = json.loads(error["data"]["details"])
        assert offer == {
            "model": "musicgen-small-onnx",
            "source": "musicgen-small-onnx",
            "license": "CC-BY-NC-4.0",
            "repo": "gabotechs/music_gen",
            "revision": "675386ca686a378fe9ff739b60fdf29c310b3560",
            "bytes_total": 2_251_406_668,
            "destination": str(home.paths.models / "musicgen-small-onnx"),
        }
        assert "lofi models pull musicgen-small-onnx" in error["data"]["recovery"]
        assert broker.call("queue_status")["pending"] == []
    done = home.submit("x", "-d", "5", "--model", "musicgen-small")
    assert done.returncode == 5 and "CC-BY-NC-4.0" in done.stderr and "lofi models pull" in done.stderr


def test_a_model_that_does_not_load_fails_its_own_tracks_only(home: Home) -> None:
    without_setting(home)
    home.environ["LOFI_WORKER_ENGINE"] = "onnx"
    put_model(home, "hollow")  # a manifest without graphs
    with Stdio(home.environ) as broker:
        bad = [broker.call("generate", prompt=p, duration_sec=5, model="hollow")["track_id"] for p in "ab"]
        good = broker.call("generate", prompt="c", duration_sec=5)["track_id"]
        for track_id in bad:
            error = broker.wait("generation_error", track_id)
            assert error["code"] == "MODEL_NOT_FOUND" and "hollow/tokenizer.json" in error["message"]
        broker.wait("generation_complete", good)
        assert ("hollow", "failed") in [(n["model"], n["state"]) for n in broker.notices("model_status")]


def test_a_model_that_is_deleted_by_hand_fails_its_waiting_tracks_and_says_so(home: Home) -> None:
    without_setting(home)
    folder = put_model(home, "mine")
    with Stdio(home.environ) as broker:
        first = broker.call("generate", prompt="slow 1", duration_sec=5)["track_id"]
        lost = broker.call("generate", prompt="b", duration_sec=5, model="mine")["track_id"]
        kept = broker.call("generate", prompt="c", duration_sec=5)["track_id"]
        (folder / "model.toml").unlink()
        folder.rmdir()
        error = broker.wait("generation_error", lost)
        assert error["code"] == "MODEL_NOT_FOUND" and "no longer installed" in error["message"]
        for track_id in (first, kept):
            broker.wait("generation_complete", track_id)


def test_removal(home: Home) -> None:
    without_setting(home)
    folder = put_model(home, "mine")
    with Stdio(home.environ) as broker:
        slow = broker.call("generate", prompt="slow 60", duration_sec=5, model="mine")["track_id"]
        error = broker.error("model_remove", model="mine")
        assert error["data"]["error_code"] == "INVALID_PARAMS" and "need mine" in error["message"]
        broker.call("queue_cancel", track_id=slow)
        broker.call("model_select", model="mine")
        refused = broker.error("model_remove", model="mine")
        assert "lofi models use lofi-tiny" in refused["data"]["recovery"]
        broker.call("model_select", model="lofi-tiny")
        assert broker.call("model_remove", model="mine")["bytes"] > 0
        assert not folder.exists() and names(broker) == ["lofi-tiny"]
        assert broker.wait("model_status", count=1) and ("mine", "removed") in [
            (n["model"], n["state"]) for n in broker.notices("model_status")
        ]
        for name in ("lofi-tiny", "..", "/", "mine"):
            assert "error" in broker.request("model_remove", {"model": name})
        assert home.paths.models.is_dir()


@pytest.mark.parametrize("device", ["cuda", "metal"])
def test_a_device_that_is_not_there_is_an_error_that_names_what_is(home: Home, device: str) -> None:
    without_setting(home)
    home.environ |= {"LOFI_WORKER_ENGINE": "onnx", "LOFI_WORKER_DEVICE": device}
    with Stdio(home.environ) as broker:
        track_id = broker.call("generate", prompt="x", duration_sec=5)["track_id"]
        error = broker.wait("generation_error", track_id)
        assert error["code"] == "MODEL_LOAD_FAILED" and "offers cpu" in error["message"]
        assert 'worker.device = "cpu"' in error["recovery"]


@pytest.mark.parametrize("spin", [True, False])
def test_niceness_spinning_and_threads_reach_the_worker(home: Home, spin: bool) -> None:
    home.environ |= {"LOFI_WORKER_NICE": "7", "LOFI_WORKER_SPIN": str(spin), "LOFI_WORKER_THREADS": "1"}
    with Stdio(home.environ) as broker:
        worker = worker_of(broker)
        process = psutil.Process(worker["pid"])
        assert ("--spin" in process.cmdline()) == spin
        assert "--threads=1" in process.cmdline() and worker["threads"] == 1
        assert process.nice() == min(19, psutil.Process().nice() + 7)


@pytest.mark.parametrize("own", [None, "glibc.malloc.check=0"])
def test_workers_ask_for_huge_pages_but_for_own_tunables(home: Home, own: str | None) -> None:
    if own is not None:
        home.environ["GLIBC_TUNABLES"] = own
    with Stdio(home.environ) as broker:
        found = psutil.Process(worker_of(broker)["pid"]).environ()["GLIBC_TUNABLES"]
        assert found == (own or "glibc.malloc.hugetlb=1")


def worker_of(broker: Stdio) -> Any:
    """The one worker, as `status` tells of it, after a track."""
    track_id = broker.call("generate", prompt="x", duration_sec=5)["track_id"]
    broker.wait("generation_complete", track_id)
    (worker,) = broker.call("status")["workers"]
    return worker
