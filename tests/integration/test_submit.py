"""The commands as people and scripts run them: output, progress, exit codes."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.client import RawClient
from tests.support.home import Home


def test_the_path_is_on_stdout_and_nothing_else_anywhere(home: Home) -> None:
    done = home.submit("hello", "-d", "5", "--seed", "1")
    assert (done.returncode, done.stderr) == (0, "")
    path = Path(done.stdout.removesuffix("\n"))
    assert path.is_absolute() and path.read_bytes()[:4] == b"RIFF"
    again = home.submit("hello", "-d", "5", "--seed", "1")
    assert again.stdout == done.stdout


def test_the_prompt_from_stdin_and_a_file_of_ones_own(home: Home) -> None:
    output = home.root / "mine.flac"
    done = subprocess.run(
        [sys.executable, "-m", "lofi_cli.submit", "-", "-d", "5", "--format", "flac", "-o", str(output)],
        input="from a pipe\n",
        env={**os.environ, **home.environ},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stdout) == (0, f"{output}\n")
    assert output.read_bytes()[:4] == b"fLaC"
    assert "from a pipe" in home.lofi("tracks").stdout


def test_json_lines(home: Home) -> None:
    done = home.submit("hello", "-d", "5", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["event"] == "accepted" and lines[-1]["event"] == "generation_complete"
    assert lines[0]["track_id"] == lines[-1]["track_id"]


def test_a_broker_that_was_killed_is_replaced_by_the_next_command(home: Home) -> None:
    home.submit("x", "-d", "5")
    with RawClient(home.paths.socket("clients")) as client:
        pid = client.call("status")["broker"]["pid"]
    broker = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    assert select.select([broker], [], [], 5.0)[0]
    os.close(broker)
    assert home.lofi("broker", "status").returncode == 3
    assert home.submit("y", "-d", "5").returncode == 0


def test_a_terminal_shows_progress_within_2_s_of_a_cold_start(home: Home) -> None:
    master, slave = pty.openpty()
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "lofi_cli.submit", "slow 1", "-d", "5"],
        env={**os.environ, **home.environ, "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=slave,
        stdin=slave,
    )
    os.close(slave)
    shown = b""
    first = None
    while b"done" not in shown:
        assert select.select([master], [], [], 10)[0], shown
        shown += os.read(master, 4096)
        if first is None and b"loading the model" in shown:
            first = time.monotonic() - began
    assert process.communicate(timeout=10)[0].endswith(b".wav\n")
    os.close(master)
    assert first is not None and first < 2.0
    for phase in (b"starting", b"loading the model", b"generating", b"50%", b"100%"):
        assert phase in shown, phase


def test_broker_start_status_stop(home: Home) -> None:
    assert home.lofi("broker", "status").returncode == 3
    assert home.lofi("status").returncode == 3
    assert home.lofi("broker", "start").stdout.startswith("running, pid ")
    assert home.lofi("broker", "start").stdout == home.lofi("broker", "start").stdout
    status = json.loads(home.lofi("status", "--json").stdout)
    assert status["queue_length"] == 0 and status["workers"][0]["state"] == "down"
    assert "library    0 tracks" in home.lofi("status").stdout
    assert home.lofi("broker", "stop").stdout == "stopped\n"
    assert home.lofi("broker", "stop").stdout == "no broker is running\n"


def test_doctor_finds_a_damaged_model(home: Home) -> None:
    good = home.lofi("doctor")
    assert good.returncode == 0 and "problem" not in good.stdout
    (Path(home.environ["LOFI_MODEL_FOLDER"]) / "model.toml").write_text("name = 3")
    bad = home.lofi("doctor")
    assert bad.returncode == 1 and "model.toml" in bad.stdout


def test_several_cold_starts_at_once_share_one_broker(home: Home) -> None:
    waiting = [
        subprocess.Popen(
            [sys.executable, "-m", "lofi_cli.submit", f"prompt {number}", "-d", "5"],
            env={**os.environ, **home.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for number in range(4)
    ]
    for process in waiting:
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
    assert home.lofi("tracks").stdout.count(".wav") == 4
