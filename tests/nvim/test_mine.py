"""Which tracks are this editor's own: those that it asked for, whenever their events come."""

from __future__ import annotations

import sys

from tests.nvim.conftest import Open
from tests.support.home import Home

EARLY = """
import json, sys

def tell(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)

def complete(track_id):
    made = {"prompt": "p", "path": "/x", "duration_sec": 5, "generation_time_sec": 1}
    tell(method="generation_complete", params={"track_id": track_id, **made})

def half(track_id):
    tell(method="generation_progress", params={"track_id": track_id, "percent": 40, "eta_sec": 3})

for line in sys.stdin:
    request = json.loads(line)
    asked = request.get("params", {})
    result = {"current": None, "pending": []}
    if request["method"] == "initialize":
        result = {"protocol": 1, "version": "1", "capabilities": [], "models": []}
    elif request["method"] == "generate":
        half("theirs")
        half("own")
        complete("early")
        answered = "early" if asked["prompt"] == "short" else "own"
        result = {"track_id": answered, "status": "queued", "seed": 1, "model_version": "m"}
    tell(id=request["id"], result=result)
    if request["method"] == "generate":
        half(answered)
        complete("own")
        complete("theirs")
"""


def test_what_comes_before_the_answer_is_told_after_it(home: Home, open_editor: Open) -> None:
    editor = open_editor(home, options={"broker": {"cmd": [sys.executable, "-c", EARLY]}})
    editor.call("generate", {"prompt": "long rain"})
    editor.wait("LofiComplete", lambda data: data["track_id"] == "theirs")
    told = [
        (name, data["track_id"], data["mine"])
        for name, data in editor.seen
        if name in ("LofiProgress", "LofiComplete")
    ]
    # Of the two progress events of its own, the first may be left out for the second.
    assert sorted(set(told)) == [
        ("LofiComplete", "early", False),
        ("LofiComplete", "own", True),
        ("LofiComplete", "theirs", False),
        ("LofiProgress", "own", True),
        ("LofiProgress", "theirs", False),
    ]
    assert editor.events("LofiProgress")[-1]["prompt"] == "long rain"
    editor.seen.clear()
    editor.call("generate", {"prompt": "short"})
    assert editor.wait("LofiComplete", lambda data: data["track_id"] == "early")["mine"] is True


def test_a_track_that_was_deleted_and_is_made_again_is_its_own(home: Home, open_editor: Open) -> None:
    home.environ["LOFI_PLAYER_DEVICE"] = "null"
    editor = open_editor(home, options={"play_on_complete": True})
    for _ in range(2):
        editor.seen.clear()
        track_id = editor.call("generate", {"prompt": "rain", "duration_sec": 5, "seed": 3})["track_id"]
        assert editor.wait("LofiComplete")["mine"] is True
        editor.wait("LofiPlayback", lambda data: data["event"] == "started")
        assert editor.events("notify") == []
        editor.call("stop")
        editor.call("delete", track_id)
