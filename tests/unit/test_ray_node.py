"""What an actor does on its node: its models, its tracks; without Ray."""

from __future__ import annotations

import asyncio
import errno
import ftplib
import hashlib
import os
from pathlib import Path

import pytest

import lofi_common
from lofi_batch.folder import Folder
from lofi_batch.ray_actor import TrackActor
from lofi_batch.ray_messages import (
    Answer,
    Done,
    Ended,
    Loaded,
    Make,
    Missing,
    Ready,
    Setup,
    Source,
    Unable,
    Unloaded,
    answer_of,
    loaded_of,
    pack,
)
from lofi_batch.ray_models import Arriving, NodeModels
from lofi_batch.ray_sources import Sources, source_of
from lofi_common.config import Config
from lofi_common.errors import LofiError, ModelDownloadFailed
from lofi_common.jobs import AudioFormat, JobSpec, track_id
from lofi_common.manifest import MANIFEST_NAME, Model, read_model
from lofi_common.paths import find_cache, find_paths
from tests.support.home import MODEL_TOML
from tests.unit.batches import row_of, spec_of_row

# models


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """With one file, on no node's shelf."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    data = bytes(range(256)) * 64
    (folder / "weights").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    text = f'{MODEL_TOML}[files.weights]\nbytes = {len(data)}\nsha256 = "{digest}"\n'
    (folder / MANIFEST_NAME).write_text(text.replace("[files]\n", ""))
    return read_model(folder)


def node(tmp_path: Path) -> NodeModels:
    environ = {"LOFI_HOME": str(tmp_path / "home")}
    return NodeModels(find_paths(environ), find_cache(environ) / "models")


def test_a_model_at_a_url_is_fetched_once(tmp_path: Path, model: Model) -> None:
    source = source_of(model, url=f"file://{model.folder}")
    models = node(tmp_path)
    assert models.find(source) is None
    first, fetched = models.fetch(source)
    assert fetched and first.version == model.version and first.folder != model.folder
    again, fetched = node(tmp_path).fetch(source)  # another process of the node
    assert not fetched and again.folder == first.folder
    assert not list(first.folder.parent.glob(".*.part"))


def test_a_shared_folder_is_used_where_it_is(tmp_path: Path, model: Model) -> None:
    found = node(tmp_path).find(source_of(model, folder=str(model.folder)))
    assert found is not None and found.folder == model.folder


def test_what_comes_damaged_is_refused(tmp_path: Path, model: Model) -> None:
    weights = model.folder / "weights"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with pytest.raises(ModelDownloadFailed, match=r"weights of .* came damaged"):
        node(tmp_path).fetch(source_of(model, url=f"file://{model.folder}"))
    assert node(tmp_path).find(source_of(model)) is None


def test_a_url_without_a_model(tmp_path: Path, model: Model) -> None:
    with pytest.raises(ModelDownloadFailed, match="can't be fetched"):
        node(tmp_path).fetch(source_of(model, url=f"file://{tmp_path}/nothing"))
    with pytest.raises(ModelDownloadFailed, match="can't be fetched"):
        node(tmp_path).fetch(source_of(model, url="nobodyknows://there"))


def test_a_server_that_refuses_is_told_without_the_password(
    tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In words of its own: no OSError."""

    def refuse(url: str) -> None:
        raise ftplib.error_perm(f"530 {url}: Authentication failed.")

    monkeypatch.setattr("fsspec.url_to_fs", refuse)
    url = "ftp://me:secret@there/model"
    told = r"530 ftp://there/model: Authentication failed"
    with pytest.raises(ModelDownloadFailed, match=told):
        node(tmp_path).fetch(source_of(model, url=url))
    settings = find_paths({"LOFI_HOME": str(tmp_path)}), Config()
    with pytest.raises(ModelDownloadFailed, match=told):
        Sources(*settings, {}, url, one_machine=False).of(None)


def test_a_damaged_copy_is_found_no_more(tmp_path: Path, model: Model) -> None:
    models, source = node(tmp_path), source_of(model, url=f"file://{model.folder}")
    copy, _ = models.fetch(source)
    assert not models.refuse(copy)  # whole: something else is wrong
    (copy.folder / "weights").write_bytes(bytes(256 * 64))
    assert models.refuse(copy) and models.find(source) is None
    assert models.fetch(source)[1]
    shared = source_of(model, folder=str(model.folder))
    (model.folder / "weights").write_bytes(bytes(256 * 64))
    assert models.refuse(model)
    found = models.find(shared)
    assert found is not None and found.folder == copy.folder and model.folder.is_dir()


def test_who_finds_a_copy_damaged_late_keeps_the_new_one(tmp_path: Path, model: Model) -> None:
    """Two actors of a node: while the second one reads, the first one has mended it."""
    models, source = node(tmp_path), source_of(model, url=f"file://{model.folder}")
    copy, _ = models.fetch(source)
    whole = (copy.folder / "weights").read_bytes()
    (copy.folder / "weights").write_bytes(bytes(len(whole)))
    seen = iter([True, False])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lofi_batch.ray_models._is_damaged", lambda model: next(seen))
        (copy.folder / "weights").write_bytes(whole)
        assert models.refuse(copy)
    assert models.find(source) is not None


def test_a_model_in_parts_comes_through_one_process(tmp_path: Path, model: Model) -> None:
    models, source = node(tmp_path), source_of(model)
    data = (model.folder / "weights").read_bytes()
    with models.arriving(source) as arriving, node(tmp_path).arriving(source) as other:
        assert arriving is not None and other is None
        for start in range(0, len(data), 1000):
            arriving.add("weights", data[start : start + 1000])
        arriving.check("weights")
        arriving.finish()
    assert models.find(source) is not None
    with models.arriving(source) as late:
        assert late is None


def test_a_part_that_is_missing_is_told(tmp_path: Path, model: Model) -> None:
    with node(tmp_path).arriving(source_of(model)) as arriving:
        assert arriving is not None
        arriving.add("weights", b"half")
        with pytest.raises(LofiError):
            arriving.check("weights")


# an actor


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    """Of the scripted engine, whose model is the file that it reads nothing of."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "place").mkdir()
    monkeypatch.setenv("LOFI_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    # The words of the test's own process stay where they are.
    monkeypatch.setattr("faulthandler.enable", lambda *_, **__: None)
    monkeypatch.setattr("faulthandler.disable", lambda: None)
    return Setup(
        version=lofi_common.__version__,
        engine="fake",
        slots=2,
        threads=1,
        device="cpu",
        place=str(tmp_path / "place"),
        made=".made",
    )


def spec(model_version: str, prompt: str = "rain", kind: AudioFormat = AudioFormat.WAV) -> JobSpec:
    return spec_of_row(row_of(1, prompt=prompt, format=kind), model_version)


async def load(actor: TrackActor, source: Source) -> Loaded:
    return loaded_of(await actor.load(pack(source)))


async def make(actor: TrackActor, wanted: JobSpec, *, there: bool = False) -> Answer:
    return answer_of(await actor.make(pack(Make(track_id=track_id(wanted), spec=wanted, there=there))))


def test_an_actor_makes_more_tracks_than_it_has_slots(tmp_path: Path, setup: Setup, model: Model) -> None:
    async def run() -> None:
        actor = TrackActor(pack(setup), "n0", "actor")
        ready = await load(actor, source_of(model, folder=str(model.folder)))
        assert isinstance(ready, Ready) and (ready.node, ready.slots) == ("n0", 2)
        assert ready.model_version == f"{model.version}-fake"
        wanted = [spec(ready.model_version, f"rain {n}", kind) for n in range(3) for kind in AudioFormat]
        answers = await asyncio.gather(*(make(actor, each) for each in wanted))
        place = Folder(tmp_path / "place")
        for each, answer in zip(wanted, answers, strict=True):
            assert isinstance(answer, Done)
            content = place.read(place.made(track_id(each), each.format))
            assert content is not None and (content.sha256, content.bytes) == (answer.sha256, answer.bytes)
        found = await make(actor, wanted[0], there=True)
        assert isinstance(found, Done) and isinstance(answers[0], Done)
        assert found.seconds is None and found.sha256 == answers[0].sha256
        assert not list((tmp_path / "tmp").glob("*/*/spool/*"))
        failed = await make(actor, spec(ready.model_version, "fail@3"))
        assert isinstance(failed, Ended) and failed.error.name == "MODEL_INFERENCE_FAILED"
        await actor.leave()
        assert not list((tmp_path / "tmp").glob("*/actor*"))

    asyncio.run(run())


def test_who_asks_again_for_the_same_model_disturbs_nothing(setup: Setup, model: Model) -> None:
    """As the driver does when it did not hear from the actor for a moment."""

    async def run() -> None:
        actor = TrackActor(pack(setup), "n0", "actor")
        source = source_of(model, folder=str(model.folder))
        ready = await load(actor, source)
        assert isinstance(ready, Ready)
        track = asyncio.create_task(make(actor, spec(ready.model_version, "slow 0.5")))
        await asyncio.sleep(0.1)
        assert await load(actor, source) == ready
        assert isinstance(await asyncio.wait_for(track, 10), Done)
        await actor.leave()

    asyncio.run(run())


def test_an_actor_takes_a_model_in_parts(setup: Setup, model: Model) -> None:
    async def run() -> None:
        actor = TrackActor(pack(setup), "n0", "actor")
        source = source_of(model)
        assert isinstance(await load(actor, source), Missing)
        assert isinstance(await make(actor, spec(model.version)), Unloaded)
        assert await actor.begin(pack(source))
        await actor.receive("weights", b"the driver gave up here")
        assert await actor.begin(pack(source))
        await actor.receive("weights", (model.folder / "weights").read_bytes())
        await actor.finish()
        assert isinstance(await load(actor, source), Ready)
        assert not await actor.begin(pack(source))
        await actor.leave()

    asyncio.run(run())


def test_a_model_whose_parts_can_t_be_kept_comes_through_whoever_is_next(
    tmp_path: Path, setup: Setup, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node's disk is full for a while."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async def run() -> None:
        actor, other = (TrackActor(pack(setup), "n0", name) for name in ("actor", "other"))
        source = source_of(model)
        assert await actor.begin(pack(source))
        with monkeypatch.context() as patch:
            patch.setattr(Arriving, "add", full)
            with pytest.raises(OSError, match="No space"):
                await actor.receive("weights", b"")
        for each in (other, actor):
            assert await each.begin(pack(source))
            assert await each.begin(pack(source))  # the wave before was not heard to its end
            await each.receive("weights", (model.folder / "weights").read_bytes()[:9])
            with pytest.raises(LofiError):
                await each.finish()
        assert not list((tmp_path / "home").rglob("weights"))
        await actor.leave()
        await other.leave()

    asyncio.run(run())


def test_a_place_that_can_t_be_written_is_told(tmp_path: Path, setup: Setup, model: Model) -> None:
    async def run() -> None:
        actor = TrackActor(pack(setup), "n0", "actor")
        ready = await load(actor, source_of(model, folder=str(model.folder)))
        assert isinstance(ready, Ready)
        (tmp_path / "place").rmdir()
        (tmp_path / "place").write_bytes(b"")
        answer = await make(actor, spec(ready.model_version))
        assert isinstance(answer, Ended) and answer.error.name == "FOLDER_FAILED"
        await actor.leave()

    asyncio.run(run())


def test_a_model_that_can_t_be_loaded_is_told(setup: Setup, model: Model) -> None:
    async def run() -> None:
        actor = TrackActor(pack(setup), "n0", "actor")
        answer = await load(actor, source_of(model, url="file:///nothing/there"))
        assert isinstance(answer, Unable) and answer.error.name == "MODEL_DOWNLOAD_FAILED"
        await actor.leave()

    asyncio.run(run())


def test_a_model_that_ends_the_process_is_not_loaded_for_ever(
    tmp_path: Path, setup: Setup, model: Model
) -> None:
    async def run() -> None:
        actor = TrackActor(pack(setup), "n0", "actor")
        actor._folder.dead_loading = 2
        answer = await load(actor, source_of(model, folder=str(model.folder)))
        assert isinstance(answer, Unable) and "died again and again" in answer.error.message
        await actor.leave()

    asyncio.run(run())


def test_another_version_of_the_program_takes_no_part(setup: Setup) -> None:
    import msgspec

    old = msgspec.structs.replace(setup, version="0.0.1")
    with pytest.raises(LofiError, match=r"this node has lofi .*, the driver 0\.0\.1"):
        TrackActor(pack(old), "n0", "actor")
