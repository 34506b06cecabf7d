"""The driver of a batch killed before every single thing that it does to a disk or a server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lofi_batch.manifest import Ledger
from tests.support.ftp import ftp_server
from tests.support.killed import ROWS, Drivers, sound


@pytest.fixture(params=["library", "folder", "ftp"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Where the driver is told to put the tracks, and the folder in which they are then."""
    if request.param == "library":
        yield "library", tmp_path / "out"
    elif request.param == "folder":
        yield str(tmp_path / "out"), tmp_path / "out"
    else:
        pytest.importorskip("fsspec")
        pytest.importorskip("pyftpdlib.log")
        with ftp_server(tmp_path) as url:
            yield f"{url}/tracks", tmp_path / "tracks"


def test_no_row_is_lost_or_made_twice_and_no_file_is_unknown(world: tuple[str, Path], tmp_path: Path) -> None:
    where, tracks = world
    steps: list[str] = []
    with Drivers(tmp_path, where) as drivers:
        while not steps or steps[-1] != "0":
            for name in ("out", "tracks", "library"):
                shutil.rmtree(tmp_path / name, ignore_errors=True)
            (tmp_path / "log").unlink(missing_ok=True)
            steps.append(drivers.run(len(steps) + 1))
            known(tmp_path / "out", tracks)
            assert drivers.run(0) == "0", steps[-1]
            all_there(tmp_path / "out", tracks)
            made = (tmp_path / "log").read_text().split()
            assert len(made) == len(set(made)), steps[-1]
    assert len(steps) > 20 and {"killed before pwrite", "killed before fsync"} <= set(steps)


def test_a_run_that_makes_one_row_again_is_killed(tmp_path: Path) -> None:
    """With a manifest that is there already."""
    out, whole = tmp_path / "out", tmp_path / "whole"
    steps: list[str] = []
    with Drivers(tmp_path, str(out)) as drivers:
        assert drivers.run(0) == "0"
        out.rename(whole)
        while not steps or steps[-1] != "0":
            shutil.rmtree(out, ignore_errors=True)
            shutil.copytree(whole, out)
            (out / ROWS[1].path).unlink()
            steps.append(drivers.run(len(steps) + 1))
            known(out, out)
            assert drivers.run(0) == "0", steps[-1]
            all_there(out, out)
    assert len(steps) > 10


def known(out: Path, tracks: Path) -> None:
    """Whatever lies under the name of a row is whole and is written down."""
    out.mkdir(exist_ok=True)
    records = Ledger(out, "manifest.jsonl").records
    for row in ROWS:
        if (tracks / row.path).exists():
            assert (tracks / row.path).read_bytes() == sound(row)
            assert records[row.row].is_of(row) and records[row.row].error is None


def all_there(out: Path, tracks: Path) -> None:
    manifests = {folder / "manifest.jsonl" for folder in (out, tracks)}
    for manifest in manifests:
        assert [json.loads(line)["row"] for line in manifest.read_text().splitlines()] == [1, 2, 3, 4]
    for row in ROWS:
        assert (tracks / row.path).read_bytes() == sound(row)
    files = {path for folder in (out, tracks) for path in folder.rglob("*") if path.is_file()}
    assert {path for path in files if not path.name.startswith(".lofi-batch.")} == {
        *manifests,
        *(tracks / row.path for row in ROWS),
    }
