"""`lofi logs` beside real brokers."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.home import Home


@pytest.fixture
def following(home: Home) -> Iterator[subprocess.Popen[str]]:
    """`lofi logs -f --json`, started before any broker."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "lofi_cli.main", "logs", "-f", "--json"],
        env={**os.environ, **home.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        yield process
        process.kill()


def until(process: subprocess.Popen[str], **fields: str) -> dict[str, str]:
    """The next line that has these fields."""
    assert process.stdout is not None
    for line in process.stdout:
        told: dict[str, str] = json.loads(line)
        if fields.items() <= told.items():
            return told
    raise AssertionError(f"it ended without {fields}")


def test_following_goes_on_through_rotation_and_the_ends_of_brokers(
    home: Home, following: subprocess.Popen[str]
) -> None:
    first = home.submit("one", "-d", "5", "--no-wait").stdout.strip()
    until(following, track_id=first, state="complete")
    assert home.lofi("broker", "stop").returncode == 0
    log = home.paths.logs / "broker.log"
    log.rename(f"{log}.1")
    second = home.submit("two", "-d", "5", "--no-wait").stdout.strip()
    until(following, track_id=second, state="complete")
    following.send_signal(signal.SIGINT)
    _, errors = following.communicate(timeout=10)
    assert (following.returncode, errors) == (130, "")


def test_the_newest_lines_and_those_of_one_track_or_worker(home: Home) -> None:
    ids = [home.submit(f"prompt {n}", "-d", "5", "--json").stdout.splitlines()[0] for n in range(2)]
    track_id = json.loads(ids[0])["track_id"]
    everything = home.lofi("logs", "-n", "1000").stdout.splitlines()
    assert home.lofi("logs", "-n", "2").stdout.splitlines() == everything[-2:]
    assert home.lofi("logs", "-n", "0").stdout == ""
    of_track = [line for line in everything if f"track_id={track_id}" in line]
    assert of_track and home.lofi("logs", "--track", track_id[:6]).stdout.splitlines() == of_track
    of_worker = home.lofi("logs", "--worker", "w0").stdout.splitlines()
    assert of_worker and all("worker=w0" in line for line in of_worker)
    nobody = home.lofi("logs", "--worker", "w9")
    assert nobody.stdout == "" and "the log has no such line" in nobody.stderr


def test_without_a_log_that_is_said_and_no_broker_is_started(home: Home) -> None:
    done = home.lofi("logs")
    assert (done.returncode, done.stdout) == (0, "") and "no log yet" in done.stderr
    assert not home.paths.broker_file.exists()


def test_the_log_of_a_broker_elsewhere_is_not_here(home: Home) -> None:
    home.environ["LOFI_BROKER"] = "tcp://host:1/key"
    done = home.lofi("logs")
    assert done.returncode == 2 and "lies on its machine" in done.stderr
