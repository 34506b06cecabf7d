"""A broker that runs and does not answer: every command names it, and how to end it."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

import lofi_client.calls
from lofi_cli import exits, submit
from lofi_cli.doctor import examine
from lofi_cli.main import lofi as commands
from lofi_cli.watch import Watcher
from lofi_client import Lofi
from lofi_client.launch import find_broker
from lofi_common import api
from tests.support.home import Home


@pytest.fixture
def running(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The pid of a broker in the background; commands run in here, and wait less."""
    for name, value in home.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(lofi_client.calls, "GREET_SEC", 0.3)
    monkeypatch.setattr(submit, "_CANCEL_SEC", 0.3)
    assert home.lofi("broker", "start").returncode == 0
    found = find_broker(home.paths)
    assert found is not None
    yield found.pid
    left = find_broker(home.paths)
    if left is not None:
        os.kill(left.pid, signal.SIGCONT)


def test_every_command_says_how_to_end_a_hung_broker_and_that_helps(home: Home, running: int) -> None:
    os.kill(running, signal.SIGSTOP)
    for command in (["status"], ["broker", "stop"], ["submit", "x"]):
        said = CliRunner().invoke(commands, command)
        assert said.exit_code == exits.NO_BROKER
        assert f"broker, pid {running}, runs but does not answer" in said.stderr, command
        assert "Try again in a moment. If that does not help, `kill -9" in said.stderr
        assert f"`kill -9 {running}` ends it; accepted tracks are kept" in said.stderr
    found = list(examine())[-1]
    assert not found.ok and found.what == f"broker, pid {running}, runs but does not answer"
    assert f"kill -9 {running}" in found.advice
    process = os.pidfd_open(running)
    os.kill(running, signal.SIGKILL)
    assert select.select([process], [], [], 5.0)[0]
    os.close(process)
    assert home.submit("x", "-d", "5").returncode == 0


def test_ctrl_c_does_not_wait_for_a_broker_that_hangs(
    running: int, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupted(Watcher):
        def accepted(self, result: api.GenerateResult, *, print_id: bool) -> None:
            os.kill(running, signal.SIGSTOP)
            raise KeyboardInterrupt

    params = api.GenerateParams(prompt="slow 60", duration_sec=5)
    watcher = Interrupted(output=None, as_json=False, quiet=False)
    with Lofi.connect(start=False) as lofi:
        began = time.monotonic()
        code = submit._run(lofi, params, watcher, timeout=None, play=False, wait=True)
    assert code == exits.INTERRUPTED and time.monotonic() - began < 3
    said = capsys.readouterr().err
    assert "did not answer queue_cancel" in said and "the cancel may still come" in said.lower()
