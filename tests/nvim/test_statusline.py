"""The part for the status line, in a status line that is drawn."""

from __future__ import annotations

from tests.support.nvim import Editor

DRAWN = """
function _G.part()
  local text = require("lofi").statusline()
  vim.rpcnotify(0, "drawn", { text = text })
  return text
end
vim.o.laststatus = 2
vim.o.statusline = "%{v:lua.part()}"
"""

# What a status line shows, as Neovim itself evaluates it.
EVALUATED = "return vim.api.nvim_eval_statusline(..., {}).str"


def test_it_is_drawn_again_when_something_happens(editor: Editor) -> None:
    editor.request("nvim_ui_attach", 80, 24, {})
    editor.lua(DRAWN)
    assert editor.wait("drawn") == {"text": ""}
    editor.call("generate", {"prompt": "slow 1 rainy night", "duration_sec": 5})
    editor.wait("drawn", lambda data: data["text"].startswith("♪ "))
    editor.wait("LofiComplete")
    editor.seen.clear()
    editor.wait("drawn", lambda data: data["text"] == "")


def test_percent_signs_are_shown_once_in_both_ways_of_using_it(editor: Editor) -> None:
    editor.lua(
        """
        local prompt = { track_id = "t", prompt = "100% rain", percent = 45 }
        require("lofi.events").emit("start", prompt)
        require("lofi.events").emit("progress", prompt)
        """
    )
    assert editor.lua(EVALUATED, "%{v:lua.require'lofi'.statusline()}") == "♪ 45% 100% rain"
    escaped = "%{%v:lua.require'lofi'.statusline({'escape': v:true})%}"
    assert editor.lua(EVALUATED, escaped) == "♪ 45% 100% rain"


def test_asking_for_it_starts_nothing(editor: Editor) -> None:
    assert editor.lua("return require('lofi').statusline()") == ""
    assert editor.lua("return require('lofi').status().running") is False
    assert editor.lua("return package.loaded['lofi.broker'] == nil")


DEFERRED = """
_G.deferred = 0
vim.defer_fn = function() _G.deferred = _G.deferred + 1 end
require("lofi.statusline").attach()
local function happens() require("lofi.events").emit("worker", {}) end
happens()
local before = _G.deferred
require("lofi").statusline()
happens()
return { before, _G.deferred }
"""


def test_nothing_is_drawn_again_for_those_who_do_not_show_it(editor: Editor) -> None:
    assert editor.lua(DEFERRED) == [0, 1]
