"""`lofi models pull` and what stands behind it: consent, progress, cancelling, going on, beside the queue."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from lofi_broker.models.consents import read_consents
from tests.integration.test_lifecycle import start_headless
from tests.support.client import RawClient
from tests.support.home import Home
from tests.support.hub import FakeHub
from tests.support.models import FIXTURE, NAME, with_hub, without_setting
from tests.support.shop import FILES, REPO, WEIGHTS, wait_until
from tests.support.stdio import Stdio
from tests.support.terminal import read

TOTAL = sum(map(len, FILES.values()))


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        yield hub


def until(broker: Stdio, *states: str) -> dict[str, object]:
    """The next status of the model that is one of `states`."""
    count = 1
    while True:
        told = broker.wait("model_status", count=count)
        if told["model"] == NAME and told["state"] in states:
            return told
        count += 1


def model(broker: Stdio) -> dict[str, object]:
    (found,) = [each for each in broker.call("models_list")["models"] if each["name"] == NAME]
    return dict(found)


def test_without_consent_the_offer_and_nothing_else_with_it_the_model(home: Home, hub: FakeHub) -> None:
    with_hub(home, hub)
    home.environ["LOFI_WORKER_ENGINE"] = "onnx"
    with Stdio(home.environ) as broker:
        error = broker.error("model_download", model=REPO)
        assert (error["code"], error["data"]["error_code"]) == (-32007, "DOWNLOAD_CONSENT_REQUIRED")
        offer = json.loads(error["data"]["details"])
        commit = hub.repos[REPO].commit
        assert (offer["repo"], offer["revision"], offer["license"]) == (REPO, commit, "cc-by-nc-4.0")
        assert (offer["bytes_total"], offer["destination"]) == (TOTAL, str(home.paths.models / NAME))
        assert not hub.gets(WEIGHTS) and not home.paths.models.exists()
        answer = broker.call("model_download", model=REPO, consent=True)
        assert answer == {"model": NAME, "state": "installing"}
        done = until(broker, "installed", "install_failed")
        assert done["state"] == "installed", done
        last = broker.notices("download_progress")[-1]
        assert last["model"] == NAME and last["bytes_downloaded"] == last["bytes_total"] == TOTAL
        assert last["files_completed"] == last["files_total"] == len(FILES)
        stages = [n for n in broker.notices("model_status") if "stage" in n]
        assert stages and all(0 <= n["done"] <= n["total"] for n in stages)
        found = model(broker)
        assert found["model_version"] == done["model_version"] and found["state"] == "installed"
        track = broker.call("generate", prompt="x", duration_sec=5, model=NAME)
        broker.wait("generation_complete", track["track_id"])
    (consent,) = read_consents(home.paths.models / "consents.json")
    assert (consent.model, consent.repo, consent.revision) == (NAME, REPO, commit)
    assert (consent.license, consent.bytes, consent.uid) == ("cc-by-nc-4.0", TOTAL, os.getuid())


def test_a_yes_does_not_hold_for_what_came_after_it(home: Home, hub: FakeHub) -> None:
    with Stdio(with_hub(home, hub).environ) as broker:
        broker.error("model_download", model=REPO)
        hub.repos[REPO].license = "other"
        broker.call("model_download", model=REPO, consent=True)
        failed = until(broker, "installed", "install_failed")
        assert failed["error"]["name"] == "DOWNLOAD_CONSENT_REQUIRED"  # type: ignore[index]
    assert read_consents(home.paths.models / "consents.json") == []
    assert not (home.paths.models / NAME).exists()


def test_a_download_holds_up_neither_the_queue_nor_other_clients_and_can_be_cancelled(
    home: Home, hub: FakeHub
) -> None:
    fault = hub.fail(WEIGHTS, then="stall", after=200_000)
    with Stdio(with_hub(home, hub).environ) as broker:
        broker.call("status")
        endpoint = json.loads(home.paths.broker_file.read_text())["endpoint"]
        with RawClient(endpoint) as other:
            other.call("initialize", client="test", protocol=1, events=True)
            broker.call("model_download", model=REPO, consent=True)
            assert fault.reached.wait(20)
            track = broker.call("generate", prompt="meanwhile", duration_sec=5)["track_id"]
            broker.wait("generation_complete", track)
            assert other.wait("download_progress")["model"] == NAME
            assert broker.call("model_download", model=REPO, consent=True)["state"] == "installing"
            assert model(broker)["state"] == "installing"
            refused = broker.error("model_remove", model=NAME)
            assert f"lofi models cancel {NAME}" in refused["data"]["recovery"]
            missing = broker.error("generate", prompt="x", duration_sec=5, model=NAME)
            assert "still being installed" in missing["message"]
            wait_until(lambda: "bytes_present" in model(broker))
            broker.call("model_cancel", model=NAME)
            until(broker, "cancelled")
            partial = model(broker)
            assert partial["state"] == "partial" and int(str(partial["bytes_present"])) > 100_000
            assert broker.error("model_cancel", model=NAME)["data"]["error_code"] == "MODEL_NOT_FOUND"
            broker.call("model_download", model=REPO, consent=True)
            until(broker, "installed")
    starts = [seen.start for seen in hub.gets(WEIGHTS)]
    assert starts[0] is None and (starts[1] or 0) > 100_000
    assert hub.served(WEIGHTS) < len(FILES[WEIGHTS]) + 150_000


def test_the_next_ones_wait_in_order_and_there_is_a_limit(home: Home, hub: FakeHub) -> None:
    fault = hub.fail(WEIGHTS, then="stall", after=1000)
    with Stdio(with_hub(home, hub).environ) as broker:
        asked = [
            broker.call("model_download", model=REPO, consent=True, name=f"m{n}")["state"] for n in range(5)
        ]
        assert asked == ["installing", *["queued"] * 4]
        full = broker.error("model_download", model=REPO, consent=True, name="m5")
        assert full["data"]["error_code"] == "QUEUE_FULL"
        assert fault.reached.wait(20)  # by m0, which holds up the others
        for name in ("m2", "m4", "m3", "m0"):
            broker.call("model_cancel", model=name)
        ended: list[str] = []
        while len(ended) < 5:
            broker.take()
            states = broker.notices("model_status")
            ended = [n["model"] for n in states if n["state"] in ("installed", "cancelled")]
        assert ended == ["m2", "m4", "m3", "m0", "m1"]


def test_what_can_t_be_had_says_why_and_leaves_nothing(home: Home, hub: FakeHub) -> None:
    with_hub(home, hub)
    hub.add("owner/broken", FILES | {WEIGHTS: b"no weights at all, but some bytes"})
    with Stdio(home.environ) as broker:
        for source, name in (
            ("owner/none", "MODEL_NOT_FOUND"),
            ("musicgen-huge", "MODEL_NOT_FOUND"),
            ("what is this?", "INVALID_PARAMS"),
            ("/nowhere/at/all", None),
        ):
            answer = broker.request("model_download", {"model": source})
            if name is not None:
                assert answer["error"]["data"]["error_code"] == name, answer
        for wrong in ("lofi-tiny", "selected", "../x", "UPPER"):
            error = broker.error("model_download", model=REPO, name=wrong)
            assert error["data"]["error_code"] == "INVALID_PARAMS"
        broker.call("model_download", model="owner/broken", consent=True)
        while not (
            failed := [n for n in broker.notices("model_status") if n["model"] == "broken" and "error" in n]
        ):
            broker.take()
        assert failed[0]["error"]["name"] == "MODEL_LOAD_FAILED"
        assert [m["name"] for m in broker.call("models_list")["models"] if m["state"] == "installed"] == [
            "lofi-tiny"
        ]
        track = broker.call("generate", prompt="x", duration_sec=5)["track_id"]
        broker.wait("generation_complete", track)
    assert [path.name for path in home.paths.models.iterdir() if path.name[0] != "."] == ["consents.json"]


def test_the_end_of_the_broker_ends_the_installer_and_the_next_one_goes_on(home: Home, hub: FakeHub) -> None:
    fault = hub.fail(WEIGHTS, then="stall", after=200_000)
    with Stdio(with_hub(home, hub).environ) as broker:
        broker.call("model_download", model=REPO, consent=True)
        assert fault.reached.wait(20)
        broker.process.send_signal(signal.SIGKILL)
        broker.process.wait()
    with Stdio(home.environ) as broker:
        while model(broker)["state"] != "partial":
            continue
        response = broker.request("model_download", {"model": REPO, "consent": True})
        assert "result" in response
        told = until(broker, "installed", "install_failed")
        while told["state"] == "install_failed":  # the orphan lives for up to a second, and holds the lock
            assert "another process" in str(told["error"])
            broker.seen.clear()
            broker.call("model_download", model=REPO, consent=True)
            told = until(broker, "installed", "install_failed")


def test_a_broker_stays_until_its_installation_has_ended_though_nobody_watches(
    home: Home, hub: FakeHub
) -> None:
    fault = hub.fail(WEIGHTS, then="stall", after=1000)
    process = start_headless(with_hub(home, hub), LOFI_BROKER_IDLE_EXIT_SEC="0.1")
    with RawClient(home.paths.socket("clients")) as client:
        client.call("model_download", model=REPO, consent=True)
    assert fault.reached.wait(20)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.0)
    hub.released.set()
    assert process.wait(30.0) == 0
    assert (home.paths.models / NAME / "model.toml").is_file()


# the command


def pull(home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    return home.lofi("models", "pull", REPO, *arguments)


def test_pull_needs_a_yes_and_installs_with_it(home: Home, hub: FakeHub) -> None:
    with_hub(home, hub)
    refused = pull(home)
    assert (refused.returncode, refused.stdout) == (5, "")
    for words in (REPO, "cc-by-nc-4.0", f"{round(TOTAL / 1000)} kB", str(home.paths.models / NAME), "--yes"):
        assert words in refused.stderr, words
    done = pull(home, "--yes")
    assert done.returncode == 0 and f"{NAME} is installed" in done.stdout, done.stderr
    again = pull(home, "--yes", "--name", NAME)
    assert again.returncode == 2 and f"{NAME} is installed (mixed)" in again.stderr
    assert "--replace" in again.stderr
    assert pull(home, "--yes", "--replace").returncode == 0
    listed = home.lofi("models", "list")
    assert f"{NAME}-" in listed.stdout and listed.stdout.startswith("* lofi-tiny")
    lines = [json.loads(line) for line in home.lofi("models", "list", "--json").stdout.splitlines()]
    assert {line["state"] for line in lines} == {"installed", "available"}
    assert home.lofi("models", "use", NAME).returncode == 0
    assert home.lofi("models", "rm", NAME, "--yes").returncode == 2
    assert home.lofi("models", "use", "lofi-tiny").returncode == 0
    unasked = home.lofi("models", "rm", NAME)
    assert unasked.returncode == 2 and "Add --yes" in unasked.stderr
    assert home.lofi("models", "rm", NAME, "--yes").returncode == 0
    assert home.lofi("models", "use", NAME).returncode == 5


def test_a_folder_is_imported_without_a_question(home: Home) -> None:
    without_setting(home)
    done = home.lofi("models", "import", str(FIXTURE), "--precision", "fp32", "--name", "own", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and lines[0]["event"] == "accepted" and lines[-1]["state"] == "installed"
    assert not (home.paths.models / "consents.json").exists()
    plain = home.lofi("models", "verify", "own")
    assert (
        plain.returncode == 0
        and plain.stdout.count("ok ") == len(list((home.paths.models / "own").iterdir())) - 1
    )
    full = json.loads(home.lofi("models", "verify", "own", "--full", "--json").stdout)
    assert full["ok"] and full["run"]["device"] == "cpu" and full["run"]["steps"] > 0
    assert "golden" not in full["run"]
    weights = next(path for path in (home.paths.models / "own").iterdir() if path.stat().st_size > 100_000)
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    damaged = home.lofi("models", "verify", "own", "--full")
    assert damaged.returncode == 1 and f"damaged {weights.name}" in damaged.stdout
    assert home.lofi("models", "verify").returncode == 0  # the starter, which is selected


def test_verify_shows_the_published_values_for_a_model_of_that_name(home: Home) -> None:
    without_setting(home)
    home.lofi("models", "import", str(FIXTURE), "--precision", "fp32", "--name", "musicgen-small-mine")
    shown = home.lofi("models", "verify", "musicgen-small-mine", "--full").stdout
    assert "80s pop track with bassy drums and synth" in shown
    assert "published [353, 1659, 1007, 1801], found [" in shown and "of 4 as published" in shown


@pytest.mark.parametrize("answer", ["y", "n"])
def test_on_a_terminal_the_question_is_asked_and_a_bar_is_shown(
    home: Home, hub: FakeHub, answer: str
) -> None:
    with_hub(home, hub)
    outer, inner = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "lofi_cli.main", "models", "pull", REPO],
        env={**os.environ, **home.environ, "TERM": "xterm"},
        stdin=inner,
        stdout=subprocess.PIPE,
        stderr=inner,
    )
    os.close(inner)
    shown = b""
    try:
        while b"[y/N]" not in shown:
            shown += os.read(outer, 4096)
        os.write(outer, answer.encode() + b"\n")
        while chunk := read(outer):
            shown += chunk
    finally:
        os.close(outer)
        out, _ = process.communicate(timeout=30)
    if answer == "n":
        assert process.returncode == 5 and not hub.gets(WEIGHTS)
        return
    assert process.returncode == 0 and f"{NAME} is installed".encode() in out
    assert b"file 3 of 3" in shown


def test_ctrl_c_stops_the_download_and_the_same_command_goes_on(home: Home, hub: FakeHub) -> None:
    with_hub(home, hub)
    fault = hub.fail(WEIGHTS, then="stall", after=200_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "lofi_cli.main", "models", "pull", REPO, "--yes"],
        env={**os.environ, **home.environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert fault.reached.wait(30)
    part = home.paths.models / ".partial" / NAME / "fetch" / f"{WEIGHTS}.part"
    wait_until(lambda: part.exists() and part.stat().st_size > 100_000)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and "the same command goes on" in errors
    done = pull(home, "--yes")
    assert done.returncode == 0 and "here already" in done.stderr
    assert hub.gets(WEIGHTS)[-1].start is not None
