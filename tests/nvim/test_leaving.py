"""The broker leaves with its editor, however that goes, and stays for others."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.nvim.conftest import Open
from tests.support.home import Home
from tests.support.nvim import Editor

GONE_SEC = 10.0
"""Far above the second that it takes at most: the machine may be busy."""


@contextmanager
def ends(*pids: int) -> Iterator[None]:
    """Behind the block, these processes end."""
    processes = [os.pidfd_open(pid) for pid in pids]
    try:
        yield
        for pid, process in zip(pids, processes, strict=True):
            assert select.select([process], [], [], GONE_SEC)[0], f"process {pid} is still there"
    finally:
        for process in processes:
            os.close(process)


def family(editor: Editor) -> list[int]:
    """The broker of this editor, and its workers."""
    broker = psutil.Process(editor.broker_pid())
    return [broker.pid, *(child.pid for child in broker.children(recursive=True))]


@pytest.mark.parametrize("way", ["quit", "kill"])
def test_nothing_outlives_the_editor(way: str, starter: Home, open_editor: Open) -> None:
    editor = open_editor(starter)
    editor.call("generate", {"prompt": "rain", "duration_sec": 120})
    editor.wait("LofiProgress")
    pids = family(editor)
    assert len(pids) == 2
    with ends(*pids):
        getattr(editor, way)()


def test_a_stuck_worker_does_not_keep_the_broker(home: Home, editor: Editor) -> None:
    editor.call("generate", {"prompt": "hang", "duration_sec": 5})
    editor.wait("LofiStart")
    with ends(*family(editor)):
        editor.kill()


SILENT = "import sys, time; open(sys.argv[1], 'w').write(str(__import__('os').getpid())); time.sleep(600)"


def test_a_program_that_never_answered_does_not_outlive_the_editor(
    home: Home, open_editor: Open, short_tmp: Path
) -> None:
    told = short_tmp / "pid"
    os.mkfifo(told)
    editor = open_editor(home, options={"broker": {"cmd": [sys.executable, "-c", SILENT, str(told)]}})
    editor.start("stats")
    pid = int(told.read_text())
    assert os.getsid(pid) == pid  # signals of the terminal don't reach it
    with ends(pid):
        editor.quit()


def test_the_music_ends_with_the_editor(home: Home, open_editor: Open) -> None:
    home.environ["LOFI_PLAYER_DEVICE"] = "null"
    editor = open_editor(home)
    track_id = editor.call("generate", {"prompt": "rain", "duration_sec": 30})["track_id"]
    editor.wait("LofiComplete")
    editor.call("play", [track_id])
    editor.wait("LofiPlayback", lambda data: data["event"] == "position")
    pids = family(editor)
    assert len(pids) == 3
    with ends(*pids):
        editor.kill()


def test_two_editors_that_start_at_once_share_a_broker(home: Home, open_editor: Open) -> None:
    editors = [open_editor(home, name) for name in ("one", "two", "three")]
    calls = [editor.start("broker_status") for editor in editors]
    answers = [editor.answer(call) for editor, call in zip(editors, calls, strict=True)]
    (shared,) = {answer["result"]["broker"]["pid"] for answer in answers}
    assert shared in [editor.broker_pid() for editor in editors]
    pids = [editor.broker_pid() for editor in editors]
    with ends(*pids):
        for editor in editors:
            editor.quit()


def test_two_editors_share_a_broker_which_stays_for_the_second(home: Home, open_editor: Open) -> None:
    one, two = open_editor(home, "one"), open_editor(home, "two")
    one.call("stats")
    two.call("stats")
    broker = one.call("broker_status")["broker"]["pid"]
    assert broker == one.broker_pid() == two.call("broker_status")["broker"]["pid"] != two.broker_pid()

    track_id = one.call("generate", {"prompt": "slow 1", "duration_sec": 5})["track_id"]
    assert two.wait("LofiStart")["track_id"] == track_id
    assert two.wait("LofiProgress")["track_id"] == track_id
    one.quit()
    assert two.wait("LofiComplete")["track_id"] == track_id
    assert two.call("broker_status")["broker"]["pid"] == broker
    assert two.events("LofiDisconnected") == []
    with ends(broker, two.broker_pid()):
        two.quit()


def test_the_editor_that_relays_goes_and_the_broker_s_own_stays(home: Home, open_editor: Open) -> None:
    one, two = open_editor(home, "one"), open_editor(home, "two")
    one.call("stats")
    two.call("stats")
    with ends(two.broker_pid()):
        two.kill()
    assert one.call("broker_status")["broker"]["pid"] == one.broker_pid()
    with ends(one.broker_pid()):
        one.quit()
