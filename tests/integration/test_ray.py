"""`lofi-batch --engine ray` on a real cluster of two nodes: the bytes of the local engine, whatever dies."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lofi_common.manifest import read_model
from lofi_worker.importer.convert import convert_checkpoint
from tests.support.batch import Batch, all_there, manifest, run, write_prompts
from tests.support.cluster import Nodes, nodes_on
from tests.support.ftp import PASSWORD, ftp_server
from tests.support.home import Home

pytest.importorskip("ray")
pytestmark = pytest.mark.timeout(150)

ROWS = 40
FORMATS = {11: "flac", 12: "ogg", 13: "mp3"}
"""Of some rows; the others are WAV."""
SAME = ("row", "prompt", "seed", "track_id", "path", "sha256", "bytes", "model_version")
TINY = Path(__file__).parents[1] / "fixtures/tiny_musicgen"


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="lofi-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def nodes(root: Path) -> Iterator[Nodes]:
    with nodes_on(root, 2) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def reference(root: Path) -> list[dict[str, Any]]:
    """What the local engine makes of the prompts."""
    (root / "local").mkdir()
    home = Home(root / "local", engine="onnx")
    try:
        done = run(home, write_rows(root), root / "reference", "-d", "5", "--slots", "4")
        assert done.returncode == 0, done.stderr
    finally:
        home.stop()
    return all_there(root / "reference", ROWS)


@pytest.fixture
def starter(short_tmp: Path) -> Home:
    """A driver's home."""
    return Home(short_tmp, engine="onnx")


def write_rows(folder: Path) -> Path:
    path = folder / "prompts.jsonl"
    rows = [
        {"prompt": f"rainy night {row}", **({"file": f"{row}.{FORMATS[row]}"} if row in FORMATS else {})}
        for row in range(1, ROWS + 1)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def on(nodes: Nodes, *more: str) -> tuple[str, ...]:
    return "-d", "5", "--engine", "ray", "--address", nodes.address, *more


def same(records: list[dict[str, Any]]) -> list[list[Any]]:
    return [[record[name] for name in SAME] for record in records]


def test_an_actor_a_node_and_the_driver_are_killed(
    nodes: Nodes, starter: Home, reference: list[dict[str, Any]]
) -> None:
    prompts, folder = write_rows(starter.root), starter.root / "out"
    with Batch(starter, prompts, folder, *on(nodes)) as first:
        first.rows(5)
        nodes.actors()[0].kill()
        first.rows(8)
        nodes.remove(nodes.there[-1])
        first.rows(8)
        first.process.kill()
    nodes.add()
    there = {path.name for path in folder.glob("[!.]*") if path.suffix != ".jsonl"}
    with Batch(starter, prompts, folder, *on(nodes)) as second:
        made = second.rows(ROWS)
        code, told = second.end()
    assert code == 0, told
    assert len(there) >= 21 and not there & {record["path"] for record in made}
    records = all_there(folder, ROWS)  # the made folder is gone, too
    assert same(records) == same(reference)


def test_a_shard_on_a_server_is_a_part_of_the_whole(
    nodes: Nodes, starter: Home, reference: list[dict[str, Any]]
) -> None:
    pytest.importorskip("pyftpdlib")
    prompts, folder = write_rows(starter.root), starter.root / "out"
    with ftp_server(starter.root) as url:
        shard = on(nodes, "--shard", "2/8", "--slots", "3", "--tracks", f"{url}/tracks")
        done = run(starter, prompts, folder, *shard)
        assert done.returncode == 0, done.stderr
        again = run(starter, prompts, folder, *shard)
    assert again.returncode == 0 and "5 of them before" in again.stderr
    part = manifest(folder, "manifest.2-of-8.jsonl")
    assert same(part) == same([each for each in reference if each["row"] % 8 == 2])
    tracks = starter.root / "tracks"
    assert manifest(tracks, "manifest.2-of-8.jsonl") == part
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tracks.glob("*.wav")}
    assert digests == {record["path"]: record["sha256"] for record in part}
    assert not list(tracks.glob(".*")) and PASSWORD not in done.stderr


def test_poison_is_set_aside_and_rows_that_want_one_track_make_it_once(nodes: Nodes, home: Home) -> None:
    table = "prompt,seed\n" + "rain,7\nsun,8\n" * 4 + "crash,9\nslow 0.1 fail@3,1\n" + "fog,1\nfog,2\n"
    prompts = home.root / "prompts.csv"
    prompts.write_text(table)
    done = run(home, prompts, home.root / "out", *on(nodes, "--slots", "2", "--retries", "1", "--json"))
    assert done.returncode == 1 and "an actor died: Segmentation fault" in done.stderr, done.stderr
    *there, poison, failing, fog, other_fog = manifest(home.root / "out")
    assert (poison["prompt"], poison["attempts"]) == ("crash", 2)
    told = "the actor died 2 times on this track: Segmentation fault"
    assert poison["error"] == {"code": "MODEL_INFERENCE_FAILED", "message": told}
    assert failing["error"]["message"] == "scripted failure at step 3" and failing["attempts"] >= 2
    assert len({record["track_id"] for record in there}) == 2
    for record in (*there, fog, other_fog):
        assert record["error"] is None and (home.root / "out" / record["path"]).is_file()
    assert json.loads(done.stdout.splitlines()[-1])["audio_sec"] == 4 * 5  # of eight rows, two were made


def test_a_model_gets_to_each_node_once_and_a_damaged_copy_is_fetched_anew(
    nodes: Nodes, starter: Home
) -> None:
    folder = starter.paths.models / "tiny"
    convert_checkpoint(TINY, folder, folder.name, license="MIT", description="tiny", precision="fp32")
    version = read_model(folder).version
    prompts = write_prompts(starter.root, *(f"rain {number}" for number in range(8)))
    done = run(starter, prompts, starter.root / "sent", *on(nodes, "--model", "tiny"))
    assert done.returncode == 0, done.stderr
    first = all_there(starter.root / "sent", 8)
    whole = (folder / "decoder.data").read_bytes()
    copies = [nodes.home(node) / "cache/models" / version / "decoder.data" for node in nodes.there]
    copies = [copy for copy in copies if copy.exists()]
    assert copies  # a node whose actor came too late for a row may have none
    for copy in copies:
        assert copy.read_bytes() == whole
        copy.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    url = f"file://{folder}"
    done = run(starter, prompts, starter.root / "fetched", *on(nodes, "--model-url", url))
    assert done.returncode == 0, done.stderr
    again = all_there(starter.root / "fetched", 8)
    assert [each["sha256"] for each in again] == [each["sha256"] for each in first]
    assert any(copy.read_bytes() == whole for copy in copies)


def test_ctrl_c_ends_it_in_order(nodes: Nodes, home: Home) -> None:
    prompts = write_prompts(home.root, *(f"slow 0.2 {number}" for number in range(60)))
    with Batch(home, prompts, home.root / "out", *on(nodes)) as running:
        running.rows(4)
        running.process.send_signal(signal.SIGINT)
        code, told = running.end()
    assert code == 130 and "still to be made" in told
    records = manifest(home.root / "out")
    assert 4 <= len(records) < 60 and not any(record["error"] for record in records)
    assert not any(list(nodes.home(node).glob("tmp/lofi-ray-*/[!.]*")) for node in nodes.there)
