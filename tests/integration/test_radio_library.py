"""What the radio leaves in the library, and what it takes from there."""

from __future__ import annotations

import time

from tests.integration.test_playback import make
from tests.integration.test_radio import radio, wait_state
from tests.support.home import Home


def test_the_radio_makes_room_among_its_own_pieces_alone(home: Home) -> None:
    home.environ["LOFI_CACHE_MAX_TRACKS"] = "3"
    with radio(home, speed=20.0) as broker:
        mine = make(broker, "masterpiece", "another")
        broker.call("radio_start", prompt="rain")
        broker.wait("playback_started", count=6)
        broker.call("radio_stop")
        end = time.monotonic() + 20
        while (stats := broker.call("cache_stats"))["tracks"] > 3:
            assert time.monotonic() < end, stats
            time.sleep(0.05)
        pieces = {each["track_id"] for each in broker.notices("generation_start")} - {*mine}
        gone = [name for told in broker.notices("cache_evicted") for name in told["track_ids"]]
        assert gone and {*gone} <= pieces
        left = {track["track_id"]: track for track in broker.call("cache_list")["tracks"]}
        assert {*mine} <= {*left} and all(left[name].get("radio", False) == (name in pieces) for name in left)
        assert stats["evicted"] == len(gone)


def test_a_piece_of_the_radio_that_somebody_plays_is_kept(home: Home) -> None:
    with radio(home) as broker:
        broker.call("radio_start", prompt="rain")
        first = broker.wait("generation_complete")["track_id"]
        assert broker.call("track_get", track_id=first)["radio"]
        broker.call("play", track_ids=[first])
        assert "radio" not in broker.call("track_get", track_id=first)


def test_what_is_said_of_a_piece_of_a_stream_is_refused(home: Home) -> None:
    with radio(home, mode="stream", speed=1.0) as broker:
        broker.call("radio_start", prompt="rain")
        piece = wait_state(broker, state="playing")["track_id"]
        broker.wait("generation_complete", piece)
        said = [
            ("track_favourite", {"track_id": piece}),
            ("track_tag", {"track_id": piece, "add": ["late"]}),
            ("cache_delete", {"track_id": piece}),
            ("generate", {"continue_from": piece, "duration_sec": 5}),
        ]
        for method, params in said:
            refused = broker.error(method, **params)
            assert refused["code"] == -32009 and "a piece of a stream" in refused["message"]
            assert f"lofi tracks export {piece}" in refused["data"]["recovery"]
        assert broker.call("track_get", track_id=piece)["segment"]
