"""--json of each command: one object, or one a line, of the protocol's own types where it has one; without
colour and progress, also on a terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from lofi_common.schema import protocol_schema
from tests.support.home import Home
from tests.support.models import put_model, without_setting
from tests.support.terminal import read

SCHEMA = protocol_schema()


def check(value: object, kind: str) -> None:
    """Whether a value is of a type of the protocol."""
    Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": SCHEMA["$defs"]}).validate(value)


def told(home: Home, *arguments: str, code: int = 0) -> Any:
    """The one object that a command prints, which says nothing else."""
    done = home.lofi(*arguments, "--json")
    assert (done.returncode, done.stderr) == (code, ""), done
    (line,) = done.stdout.splitlines()
    return json.loads(line)


@pytest.fixture
def busy(home: Home) -> Iterator[str]:
    """The id of a track that runs for long."""
    yield home.submit("slow 60", "-d", "5", "--no-wait").stdout.strip()


def test_status_queue_and_cancel(home: Home, busy: str) -> None:
    waits = home.submit("slow 61", "-d", "5", "--no-wait").stdout.strip()
    status = told(home, "status")
    check(status["playback"], "PlaybackStatus")
    check({key: value for key, value in status.items() if key != "playback"}, "StatusResult")
    queue = told(home, "queue")
    check(queue, "QueueStatusResult")
    assert [job["track_id"] for job in queue["pending"]] == [waits]
    done = home.lofi("cancel", busy, waits[:8], "--json")
    cancelled = [json.loads(line) for line in done.stdout.splitlines()]
    assert cancelled == [{"track_id": each, "status": "cancelled"} for each in (waits, busy)]
    for each in cancelled:
        check(each, "CancelResult")
    nothing = home.lofi("cancel", "--all", "--json")
    assert (nothing.returncode, nothing.stdout) == (0, "") and json.loads(nothing.stderr)["note"]["message"]


def test_submit(home: Home) -> None:
    done = home.submit("hello", "-d", "5", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    kinds = {name: ref["$ref"].removeprefix("#/$defs/") for name, ref in SCHEMA["notifications"].items()}
    for line in done.stdout.splitlines():
        event = json.loads(line)
        check(
            {k: v for k, v in event.items() if k != "event"},
            {**kinds, "accepted": "GenerateResult"}[event["event"]],
        )


def test_broker(home: Home) -> None:
    for command in ("start", "status"):
        check(told(home, "broker", command), "BrokerInfo")
    pid = told(home, "broker", "status")["pid"]
    assert told(home, "broker", "stop") == {
        "stopped": True,
        "pid": pid,
        "address": None,
        "music": False,
    }
    assert told(home, "broker", "stop")["stopped"] is False


def test_models(home: Home) -> None:
    put_model(without_setting(home), "other")
    listed = [json.loads(line) for line in home.lofi("models", "list", "--json").stdout.splitlines()]
    for model in listed:
        check(model, "ModelInfo")
    check(told(home, "models", "use", "other"), "ModelSelectResult")
    check(told(home, "models", "verify", "other"), "ModelVerifyResult")
    put_model(home, "third")
    assert told(home, "models", "rm", "third", "--yes")["model"] == "third"


def test_what_needs_no_broker(home: Home) -> None:
    assert told(home, "schema") == SCHEMA
    assert told(home, "completion", "fish")["shell"] == "fish"
    keys = told(home, "keys")
    assert len(keys["client"]) == 64 and (keys["broker"], keys["allowed"], keys["broken"]) == (None, [], [])
    assert set(told(home, "prompts")) == {"kinds", "examples"}
    path = told(home, "config", "path")
    assert path == {"path": str(home.paths.config_file), "exists": False}
    assert told(home, "config", "get", "worker.engine")["origin"] == "environment"
    assert told(home, "config", "set", "worker.slots", "2")["value"] == 2
    assert told(home, "config", "unset", "worker.slots")["value"] == 1
    settings = {each["key"]: each for each in told(home, "config", "show")["settings"]}
    assert settings["worker.slots"] == {"key": "worker.slots", "value": 1, "origin": "default", "default": 1}
    assert not home.paths.broker_file.exists()


def test_doctor(home: Home) -> None:
    found = told(home, "doctor")
    assert found["ok"] and {"python", "model", "device", "sound", "broker"} <= {
        each["name"] for each in found["checks"]
    }
    (Path(home.environ["LOFI_MODEL_FOLDER"]) / "model.toml").write_text("name = 3")
    found = told(home, "doctor", code=1)
    (bad,) = [each for each in found["checks"] if not each["ok"]]
    assert not found["ok"] and bad["name"] == "model" and "model.toml" in bad["what"] and bad["advice"]


def test_no_sound_is_a_note_and_no_problem(home: Home) -> None:
    sound = next(each for each in told(home, "doctor")["checks"] if each["name"] == "sound")
    assert sound["ok"] and (sound["what"] != "sound: no sound device can be opened" or sound["advice"])
    home.environ["LOFI_PLAYER_DEVICE"] = "null"
    sound = next(each for each in told(home, "doctor")["checks"] if each["name"] == "sound")
    assert sound == {"name": "sound", "ok": True, "what": "sound: goes to null (player.device)", "advice": ""}


def on_a_terminal(home: Home, *arguments: str, **environ: str) -> bytes:
    """What a command writes on a terminal of 80 columns, all of it."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "lofi_cli.main", *arguments],
        env={
            **{k: v for k, v in os.environ.items() if k != "NO_COLOR"},
            **home.environ,
            "TERM": "xterm",
            **environ,
        },
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    while chunk := read(master):
        shown += chunk
    os.close(master)
    assert process.wait(10) == 0
    return shown


def test_colour_is_for_terminals_that_want_it(home: Home) -> None:
    shown = ("config", "show")
    assert b"\x1b[32mengine = " in on_a_terminal(home, *shown)
    for environ in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert b"\x1b" not in on_a_terminal(home, *shown, **environ)
    assert b"\x1b" not in on_a_terminal(home, *shown, "--json")
    assert "\x1b" not in home.lofi(*shown).stdout


def test_progress_is_for_terminals_alone(home: Home) -> None:
    assert b"100%" in on_a_terminal(home, "submit", "x", "-d", "5", "--seed", "1")
    for flags in (["--json"], ["--quiet"]):
        assert b"%" not in on_a_terminal(home, "submit", "x", "-d", "5", "--seed", "2", *flags).replace(
            b'"', b""
        )
    assert home.submit("x", "-d", "5", "--seed", "3").stderr == ""
