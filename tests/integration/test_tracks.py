"""`lofi tracks`: list, show and rm, as people and scripts run them."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from lofi_client import Lofi
from tests.support.home import Home
from tests.support.terminal import in_a_terminal

PROMPTS = ("rainy night", "rainy day", "sunny – 夏の朝")
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def library() -> Iterator[Home]:
    """Three tracks, of which nothing is changed."""
    folder = Path(tempfile.mkdtemp(prefix="lofi-"))
    home = Home(folder)
    for prompt in PROMPTS:
        assert home.submit(prompt, "-d", "5", "--seed", "7").returncode == 0
    yield home
    home.stop()
    shutil.rmtree(folder)


def ids(home: Home) -> dict[str, str]:
    """The library's track ids by prompt."""
    lines = home.lofi("tracks", "--json").stdout.splitlines()
    return {track["prompt"]: track["track_id"] for track in map(json.loads, lines)}


def made(home: Home, *prompts: str) -> list[str]:
    for prompt in prompts:
        assert home.submit(prompt, "-d", "5", "--seed", "7").returncode == 0
    return [ids(home)[prompt] for prompt in prompts]


def test_without_a_command_it_lists(library: Home) -> None:
    listed = library.lofi("tracks")
    assert listed.returncode == 0 and listed.stdout == library.lofi("tracks", "list").stdout
    assert listed.stdout.count(".wav") == 3
    first, last = library.lofi("tracks", "--limit", "1").stdout, listed.stdout.splitlines()[0]
    assert last in first and "… and 2 more" in first


def test_words_choose_and_json_is_one_object_a_track(library: Home) -> None:
    found = library.lofi("tracks", "list", "rainy", "NIGHT", "--json").stdout.splitlines()
    assert [json.loads(line)["prompt"] for line in found] == ["rainy night"]
    none = library.lofi("tracks", "list", "metal")
    assert (none.returncode, none.stdout, none.stderr) == (0, "", "lofi: no tracks\n")
    assert library.lofi("tracks", "shwo").returncode == 2


def test_show_for_people(library: Home) -> None:
    track_id = ids(library)["rainy night"]
    done = library.lofi("tracks", "show", track_id[:6], "--width", "60")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    facts = dict(line.split(maxsplit=1) for line in lines[: lines.index("")])
    assert facts["track"] == track_id and facts["prompt"] == "rainy night" and facts["seed"] == "7"
    assert facts["length"] == "0:05 (5 s)" and facts["loudest"] == "-20.0 dB of full scale"
    assert facts["format"] == "wav, 32000 Hz, 320 kB"
    assert Path(facts["file"]).name == f"{track_id}.wav" and len(facts["sha256"]) == 64
    # The scripted engine's tone is as loud from its start to its end.
    assert lines[lines.index("") + 1 :] == [
        *["█" * 60] * 4,
        "┬───────────┬───────────┬───────────┬───────────┬──────────┬",
        "0:00        0:01        0:02        0:03        0:04    0:05",
    ]


def test_show_for_programs(library: Home) -> None:
    done = library.lofi("tracks", "show", ids(library)["rainy day"], "--width", "25", "--json")
    shown = json.loads(done.stdout)
    assert shown["prompt"] == "rainy day" and shown["status"] == "complete"
    assert shown["peaks"] == pytest.approx([0.1] * 25, abs=1e-3)
    assert "spectrogram" not in shown


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_output_that_has_no_blocks_gets_ascii(library: Home, encoding: str) -> None:
    track_id = ids(library)["sunny – 夏の朝"]
    done = library.run(
        "lofi_cli.main", "tracks", "show", track_id, "--width", "30", extra={"PYTHONIOENCODING": encoding}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-6:] == [
        *["#" * 30] * 4,
        "+-----------+----------------+",
        "0:00        0:02          0:05",
    ]


def test_colour_on_a_terminal_only_and_not_where_none_is_wanted(library: Home) -> None:
    track_id = ids(library)["rainy night"]
    _, coloured = in_a_terminal(library, "tracks", "show", track_id, until=b"0:00", answer=b"")
    assert "\x1b[36m█" in coloured.decode()
    library.environ["NO_COLOR"] = "1"
    try:
        _, plain = in_a_terminal(library, "tracks", "show", track_id, until=b"0:00", answer=b"")
    finally:
        del library.environ["NO_COLOR"]
    assert not ANSI.search(plain.decode())
    assert ANSI.sub("", coloured.decode()) == plain.decode()
    assert not ANSI.search(library.lofi("tracks", "show", track_id).stdout)


def test_the_width_is_the_terminals_and_100_at_most(library: Home) -> None:
    track_id = ids(library)["rainy night"]
    for columns, width in (("40", 40), ("300", 100), ("3", 10)):
        done = library.run("lofi_cli.main", "tracks", "show", track_id, extra={"COLUMNS": columns})
        assert done.stdout.splitlines()[-1].endswith("0:05")
        assert len(done.stdout.splitlines()[-1]) == width


def test_show_writes_a_picture(library: Home, tmp_path: Path) -> None:
    track_id, picture = ids(library)["sunny – 夏の朝"], tmp_path / "picture.png"
    first = library.lofi("tracks", "show", track_id, "--spectrogram", str(picture))
    assert (first.returncode, first.stderr) == (0, "") and f"spectrogram  {picture}" in first.stdout
    with Image.open(picture) as image:
        assert image.size == (1200, 600) and image.info["Title"] == "sunny – 夏の朝"
    again = library.lofi("tracks", "show", track_id, "--spectrogram", str(picture))
    assert again.returncode == 1 and "--force" in again.stderr
    forced = library.lofi("tracks", "show", track_id, "--spectrogram", str(picture), "--force", "--json")
    assert json.loads(forced.stdout)["spectrogram"] == str(picture)
    nowhere = library.lofi("tracks", "show", track_id, "--spectrogram", str(tmp_path / "no" / "x.png"))
    assert nowhere.returncode == 1 and "there is no folder" in nowhere.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "0123456789abcdef"), "0123456789abcdef"),
        (("show", "fffff"), "no track's id begins with fffff"),
        (("show", "a"), "too short"),
        (("show", "abcdef", "--width", "5"), "--width"),
        (("show", "abcdef", "--force"), "--spectrogram"),
        (("show", "abcdef", "--spectrogram", "x.jpg"), ".png"),
        (("rm",), "--all"),
        (("rm", "--all", "abcdef"), "--all"),
        (("rm", "fffff", "--yes"), "fffff"),
    ],
)
def test_what_is_refused(library: Home, arguments: tuple[str, ...], words: str) -> None:
    done = library.lofi("tracks", *arguments)
    assert (done.returncode, done.stdout) == (2, "") and words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_track_without_sound_is_shown_with_what_is_known(home: Home) -> None:
    assert home.submit("fail@3", "-d", "5").returncode == 1
    failed = json.loads(home.submit("fail@3", "-d", "5", "--json", "--seed", "5").stdout.splitlines()[0])
    track_id = failed["track_id"]
    done = home.lofi("tracks", "show", track_id)
    assert done.returncode == 0
    assert re.search(r"^status +failed$", done.stdout, re.M) and "scripted failure" in done.stdout
    assert "0:00" not in done.stdout
    assert json.loads(home.lofi("tracks", "show", track_id, "--json").stdout)["peaks"] == []
    picture = home.lofi("tracks", "show", track_id, "--spectrogram", str(home.root / "x.png"))
    assert picture.returncode == 2 and "has no sound: it is failed" in picture.stderr
    assert not (home.root / "x.png").exists()
    removed = home.lofi("tracks", "rm", track_id, "--yes")
    assert removed.returncode == 2 and "not in the library: it is failed" in removed.stderr


def test_a_file_that_is_damaged_is_named(home: Home) -> None:
    (track_id,) = made(home, "rain")
    path = home.paths.tracks / f"{track_id}.wav"
    path.write_bytes(b"x" * path.stat().st_size)
    done = home.lofi("tracks", "show", track_id)
    assert done.returncode == 1 and f"{path} can't be read" in done.stderr
    assert f"lofi tracks rm {track_id}" in done.stderr


def test_rm_needs_a_yes_where_there_is_no_terminal(home: Home) -> None:
    rain, sun, snow = made(home, "rain", "sun", "snow")
    refused = home.lofi("tracks", "rm", rain)
    assert (refused.returncode, refused.stdout) == (2, "") and "--yes" in refused.stderr
    assert set(ids(home)) == {"rain", "sun", "snow"}
    some = home.lofi("tracks", "rm", "ffffffffffffffff", rain, "--yes")
    assert (some.returncode, some.stdout) == (2, "1 track deleted\n") and "ffffffffffffffff" in some.stderr
    assert set(ids(home)) == {"sun", "snow"}
    done = home.lofi("tracks", "rm", sun, sun[:5], "--yes")
    assert (done.returncode, done.stdout) == (0, "1 track deleted\n")
    assert ids(home) == {"snow": snow}
    assert not (home.paths.tracks / f"{rain}.wav").exists()
    every = home.lofi("tracks", "rm", "--all", "--yes", "--json")
    assert json.loads(every.stdout) == {"deleted": 1} and ids(home) == {}


def test_rm_asks_on_a_terminal(home: Home) -> None:
    rain, sun = made(home, "rain", "sun")
    for answer in (b"n\n", b"\n", b"\x04"):
        code, shown = in_a_terminal(home, "tracks", "rm", rain, until=b"[y/N]", answer=answer)
        assert code == 1 and b"nothing was deleted" in shown
    assert 'Delete "rain", 320 kB?' in shown.decode()
    code, shown = in_a_terminal(home, "tracks", "rm", rain, until=b"[y/N]", answer=b"\x03")
    assert code == 130 and set(ids(home)) == {"rain", "sun"}
    code, shown = in_a_terminal(home, "tracks", "rm", rain, until=b"[y/N]", answer=b"y\n")
    assert code == 0 and b"1 track deleted" in shown and ids(home) == {"sun": sun}
    code, shown = in_a_terminal(home, "tracks", "rm", "--all", until=b"[y/N]", answer=b"yes\n")
    assert code == 0 and b"Delete 1 track, 321 kB?" in shown and ids(home) == {}


def test_the_beginning_of_an_id_finds_a_track_that_waits(home: Home) -> None:
    running = home.submit("slow 60", "-d", "5", "--no-wait").stdout.strip()
    done = home.lofi("tracks", "show", running[:9])
    assert done.returncode == 0 and running in done.stdout
    with Lofi.connect(start=False, paths=home.paths) as lofi:
        lofi.cancel(running)
