"""Programs that are no broker, or none for this plugin: named, and not tried again and again."""

from __future__ import annotations

import sys

import pytest

from tests.nvim.conftest import Open
from tests.support.home import Home

ANSWER = """
import json, sys
request = json.loads(sys.stdin.readline())
print(json.dumps({"jsonrpc": "2.0", "id": request["id"], %s}), flush=True)
sys.stdin.read()
"""
OLD = ANSWER % '"result": {"protocol": 7, "version": "9.0", "capabilities": [], "models": []}'
REFUSES = ANSWER % (
    '"error": {"code": -32600, "message": "protocol 1 is too old",'
    ' "data": {"error_code": "INVALID_REQUEST", "details": "", "recovery": "Update."}}'
)
FLOOD = """
import sys
try:
    while True:
        sys.stdout.write("y\\n" * 10000)
except BrokenPipeError:
    pass
"""
USAGE = r"""
import sys
print("lofi-broker: config.toml: no such key\nCorrect it.", file=sys.stderr)
sys.exit(2)
"""
ENDLESS = """
import sys
while True:
    sys.stdout.write("y" * 100000)
"""


@pytest.mark.parametrize(
    ("program", "told", "recovery"),
    [
        (OLD, "the broker speaks protocol 7, this plugin 1", "to the same version"),
        (REFUSES, "the broker refuses this plugin: protocol 1 is too old", "Update."),
        (
            "print('Welcome!', flush=True); import sys; sys.stdin.read()",
            "printed something that is not JSON: Welcome!",
            "broker.cmd",
        ),
        ("print('Welcome!')", "printed something that is not JSON: Welcome!", "broker.cmd"),
        (
            "import sys; sys.stdout.buffer.write(b'\\xff\\x00[1]\\n'); sys.stdout.flush()",
            "printed something that is not JSON:",
            "broker.cmd",
        ),
        (FLOOD, "printed something that is not JSON: y", "broker.cmd"),
        (ENDLESS, "printed something that is not JSON: yyy", "broker.cmd"),
        (
            USAGE,
            "the broker ended with exit code 2: config.toml: no such key",
            "Correct it.",
        ),
        ("pass", "the broker left in order", "starts it again"),
    ],
)
def test_is_named_and_not_tried_again(
    program: str, told: str, recovery: str, home: Home, open_editor: Open
) -> None:
    editor = open_editor(home, options={"broker": {"cmd": [sys.executable, "-c", program]}})
    err = editor.error("stats")
    assert told in err["message"] and recovery in err["recovery"]
    assert len(err["message"]) < 1000
    assert editor.wait("LofiDisconnected")["restarts"] is False
    assert editor.events("LofiRestart") == []
    editor.lua("require('lofi').stats()")  # without a callback, the words are for the user
    words = editor.wait("notify")["words"]
    assert told in words and recovery in words


def test_a_program_that_is_not_there(home: Home, open_editor: Open) -> None:
    editor = open_editor(home, options={"broker": {"cmd": "/nowhere/lofi-broker"}})
    err = editor.error("stats")
    assert 'broker.cmd: "/nowhere/lofi-broker" is not a program' in err["message"]
    assert ".venv/bin/pip install" in err["recovery"]
    assert editor.lua("return require('lofi').status()")["last_error"]["message"] == err["message"]


def test_garbage_in_the_middle(home: Home, open_editor: Open) -> None:
    program = ANSWER.replace("sys.stdin.read()", "sys.stdin.readline(); print('oh')\nsys.stdin.read()")
    answer = '"result": {"protocol": 1, "version": "1", "capabilities": [], "models": []}'
    command = [sys.executable, "-u", "-c", program % answer]
    editor = open_editor(home, options={"broker": {"cmd": command, "max_restarts": 1}})
    assert "printed something that is not JSON: oh" in editor.error("stats")["message"]
    assert editor.wait("LofiRestart")["attempt"] == 1
    assert editor.wait("LofiDisconnected", lambda data: not data["restarts"])


ODD = """
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    result = {"protocol": 1, "version": "1", "capabilities": [], "models": []}
    odd = {"jsonrpc": "2.0", "method": "download_progress", "params": {"model": "m"}}
    answer = {"jsonrpc": "2.0", "id": request["id"], "result": result}
    print(json.dumps(odd) + "\\n" + json.dumps(answer), flush=True)
"""


def test_a_notification_that_is_not_understood_takes_no_answer_with_it(home: Home, open_editor: Open) -> None:
    editor = open_editor(home, options={"broker": {"cmd": [sys.executable, "-c", ODD]}})
    editor.call("stats")
    assert "a message of the broker was not understood: " in editor.notice()


HASTE = """
local defer = vim.defer_fn
vim.defer_fn = function(fn, ms)
  return defer(fn, ms / 50)
end
"""


@pytest.mark.parametrize(
    "program", ["import time; time.sleep(600)", "import sys\nfor line in sys.stdin: print(line)"]
)
def test_a_program_that_does_not_answer(program: str, home: Home, open_editor: Open) -> None:
    editor = open_editor(home, options={"broker": {"cmd": [sys.executable, "-u", "-c", program]}})
    editor.lua(HASTE)
    err = editor.error("stats")
    assert err["message"].endswith("does not answer")
    assert err["recovery"] == "`lofi doctor` tells why."
    assert editor.wait("LofiDisconnected")["restarts"] is False
