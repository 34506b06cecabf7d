"""What rows come to before any of it is given to an actor."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from lofi_batch.engine import Failed
from lofi_batch.ray_messages import Source
from lofi_batch.ray_sources import Sources
from lofi_batch.ray_tasks import Task, Tasks
from lofi_common.config import Config, ModelConfig, WorkerConfig
from lofi_common.errors import LofiError, ModelDownloadFailed, ModelNotFound
from lofi_common.jobs import AudioFormat, track_id
from lofi_common.manifest import MANIFEST_NAME, Manifest, Model
from lofi_common.paths import find_paths, starter_folder
from tests.support.home import MODEL_TOML
from tests.unit.batches import row_of

MANIFEST = msgspec.toml.decode(MODEL_TOML, type=Manifest)


def source_of(name: str | None) -> tuple[Model, Source]:
    if name == "gone":
        raise ModelNotFound("gone is not installed")
    version = f"{name}-1"
    return Model(folder=Path(), manifest=MANIFEST, version=version), Source(
        name=str(name), version=version, manifest=b""
    )


def test_rows_that_want_the_same_track_are_one_task() -> None:
    same = {"prompt": "rain", "seed": 7}
    rows = [row_of(1, **same), row_of(2), row_of(3, **same), row_of(4, **same, format=AudioFormat.OGG)]
    tasks = [task for task in Tasks(rows, source_of, 120) if isinstance(task, Task)]
    assert [[row.row for row in task.rows] for task in tasks] == [[1, 3], [2], [4]]
    assert [task.track_id for task in tasks] == [track_id(task.spec) for task in tasks]


def test_the_model_s_own_values_count_as_asked_for() -> None:
    rows = [row_of(1, prompt="rain", seed=7), row_of(2, prompt="rain", seed=7, top_k=MANIFEST.sampling.top_k)]
    one, two = (task for task in Tasks(rows, source_of, 120) if isinstance(task, Task))
    assert one.track_id == two.track_id
    assert {one.spec.top_k, two.spec.top_k} == {MANIFEST.sampling.top_k}


def test_model_by_model_and_what_can_t_be_made_is_told() -> None:
    rows = [
        row_of(1, model="a"),
        row_of(2, model="b"),
        row_of(3, model="a"),
        row_of(4, model="gone"),
        row_of(5, model="b", duration_sec=600),
    ]
    found = list(Tasks(rows, source_of, 120))
    made = [(task.rows[0].row, task.source.version) for task in found if isinstance(task, Task)]
    assert made == [(1, "a-1"), (3, "a-1"), (2, "b-1")]
    failed = {each.row.row: each.error.code for each in found if isinstance(each, Failed)}
    assert failed == {4: "MODEL_NOT_FOUND", 5: "INVALID_DURATION"}


def sources(
    tmp_path: Path,
    *,
    engine: str = "onnx",
    folder: str = "",
    url: str | None = None,
    pinned: str | None = None,
) -> Sources:
    worker = WorkerConfig(engine="fake" if engine == "fake" else "onnx")
    return Sources(
        find_paths({"LOFI_HOME": str(tmp_path)}),
        Config(worker=worker, model=ModelConfig(folder=folder)),
        {} if pinned is None else {None: pinned},
        url,
        one_machine=False,
    )


def test_which_model_a_row_stands_for(tmp_path: Path) -> None:
    other = tmp_path / "data/models/other"
    other.mkdir(parents=True)
    (other / MANIFEST_NAME).write_text(MODEL_TOML)
    plain = sources(tmp_path)
    model, source = plain.of(None)
    assert model.folder == starter_folder() and source.folder is None and source.url is None
    assert plain.folders == {source.version: starter_folder()}
    by_name, _ = plain.of("test-model")
    assert by_name.folder == other and plain.of(by_name.version)[0] == by_name
    fake = sources(tmp_path, engine="fake").of("test-model")
    assert fake[0].version == f"{by_name.version}-fake" and fake[1].version == by_name.version
    assert sources(tmp_path, pinned=by_name.version).of(None)[0].folder == other  # what earlier runs used
    with pytest.raises(ModelNotFound, match="there is no model 'nothing'") as unknown:
        plain.of("nothing")
    advice = unknown.value.recovery
    assert advice.startswith(f"Installed: {model.manifest.name}, test-model. `lofi models list` shows")
    assert "--model-url" in advice and "first tracks" not in advice
    with pytest.raises(ModelNotFound, match="the model gone-1 is not installed") as gone:
        sources(tmp_path, pinned="gone-1").of(None)
    assert "its first tracks were made with" in gone.value.recovery


def test_a_model_at_a_url(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    folder = tmp_path / "there"
    folder.mkdir()
    (folder / MANIFEST_NAME).write_text(MODEL_TOML)
    url = f"file://{folder}"
    model, source = sources(tmp_path, url=url).of(None)
    assert (source.url, source.folder) == (url, None) and model.version == source.version
    assert sources(tmp_path, url=str(folder)).of("test-model")[1].folder == str(folder)
    with pytest.raises(ModelNotFound, match="not another") as other:
        sources(tmp_path, url=url).of("another")
    assert other.value.recovery.startswith("Give --model test-model")
    with pytest.raises(ModelNotFound, match="not gone-1") as gone:
        sources(tmp_path, url=url, pinned="gone-1").of(None)
    assert "its first tracks were made with" in gone.value.recovery
    with pytest.raises(ModelDownloadFailed, match="there is no model at"):
        sources(tmp_path, url=f"file://{tmp_path}/nothing").of(None)
    with pytest.raises(LofiError):
        sources(tmp_path, url=str(tmp_path / "nothing")).of(None)
