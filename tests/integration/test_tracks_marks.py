"""`lofi tracks fav`, `tag` and what they choose; `lofi prompts --history`; what makes room in the library."""

from __future__ import annotations

import json

from lofi_client import CacheEvicted, Lofi
from tests.support.home import Home
from tests.support.stdio import Stdio
from tests.support.terminal import in_a_terminal


def made(home: Home, *prompts: str) -> list[str]:
    """The ids of new tracks."""
    ids = []
    for prompt in prompts:
        done = home.submit(prompt, "-d", "5", "--json")
        ids.append(json.loads(done.stdout.splitlines()[0])["track_id"])
    return ids


def test_marks_from_the_command_line(home: Home) -> None:
    rain, snow = made(home, "rainy café", "snow")
    assert home.lofi("tracks", "fav", rain[:8], snow).stdout == f"{rain}  ★ rainy café\n{snow}  ★ snow\n"
    assert home.lofi("tracks", "unfav", snow).stdout == f"{snow}  snow\n"
    tagged = home.lofi("tracks", "tag", rain, "late work", "75 bpm")
    assert tagged.stdout == f"{rain}  ★ rainy café  [late work, 75 bpm]\n"
    first = home.lofi("tracks", "list", "--favourites").stdout.splitlines()[0]
    assert first.startswith(rain) and first.endswith("★ rainy café  [late work, 75 bpm]")
    for chosen in (("--tag", "LATE WORK"), ("cafe",), ("bpm", "CAFÉ")):
        found = home.lofi("tracks", "list", *chosen, "--json").stdout.splitlines()
        assert [json.loads(line)["track_id"] for line in found] == [rain]
    facts = home.lofi("tracks", "show", rain).stdout
    assert "favourite    yes" in facts and "tags         late work, 75 bpm" in facts
    (after,) = home.lofi("tracks", "untag", rain, "late work", "--json").stdout.splitlines()
    assert json.loads(after)["tags"] == ["75 bpm"]
    refused = home.lofi("tracks", "tag", rain, "x" * 41)
    assert (refused.returncode, refused.stderr.splitlines()[0]) == (2, "lofi: a tag has 1 to 40 characters")


def test_the_prompts_history(home: Home) -> None:
    rain, _, _ = made(home, "rainy café", "snow", "rainy café")
    home.lofi("tracks", "rm", "--yes", rain)
    shown = home.lofi("prompts", "--history").stdout.splitlines()
    assert [line.split(maxsplit=2)[2] for line in shown] == ["2×  rainy café", "1×  snow"]
    (found,) = home.lofi("prompts", "--history", "CAFE", "--json").stdout.splitlines()
    assert json.loads(found)["asked"] == 2
    assert home.lofi("prompts", "--history", "metal").stderr == "lofi: no prompts\n"
    assert home.lofi("prompts", "--history", "--limit", "1").stderr == "lofi: … and 1 more (--limit)\n"
    assert home.lofi("prompts", "--forget").returncode == 2
    code, said = in_a_terminal(home, "prompts", "--forget", until=b"[y/N]", answer=b"y\n")
    assert code == 0 and b"Delete 2 prompts?" in said and b"2 prompts forgotten" in said
    assert home.lofi("prompts", "--forget", "--yes", "--json").stdout == '{"forgotten":0}\n'


def test_the_library_keeps_its_limit_and_its_favourites(home: Home) -> None:
    home.environ["LOFI_CACHE_MAX_TRACKS"] = "2"
    (loved,) = made(home, "loved")
    home.lofi("tracks", "fav", loved)
    (old,) = made(home, "old")
    with Lofi.connect(paths=home.paths, start=False) as lofi:
        newer = lofi.make("newer", duration_sec=5).track_id
        evicted = next(event for event in lofi.listen() if isinstance(event, CacheEvicted))
        assert evicted.track_ids == [old]
        assert [track.track_id for track in lofi.tracks().tracks] == [newer, loved]
        assert {path.stem for path in home.paths.tracks.iterdir()} == {newer, loved}
    home.lofi("tracks", "unfav", loved)
    home.stop()
    home.environ["LOFI_CACHE_MAX_TRACKS"] = "1"
    with Stdio(home.environ) as broker:
        assert broker.wait("cache_evicted")["track_ids"] == [loved]
        assert broker.call("cache_stats")["tracks"] == 1
