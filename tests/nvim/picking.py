"""What tests of lists share: who chooses, and what is played, deleted and made."""

from __future__ import annotations

from pathlib import Path

from tests.support.nvim import Editor

DOUBLES = Path(__file__).parent / "doubles"

# The user chooses what `choices` says, in turn; what was offered is told.
SELECT = """
local choices = ...
vim.ui.select = function(items, options, on_choice)
  local offered = vim.tbl_map(options.format_item or tostring, items)
  vim.rpcnotify(0, "select", { prompt = options.prompt, offered = offered })
  local wanted = table.remove(choices, 1)
  for place, row in ipairs(offered) do
    if row:find(wanted, 1, true) then
      on_choice(items[place], place)
      return
    end
  end
  on_choice(nil)
end
"""

# Sound is another matter: what would be played is told.
PLAY = """
require("lofi").play = function(ids)
  vim.rpcnotify(0, "play", { ids = ids })
end
"""

# What is asked to be deleted is told, too.
DELETE = """
local delete = require("lofi").delete
require("lofi").delete = function(id, cb)
  vim.rpcnotify(0, "delete", { id = id })
  delete(id, cb)
end
"""


def choose(editor: Editor, *choices: str) -> None:
    editor.lua(SELECT, list(choices))


def make(editor: Editor, *prompts: str) -> list[str]:
    """Tracks with these prompts, in the order in which they are made; their ids."""
    ids = []
    for prompt in prompts:
        track_id = editor.call("generate", {"prompt": prompt, "duration_sec": 5})["track_id"]
        editor.wait("LofiComplete", lambda data, made=track_id: data["track_id"] == made)  # type: ignore[misc]
        ids.append(track_id)
    return ids


def library(editor: Editor) -> list[str]:
    return [track["track_id"] for track in editor.call("tracks", {})["tracks"]]
