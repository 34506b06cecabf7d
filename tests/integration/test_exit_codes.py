"""The exit codes of the commands, one by one, as scripts see them: each has its reason on stderr, in words or
with --json as an object, and nothing on stdout that could be taken for a track."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys

import pytest

from tests.support.client import RawClient
from tests.support.home import Home
from tests.support.hub import FakeHub
from tests.support.models import with_hub
from tests.support.shop import REPO

SLOW = ["slow 60", "-d", "5"]

CODES = [
    (0, ["fine", "-d", "5"], ""),
    (1, ["fail@3", "-d", "5"], "scripted failure"),
    (1, ["crash", "-d", "5"], "SIGSEGV"),
    (1, ["x", "-d", "5", "-o", "/nowhere/x.wav"], "/nowhere"),
    (2, ["x", "-d", "4"], "5 to 3600"),
    (2, ["x", "-d", "121"], "limit of 120 s"),
    (2, ["x", "-d", "600"], "`lofi config set queue.max_duration_sec 600 && lofi broker stop`"),
    (2, ["x", "-d", "7.5"], "7.5"),
    (2, ["x", "-d", "ten"], "ten"),
    (2, ["   "], "empty"),
    (2, ["y" * 1001], "1001"),
    (2, [], "PROMPT"),
    (2, ["x", "--priority", "urgent"], "urgent"),
    (2, ["x", "--seed", "-1"], "seed"),
    (2, ["x", "--top-p", "1.5"], "top_p"),
    (2, ["x", "--nonsense"], "nonsense"),
    (2, ["x", "--force"], "--output"),
    (2, ["x", "-o", ""], "file or folder"),
    (2, ["x", "-o", "x.aiff"], "wav, flac, ogg, mp3"),
    (5, ["x", "-d", "5", "--model", "big"], "big"),
    (6, [*SLOW, "--timeout", "0.5"], "not finished after 0.5 s"),
]


@pytest.mark.parametrize(("code", "arguments", "words"), CODES)
def test_lofi_submit(standing_home: Home, code: int, arguments: list[str], words: str) -> None:
    done = standing_home.submit(*arguments)
    assert done.returncode == code, done
    assert (done.stdout == "") == (code != 0) and words in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["fail@3", "-d", "5"], "MODEL_INFERENCE_FAILED"),
        (["x", "-d", "5", "-o", "/nowhere/x.wav"], "CACHE_WRITE_ERROR"),
        (["x", "-d", "4"], "INVALID_DURATION"),
        (["   "], "INVALID_PROMPT"),
        (["x", "--nonsense"], "USAGE_ERROR"),
        (["x", "-d", "5", "--model", "big"], "MODEL_NOT_FOUND"),
        ([*SLOW, "--timeout", "0.5"], "TIMED_OUT"),
    ],
)
def test_with_json_the_reason_is_an_object_on_stderr(
    standing_home: Home, arguments: list[str], name: str
) -> None:
    done = standing_home.submit(*arguments, "--json")
    error = json.loads(done.stderr)["error"]
    assert (error["name"], error["exit_code"]) == (name, done.returncode)
    assert error["message"] and all("event" in json.loads(line) for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["status"], 3),
        (["queue"], 3),
        (["cancel", "--all"], 3),
        (["broker", "status"], 3),
        (["models", "cancel", "x"], 3),
        (["cancel"], 2),
        (["config", "get", "queue.size"], 2),
        (["config", "set", "queue.max_pending", "0"], 2),
        (["models", "verify", "big"], 5),
        (["nonsense"], 2),
    ],
)
def test_lofi(home: Home, arguments: list[str], code: int) -> None:
    words, told = home.lofi(*arguments), home.lofi(*arguments, "--json")
    assert (words.returncode, words.stdout) == (code, "") and "Traceback" not in words.stderr
    assert told.returncode == code
    assert json.loads(told.stderr)["error"]["exit_code"] == code


def test_3_a_broker_that_can_t_start_says_why(home: Home) -> None:
    home.environ["LOFI_QUEUE_MAX_PENDING"] = "none"
    done = home.submit("x", "-d", "5")
    assert done.returncode == 3 and "queue.max_pending" in done.stderr


def test_4_a_full_queue(home: Home) -> None:
    home.environ["LOFI_QUEUE_MAX_PENDING"] = "1"
    first = home.submit(*SLOW, "--no-wait")
    assert first.returncode == 0 and len(first.stdout.strip()) == 16
    with RawClient(home.paths.socket("clients")) as client:
        client.call("initialize", client="test", protocol=1, events=True)
        if client.call("queue_status")["current"] is None:
            client.wait("generation_start")
    assert home.submit("waits", "-d", "5", "--no-wait").returncode == 0
    refused = home.submit("too many", "-d", "5")
    assert refused.returncode == 4 and "lofi cancel" in refused.stderr
    told = json.loads(home.submit("too many", "-d", "5", "--json").stderr)["error"]
    assert (told["name"], told["code"], told["exit_code"]) == ("QUEUE_FULL", -32004, 4)


def test_5_no_consent_to_a_download(home: Home) -> None:
    with FakeHub() as hub:
        refused = with_hub(home, hub).lofi("models", "pull", REPO)
    assert refused.returncode == 5 and "--yes" in refused.stderr


def waiting_submit(home: Home) -> tuple[subprocess.Popen[str], str]:
    """A `lofi-submit --json` that waits for a slow track, and the track's id."""
    waiting = subprocess.Popen(
        [sys.executable, "-m", "lofi_cli.submit", *SLOW, "--json"],
        env={**os.environ, **home.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run in a shell's background inherit an ignored SIGINT.
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    assert waiting.stdout is not None
    return waiting, json.loads(waiting.stdout.readline())["track_id"]


def ended(waiting: subprocess.Popen[str]) -> dict[str, object]:
    """The reason that a process gave for its end."""
    _, errors = waiting.communicate(timeout=10)
    error: dict[str, object] = json.loads(errors)["error"]
    assert error["exit_code"] == waiting.returncode
    return error


def test_7_cancelled_by_somebody_else(home: Home) -> None:
    waiting, track_id = waiting_submit(home)
    assert home.lofi("cancel", track_id).returncode == 0
    error = ended(waiting)
    assert (waiting.returncode, error["name"]) == (7, "GENERATION_CANCELLED")


def test_130_ctrl_c_cancels_the_track(home: Home) -> None:
    waiting, track_id = waiting_submit(home)
    assert waiting.stdout is not None and json.loads(waiting.stdout.readline())["event"]
    waiting.send_signal(signal.SIGINT)
    assert ended(waiting)["message"] == "interrupted: the track was cancelled"
    assert waiting.returncode == 130
    with RawClient(home.paths.socket("clients")) as client:
        assert client.call("track_get", track_id=track_id)["status"] == "cancelled"


def test_3_a_broker_that_dies_while_somebody_waits(home: Home) -> None:
    waiting, track_id = waiting_submit(home)
    with RawClient(home.paths.socket("clients")) as client:
        os.kill(client.call("status")["broker"]["pid"], signal.SIGKILL)
    assert f"the broker left before track {track_id} had ended" in str(ended(waiting)["message"])
    assert waiting.returncode == 3
