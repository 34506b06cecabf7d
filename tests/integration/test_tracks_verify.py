"""`lofi tracks verify`, beside a broker that works."""

from __future__ import annotations

import json

from lofi_common.units import human_bytes
from tests.integration.test_tracks_marks import made
from tests.support.home import Home
from tests.support.terminal import in_a_terminal


def test_damage_is_found_told_and_repaired(home: Home) -> None:
    ids = made(home, "whole", "damaged", "gone")
    whole, damaged, gone = (home.paths.tracks / f"{track_id}.wav" for track_id in ids)
    size = sum(path.stat().st_size for path in home.paths.tracks.iterdir() if path.suffix != ".json")
    told = f"3 tracks, {human_bytes(size)}"
    assert home.lofi("tracks", "verify").stdout == f"{told}: all as they were written\n"
    with damaged.open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    gone.unlink()
    orphan = home.paths.tracks / f"{'f' * 16}.json"
    orphan.write_text("{}")

    found = home.lofi("tracks", "verify")
    assert found.returncode == 1
    assert {tuple(line.split()[:2]) for line in found.stdout.splitlines()[:-1]} == {
        (orphan.name, "orphan"),
        (damaged.name, "damaged"),
        (gone.name, "missing"),
    }
    assert found.stdout.splitlines()[-1] == f"{told}: 3 problems"
    assert home.lofi("tracks", "verify", ids[0][:8]).returncode == 0
    one = json.loads(home.lofi("tracks", "verify", ids[1], "--json").stdout)
    assert [problem["what"] for problem in one["problems"]] == ["damaged"]

    refused = home.lofi("tracks", "verify", "--repair")
    assert refused.returncode == 2 and "nothing was repaired: that needs a yes" in refused.stderr
    code, said = in_a_terminal(home, "tracks", "verify", "--repair", until=b"[y/N]", answer=b"n\n")
    assert code == 1 and b"Repair 3 problems?" in said and damaged.exists()
    one_repaired = home.lofi("tracks", "verify", ids[2], "--repair", "--yes").stdout
    assert one_repaired.splitlines()[1] == f"{gone.name}  taken out   it is gone"
    done = home.lofi("tracks", "verify", "--repair", "--yes", "--json")
    assert done.returncode == 0 and all(each["repaired"] for each in json.loads(done.stdout)["problems"])
    assert {path.stem for path in home.paths.tracks.iterdir()} == {ids[0]} and whole.exists()
    assert home.lofi("tracks", "verify").returncode == 0
