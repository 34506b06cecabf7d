"""`lofi-batch --engine ray` on a real cluster of two nodes: the bytes of the local engine, whatever dies."""

from __future__ import annotations

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
from tests.support.home import Home

pytest.importorskip("ray")

ROWS = 40
PROMPTS = [f"rainy night {number}" for number in range(ROWS)]
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
        done = run(home, write_prompts(root, *PROMPTS), root / "reference", "-d", "5", "--slots", "4")
        assert done.returncode == 0, done.stderr
    finally:
        home.stop()
    return all_there(root / "reference", ROWS)


@pytest.fixture
def starter(short_tmp: Path) -> Home:
    """A driver's home."""
    return Home(short_tmp, engine="onnx")


def on(nodes: Nodes, *more: str) -> tuple[str, ...]:
    return "-d", "5", "--engine", "ray", "--address", nodes.address, *more


def same(records: list[dict[str, Any]]) -> list[list[Any]]:
    return [[record[name] for name in SAME] for record in records]


def test_an_actor_a_node_and_the_driver_are_killed(
    nodes: Nodes, starter: Home, reference: list[dict[str, Any]]
) -> None:
    prompts, folder = write_prompts(starter.root, *PROMPTS), starter.root / "out"
    with Batch(starter, prompts, folder, *on(nodes)) as first:
        first.rows(5)
        nodes.actors()[0].kill()
        first.rows(8)
        nodes.remove(nodes.there[-1])
        first.rows(8)
        first.process.kill()
    nodes.add()
    there = {path.name for path in folder.glob("*.wav")}
    with Batch(starter, prompts, folder, *on(nodes)) as second:
        made = second.rows(ROWS)
        code, told = second.end()
    assert code == 0, told
    assert len(there) >= 21 and not there & {record["path"] for record in made}
    records = all_there(folder, ROWS)  # the made folder is gone, too
    assert same(records) == same(reference)


def test_a_shard_is_a_part_of_the_whole(nodes: Nodes, starter: Home, reference: list[dict[str, Any]]) -> None:
    prompts, folder = write_prompts(starter.root, *PROMPTS), starter.root / "out"
    done = run(starter, prompts, folder, *on(nodes, "--shard", "2/8", "--slots", "3"))
    assert done.returncode == 0, done.stderr
    part = manifest(folder, "manifest.2-of-8.jsonl")
    assert same(part) == same([each for each in reference if each["row"] % 8 == 2])


def test_a_poisonous_prompt_is_set_aside_with_its_reason(nodes: Nodes, home: Home) -> None:
    prompts = write_prompts(
        home.root, *(f"rain {n}" for n in range(6)), "crash", *(f"sun {n}" for n in range(6))
    )
    done = run(home, prompts, home.root / "out", *on(nodes, "--slots", "2"))
    assert done.returncode == 1, done.stderr
    records = manifest(home.root / "out")
    (poison,) = [record for record in records if record["error"] is not None]
    assert (poison["prompt"], poison["attempts"]) == ("crash", 2)
    assert poison["error"]["code"] == "MODEL_INFERENCE_FAILED"
    assert poison["error"]["message"] == "the actor died 2 times on this track: Segmentation fault"
    assert len(records) == 13 and all(
        (home.root / "out" / record["path"]).is_file() for record in records if record is not poison
    )


def test_rows_that_want_one_track_make_it_once(nodes: Nodes, home: Home) -> None:
    table = "prompt,seed\n" + "rain,7\nsun,8\n" * 4 + "crash-free,9\nslow 0.1 fail@3,1\n"
    prompts = home.root / "prompts.csv"
    prompts.write_text(table)
    done = run(home, prompts, home.root / "out", *on(nodes, "--json", "--retries", "1"))
    assert done.returncode == 1, done.stderr
    records = manifest(home.root / "out")
    assert [record["attempts"] for record in records] == [1] * 9 + [2]
    assert records[-1]["error"]["message"] == "scripted failure at step 3"
    assert len({record["track_id"] for record in records[:-1]}) == 3
    events = [json.loads(line) for line in done.stdout.splitlines()]
    (end,) = [event for event in events if event["event"] == "end"]
    assert end["audio_sec"] == 15


@pytest.mark.parametrize("by", ["driver", "url"])
def test_a_model_gets_to_each_node_once(nodes: Nodes, starter: Home, by: str) -> None:
    """A copy that is damaged is refused, and fetched anew."""
    folder = starter.paths.models / f"tiny-{by}"
    convert_checkpoint(TINY, folder, folder.name, license="MIT", description="tiny", precision="fp32")
    model = read_model(folder)
    more = ("--model-url", f"file://{model.folder}") if by == "url" else ("--model", model.manifest.name)
    prompts = write_prompts(starter.root, *(f"rain {n}" for n in range(6)))
    done = run(starter, prompts, starter.root / "out", *on(nodes, *more))
    assert done.returncode == 0, done.stderr
    first = all_there(starter.root / "out", 6)
    copies = [nodes.home(node) / "cache/models" / model.version for node in nodes.there]
    before = {copy: copy.stat().st_ino for copy in copies}
    damaged = copies[0] / "decoder.data"
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    done = run(starter, prompts, starter.root / "again", *on(nodes, *more))
    assert done.returncode == 0, done.stderr
    assert same(all_there(starter.root / "again", 6)) == same(first)
    after = {copy: copy.stat().st_ino for copy in copies}
    assert [copy for copy in copies if before[copy] != after[copy]] == [copies[0]]


def test_ctrl_c_ends_it_in_order(nodes: Nodes, home: Home) -> None:
    prompts = write_prompts(home.root, *(f"slow 0.2 {n}" for n in range(20)))
    with Batch(home, prompts, home.root / "out", *on(nodes)) as running:
        running.rows(4)
        running.process.send_signal(signal.SIGINT)
        code, told = running.end()
    assert code == 130 and "still to be made" in told
    assert 4 <= len(manifest(home.root / "out")) < 20
    assert run(home, prompts, home.root / "out", *on(nodes)).returncode == 0
    all_there(home.root / "out", 20)


def test_no_cluster_at_the_address(home: Home) -> None:
    prompts = write_prompts(home.root, "rain")
    done = run(home, prompts, home.root / "out", "--engine", "ray", "--address", "127.0.0.1:1")
    assert done.returncode == 3
    assert "there is no Ray cluster at 127.0.0.1:1" in done.stderr and "1 row is still" in done.stderr
