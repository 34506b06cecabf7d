"""Progress in the editor: each way of showing it gets calls of its real shape, and every end comes once."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.home import Home
from tests.support.nvim import Editor
from tests.support.stdio import Stdio

DOUBLES = Path(__file__).parent / "doubles"

TELL = """
local events = require("lofi.events")
local track = { track_id = "t1", mine = true, prompt = "rainy night", duration_sec = 30 }
local function tell(event, more)
  events.emit(event, vim.tbl_extend("force", track, more or {}))
end
"""
MADE = {"generation_time_sec": 2.1}
FAILED = {"code": "MODEL_INFERENCE_FAILED", "message": "out of memory", "recovery": "Try less."}


def attach(editor: Editor, backend: str, *, double: str | None = None, setup: str = "") -> None:
    """Show progress by `backend`, with the double of a plugin installed, whose calls are told."""
    if double:
        editor.lua("vim.opt.rtp:append(...)", str(DOUBLES / double))
    editor.lua(
        f"""
        local count = 0
        function _G.record(call)
          count = count + 1
          vim.rpcnotify(0, "call", {{ number = count, call = call }})
        end
        {setup}
        require("lofi").setup({{ progress = {{ backend = ... }} }})
        require("lofi.progress").attach()
        """,
        backend,
    )


def tell(editor: Editor, event: str, **more: object) -> None:
    editor.lua(TELL + "local event, more = ...\ntell(event, more)", event, more)


def calls(editor: Editor, count: int) -> list[list[object]]:
    """What the double was called with, once it was called `count` times."""
    editor.wait("call", lambda data: data["number"] == count)
    return [data["call"] for data in editor.events("call")]


def words(editor: Editor) -> list[tuple[str, int]]:
    """What `vim.notify` was called with so far."""
    return [(data["words"], data["level"]) for data in editor.events("notify")]


def one_track(editor: Editor) -> None:
    tell(editor, "start")
    tell(editor, "progress", percent=20, eta_sec=8)
    tell(editor, "progress", percent=45, eta_sec=4)
    calls(editor, 2)
    tell(editor, "complete", **MADE)


END = "rainy night · 30 s made in 2.1 s"


def test_neovim_0_12_gets_progress_messages(editor: Editor) -> None:
    attach(editor, "auto", double="native", setup='require("native_double")')
    one_track(editor)
    assert calls(editor, 3) == [
        ["rainy night", "running", 0, 0, False],
        ["rainy night · 4 s left", "running", 45, 1, False],
        [END, "success", 100, 1, True],
    ]


def test_a_progress_message_that_could_not_be_shown_begins_anew(editor: Editor) -> None:
    attach(editor, "native", double="native", setup='require("native_double") _G.silent = true')
    tell(editor, "start")
    editor.lua("_G.silent = false")
    tell(editor, "progress", percent=20)
    assert calls(editor, 1) == [["rainy night", "running", 20, 0, False]]


def test_fidget_gets_a_handle_that_is_finished(editor: Editor) -> None:
    attach(editor, "auto", double="fidget")
    one_track(editor)
    assert calls(editor, 4) == [
        ["create", "rainy night", 0],
        ["report", "rainy night · 4 s left", 45],
        ["report", END, 100],
        ["finish", END, 100],
    ]


def test_nvim_notify_gets_one_notification_that_is_replaced(editor: Editor) -> None:
    attach(editor, "auto", double="notify")
    one_track(editor)
    assert calls(editor, 3) == [
        ["new", "0% rainy night", 2, False],
        ["replace", "45% rainy night · 4 s left", 2, False],
        ["replace", END, 2, 3000],
    ]


def test_what_the_user_has_closed_stays_closed_until_its_end(editor: Editor) -> None:
    attach(editor, "notify", double="notify")
    tell(editor, "start")
    calls(editor, 1)
    editor.lua('require("notify").dismiss()')
    tell(editor, "progress", percent=20)
    tell(editor, "start", track_id="t2")
    assert [call[0] for call in calls(editor, 2)] == ["new", "new"]
    tell(editor, "complete", **MADE)
    assert calls(editor, 3)[2] == ["new", END, 2, 3000]


def test_mini_notify_gets_one_notification_that_is_updated(editor: Editor) -> None:
    attach(editor, "auto", double="mini", setup='require("mini.notify")')
    one_track(editor)
    assert calls(editor, 4) == [
        ["add", "lofi: 0% rainy night", "INFO"],
        ["update", "lofi: 45% rainy night · 4 s left", "INFO"],
        ["update", f"lofi: {END}", "INFO"],
        ["remove", f"lofi: {END}"],
    ]


ECHO = """
local echo = vim.api.nvim_echo
vim.api.nvim_echo = function(chunks, history, options)
  _G.record({ chunks[1][1], history, vim.uv.now() })
  return echo(chunks, history, options)
end
"""


def test_without_any_of_them_a_line_is_echoed_twice_a_second_at_most(editor: Editor) -> None:
    attach(editor, "auto", setup=ECHO)
    one_track(editor)
    found = calls(editor, 3)
    assert [call[:2] for call in found] == [
        ["lofi: 0% rainy night", False],
        ["lofi: 45% rainy night · 4 s left", False],
        [f"lofi: {END}", True],
    ]
    times = [call[2] for call in found]
    assert all(later - earlier >= 500 for earlier, later in pairwise(times))  # type: ignore[operator]


def test_an_echo_never_asks_for_a_key(editor: Editor) -> None:
    attach(editor, "echo", setup=ECHO)
    editor.lua("vim.o.columns = 30")
    tell(editor, "start", prompt="a prompt that is much longer than the command line of this editor")
    assert len(str(calls(editor, 1)[0][0])) < 30
    assert not editor.request("nvim_get_mode")["blocking"]


def test_nothing_is_echoed_into_a_command_that_is_being_typed(editor: Editor) -> None:
    attach(editor, "echo", setup=ECHO)
    editor.request("nvim_input", ":ec")
    assert editor.request("nvim_get_mode")["mode"] == "c"
    tell(editor, "start")
    tell(editor, "complete", **MADE)
    assert editor.events("call") == []
    editor.request("nvim_input", "<Esc>")
    assert calls(editor, 1)[0][:2] == [f"lofi: {END}", True]


@pytest.mark.parametrize(
    ("double", "setup", "last"),
    [
        ("native", 'require("native_double")', ["failed", "failed", None, 1, False]),
        ("fidget", "", ["finish", "failed"]),
        ("mini", 'require("mini.notify")', ["remove", "lofi: rainy night: out of memory"]),
    ],
)
def test_a_failure_is_told_once_at_error_with_its_recovery(
    editor: Editor, double: str, setup: str, last: list[object]
) -> None:
    attach(editor, "auto", double=double, setup=setup)
    tell(editor, "start")
    tell(editor, "error", **FAILED)
    editor.wait("call", lambda data: data["call"] == last)
    assert words(editor) == [("lofi: rainy night: out of memory. Try less.", 4)]


def test_nvim_notify_tells_a_failure_itself(editor: Editor) -> None:
    attach(editor, "auto", double="notify")
    tell(editor, "start")
    tell(editor, "error", **FAILED)
    assert calls(editor, 2)[1] == ["replace", "rainy night: out of memory\nTry less.", 4, 3000]
    assert words(editor) == []


def test_failures_are_told_where_no_progress_is_wanted(editor: Editor) -> None:
    attach(editor, "echo", setup=ECHO + 'require("lofi.config").defaults.progress.enabled = false')
    tell(editor, "start")
    tell(editor, "error", **FAILED)
    editor.wait("notify")
    assert words(editor) == [("lofi: rainy night: out of memory. Try less.", 4)]
    assert editor.events("call") == []


def test_a_backend_that_is_not_installed_is_named_and_another_one_used(editor: Editor) -> None:
    attach(editor, "fidget", setup=ECHO)
    told = 'lofi: progress.backend = "fidget" needs fidget.nvim; echo is used'
    assert words(editor) == [(told, 3)]
    tell(editor, "start")
    assert calls(editor, 1)[0][0] == "lofi: 0% rainy night"


def test_a_real_track_is_shown_and_what_others_ask_for_is_not(editor: Editor, home: Home) -> None:
    editor.lua("_G.record = function(call) vim.rpcnotify(0, 'call', { call = call }) end\n" + ECHO)
    editor.call("queue")
    with Stdio(home.environ) as other:
        theirs = other.call("generate", prompt="theirs", duration_sec=5)["track_id"]
        editor.wait("LofiComplete", lambda data: data["track_id"] == theirs)
        editor.call("generate", {"prompt": "mine", "duration_sec": 5})
        # On a slow machine the end of the model's loading stands before it.
        editor.wait("call", lambda data: "mine · 5 s made in " in data["call"][0])
    lines = [data["call"][0] for data in editor.events("call")]
    assert not any("theirs" in line for line in lines)
