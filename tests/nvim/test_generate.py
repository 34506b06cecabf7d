"""Tracks made from within the editor, with the starter model."""

from __future__ import annotations

import sys
import wave
from pathlib import Path

from tests.nvim.conftest import Open
from tests.support.home import Home
from tests.support.nvim import Editor


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


def test_a_track_goes_on(editor: Editor) -> None:
    base = editor.call("generate", {"prompt": "rain", "duration_sec": 5, "format": "flac"})["track_id"]
    editor.wait("LofiComplete", lambda data: data["track_id"] == base)
    editor.command(f"Lofi continue {base[:5]} 6")
    longer = editor.wait("LofiComplete", lambda data: data["duration_sec"] == 11)
    assert (longer["prompt"], longer["mine"]) == ("rain", True)
    track = editor.call("track", longer["track_id"])
    assert (track["continue_from"], track["format"]) == (base, "flac")  # not that of the options
    editor.command(f"Lofi continue {base} the drums leave 7 seed=3")
    other = editor.wait("LofiComplete", lambda data: data["duration_sec"] == 12)
    assert (other["prompt"], other["seed"]) == ("the drums leave", 3)
    editor.command("Lofi continue 8")  # nothing plays: the newest goes on
    assert editor.wait("LofiStart", lambda data: data["duration_sec"] == 20)["prompt"] == "the drums leave"


def test_a_loop_is_asked_for(editor: Editor) -> None:
    editor.command("Lofi rain 8 loop=yes")
    made = editor.wait("LofiComplete")
    assert editor.call("track", made["track_id"])["loop"] is True
    editor.command(f"Lofi continue {made['track_id']}")
    assert "loop" in editor.notice()


LIBRARY = """
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    asked = request.get("params", {})
    if request["method"] == "initialize":
        result = {"protocol": 1, "version": "1", "capabilities": [], "models": []}
    elif request["method"] == "cache_list":
        assert asked["limit"] <= 100
        last = min(230, asked["offset"] + asked["limit"])
        tracks = [{"track_id": str(number)} for number in range(asked["offset"], last)]
        result = {"tracks": tracks, "total": 230}
    else:
        result = {"current": None, "pending": []}
    print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}), flush=True)
"""


def test_long_lists_come_in_pages(home: Home, open_editor: Open) -> None:
    editor = open_editor(home, options={"broker": {"cmd": [sys.executable, "-c", LIBRARY]}})
    for options, numbers in (
        ({"limit": 1000}, range(230)),
        ({"limit": 150, "offset": 60}, range(60, 210)),
        ({"limit": 200}, range(200)),
        ({}, range(100)),
    ):
        found = editor.call("tracks", options)
        assert [track["track_id"] for track in found["tracks"]] == [str(number) for number in numbers]
        assert found["total"] == 230
