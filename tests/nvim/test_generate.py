"""Tracks made from within the editor, with the starter model."""

from __future__ import annotations

import wave
from pathlib import Path

from tests.nvim.conftest import Open
from tests.support.home import Home


def test_a_prompt_becomes_a_track(starter: Home, open_editor: Open) -> None:
    editor = open_editor(starter)
    assert editor.lua("return require('lofi').status()")["running"] is False
    answer = editor.call("generate", {"prompt": "rainy night", "duration_sec": 5, "seed": 7})
    assert answer["seed"] == 7
    assert editor.lua("return require('lofi').is_generating()") is True
    done = editor.wait("LofiComplete")
    assert done["track_id"] == answer["track_id"] and done["prompt"] == "rainy night"
    with wave.open(done["path"]) as track:
        assert track.getnframes() == 5 * track.getframerate()
    assert Path(done["path"]).is_relative_to(starter.root)
    names = [name for name, _ in editor.seen if name.startswith("Lofi")]
    assert names.index("LofiConnected") < names.index("LofiStart") < names.index("LofiProgress")
    assert editor.lua("return require('lofi').is_generating()") is False
    again = editor.call("generate", {"prompt": "rainy night", "duration_sec": 5, "seed": 7})
    assert again["status"] == "complete" and again["path"] == done["path"]
