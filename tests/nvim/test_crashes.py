"""A broker that dies is started again, three times; those who wait are told why."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from tests.nvim.conftest import Open
from tests.support.home import Home
from tests.support.nvim import Editor


def test_a_killed_broker_is_started_again_and_goes_on_with_the_queue(home: Home, editor: Editor) -> None:
    track_id = editor.call("generate", {"prompt": "slow 2", "duration_sec": 5})["track_id"]
    editor.call("generate", {"prompt": "second", "duration_sec": 5})
    editor.wait("LofiStart")
    waits = editor.start("verify_model", {"full": True})
    os.kill(editor.broker_pid(), signal.SIGKILL)
    err = editor.answer(waits)["err"]
    assert err["name"] == "BROKER_UNAVAILABLE" and err["code"] == -32011
    assert err["message"].startswith("the broker was killed by signal 9")
    gone = editor.wait("LofiDisconnected")
    assert gone["restarts"] is True and gone["message"] == err["message"]
    assert err["recovery"] == ""  # one line: a second one would ask for a key, and hold the restart up
    assert editor.wait("LofiRestart") == {
        "attempt": 1,
        "max": 3,
        "delay_ms": 250,
        "reason": err["message"],
    }
    assert editor.wait("LofiComplete", lambda data: data["prompt"] == "second")
    assert editor.wait("LofiComplete", lambda data: data["track_id"] == track_id)
    assert len(editor.events("LofiConnected")) == 2
    (warning,) = [note for note in editor.events("notify") if note["level"] == 3]
    assert "starting it again (1 of 3)" in warning["words"]


def test_the_queue_is_known_again_after_a_restart(home: Home, editor: Editor) -> None:
    for prompt in ("slow 60", "second", "third"):
        editor.call("generate", {"prompt": prompt, "duration_sec": 5})
    editor.wait("LofiQueue", lambda data: data["queue_length"] == 2)
    os.kill(editor.broker_pid(), signal.SIGKILL)
    editor.wait("LofiQueue", lambda data: data["queue_length"] == 0)
    editor.seen.clear()
    editor.wait("LofiStart")
    status = editor.lua("return require('lofi').status()")
    while status["queue_length"] != 2:
        editor.wait("LofiQueue")
        editor.seen.clear()
        status = editor.lua("return require('lofi').status()")
    assert status["generating"]["prompt"] == "slow 60" and status["connected"] is True


def test_when_the_broker_behind_a_relay_dies_the_relay_becomes_one(home: Home, open_editor: Open) -> None:
    one = open_editor(home, "one", {"broker": {"max_restarts": 0}})
    two = open_editor(home, "two")
    one.call("stats")
    two.call("stats")
    broker = one.broker_pid()
    os.kill(broker, signal.SIGKILL)
    lost = two.wait("LofiDisconnected")
    assert "the running broker left" in lost["message"] and lost["restarts"] is True
    two.wait("LofiConnected", lambda data: data["pid"] != two.events("LofiConnected")[0]["pid"])
    assert two.call("broker_status")["broker"]["pid"] == two.broker_pid()
    assert one.wait("LofiDisconnected")["restarts"] is False
    assert one.events("LofiRestart") == []
    assert one.call("broker_status")["broker"]["pid"] == two.broker_pid()  # asked for, it comes again


HASTE = """
local defer = vim.defer_fn
vim.defer_fn = function(fn, ms)
  return defer(fn, ms / 4)
end
"""


def test_a_broker_that_leaves_in_order_is_not_brought_back_by_others(home: Home, open_editor: Open) -> None:
    one, two = open_editor(home, "one"), open_editor(home, "two")
    one.call("stats")
    two.call("stats")
    one.call("shutdown")
    for editor in (one, two):
        assert editor.wait("LofiDisconnected") == {"restarts": False, "pending": 0}
        assert editor.events("LofiRestart") == editor.events("notify") == []
    two.call("stats")
    assert len(two.events("LofiConnected")) == 2


CRASHES = """
import json, os, sys
request = json.loads(sys.stdin.readline())
result = {"protocol": 1, "version": "1", "capabilities": [], "models": []}
print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}), flush=True)
sys.stdin.readline()
print("out of luck", file=sys.stderr, flush=True)
os._exit(70)
"""


def test_after_the_last_try_it_stays_down_until_somebody_asks(home: Home, open_editor: Open) -> None:
    command = [sys.executable, "-c", CRASHES]
    editor = open_editor(home, options={"broker": {"cmd": command, "max_restarts": 2}})
    err = editor.error("stats")
    assert err["message"] == "the broker ended with exit code 70: out of luck"
    last = editor.wait("LofiDisconnected", lambda data: not data["restarts"])
    assert last["message"] == err["message"]
    assert [data["attempt"] for data in editor.events("LofiRestart")] == [1, 2]
    assert [data["delay_ms"] for data in editor.events("LofiRestart")] == [250, 1000]
    errors = [note for note in editor.events("notify") if note["level"] == 4]
    assert ["lofi: the broker ended with exit code 70: out of luck" in note["words"] for note in errors] == [
        True
    ]
    assert editor.error("stats")["message"] == err["message"]
    assert len(editor.events("LofiConnected")) == 4  # once more, for the one who asked
    assert len(editor.events("LofiRestart")) == 2


CHATTERS = CRASHES.replace(
    "out of luck", "time=2026-01-01T00:00:00.000 level=info event=job_started"
).replace("os._exit(70)", "os._exit(1)")


def test_a_crash_asks_for_no_key_and_has_no_reason_that_is_none(home: Home, open_editor: Open) -> None:
    """Neovim's own messages are shown, in a screen of 80 columns."""
    command = [sys.executable, "-c", CHATTERS]
    editor = open_editor(home, options={"broker": {"cmd": command, "max_restarts": 1}})
    editor.request("nvim_ui_attach", 80, 24, {})
    editor.lua(
        "local tell = vim.notify vim.notify = function(words, level)"
        " tell(words, level) vim.api.nvim_echo({ { words } }, true, {}) end"
    )
    editor.start("stats")
    first = editor.wait("LofiConnected")["pid"]
    editor.wait("LofiConnected", lambda data: data["pid"] != first)
    (warning,) = [note for note in editor.events("notify") if note["level"] == 3]
    assert warning["words"] == "lofi: the broker ended with exit code 1; starting it again (1 of 1)"


LATER = """
local now, later = vim.uv.now, 0
vim.uv.now = function()
  return now() + later
end
require("lofi").on("connected", function()
  later = later + 31000
end)
"""


def test_a_broker_that_ran_for_long_has_all_tries_again(home: Home, open_editor: Open) -> None:
    command = [sys.executable, "-c", CRASHES]
    editor = open_editor(home, options={"broker": {"cmd": command, "max_restarts": 1}})
    editor.lua(LATER)
    editor.start("stats")
    first = editor.wait("LofiConnected")["pid"]
    second = editor.wait("LofiConnected", lambda data: data["pid"] != first)["pid"]
    editor.wait("LofiConnected", lambda data: data["pid"] not in (first, second))
    assert {data["attempt"] for data in editor.events("LofiRestart")} == {1}


@pytest.mark.parametrize("bang", ["", "!"])
def test_restart(bang: str, home: Home, editor: Editor) -> None:
    editor.call("stats")
    before = editor.broker_pid()
    editor.command(f"Lofi{bang} restart")
    editor.wait("LofiConnected", lambda data: data["pid"] != before)
    assert editor.wait("notify")["words"] == "lofi: the broker was started again"
    assert editor.call("broker_status")["broker"]["pid"] == editor.broker_pid() != before
    reason = "'a client asked for it'" if bang else "'end of file on stdin'"
    assert f"event=broker_leaving reason={reason}" in (home.paths.logs / "broker.log").read_text()


def test_a_restart_leaves_the_broker_to_those_who_share_it(home: Home, open_editor: Open) -> None:
    one, two = open_editor(home, "one"), open_editor(home, "two")
    one.lua(HASTE)
    one.call("stats")
    two.call("stats")
    shared = one.broker_pid()
    one.lua("require('lofi').stats(answer(0)) vim.cmd('Lofi restart')")
    assert one.answer(0)["err"]["message"] == "the broker was told to leave"
    assert one.wait("LofiDisconnected") == {"restarts": False, "pending": 0}
    one.wait("LofiConnected", lambda data: data["pid"] != shared)
    assert one.call("broker_status")["broker"]["pid"] == shared != one.broker_pid()
    track_id = two.call("generate", {"prompt": "slow 1", "duration_sec": 5})["track_id"]
    assert one.wait("LofiComplete")["track_id"] == two.wait("LofiComplete")["track_id"] == track_id
    assert two.events("LofiDisconnected") == [] and len(one.events("LofiDisconnected")) == 1
    assert len(one.events("LofiComplete")) == 1  # the process that was left tells nothing any more


def test_a_broker_that_was_told_to_leave_stays_away_until_the_next_request(
    home: Home, editor: Editor
) -> None:
    editor.call("stats")
    editor.call("shutdown")
    assert editor.wait("LofiDisconnected") == {"restarts": False, "pending": 0}
    editor.call("stats")
    assert len(editor.events("LofiConnected")) == 2
    assert editor.events("LofiRestart") == editor.events("notify") == []
