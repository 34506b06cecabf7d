"""The catalogue, the store of installed models, the choice among them, and the record of consents."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from lofi_broker.models.consents import Consent, read_consents, record_consent
from lofi_broker.models.partials import drop_scratch, fetched_bytes
from lofi_broker.models.store import ModelStore, locked
from lofi_cli.models import PRECISIONS
from lofi_cli.show_models import show_models
from lofi_client.following import InstallFollowing
from lofi_common import api_models
from lofi_common.catalogue import catalogue_folder, read_catalogue
from lofi_common.config import Config, ModelConfig, WorkerConfig
from lofi_common.errors import InvalidParams, LofiError, ModelLoadFailed, ModelNotFound
from lofi_common.installs import parse_source
from lofi_common.manifest import name_of
from lofi_common.paths import STARTER, Paths, find_paths
from lofi_common.units import human_bytes
from lofi_worker.importer.precision import Precision
from tests.support.home import MODEL_TOML

ROOT = Path(__file__).parents[2]


def paths(root: Path) -> Paths:
    found = find_paths({"LOFI_HOME": str(root)})
    found.make()
    return found


def store(root: Path, **model: str) -> ModelStore:
    config = Config(worker=WorkerConfig(engine="fake"), model=ModelConfig(**model))
    return ModelStore(config, paths(root))


def put(root: Path, name: str) -> Path:
    folder = paths(root).models / name
    folder.mkdir(parents=True)
    (folder / "model.toml").write_text(MODEL_TOML.replace("test-model", name))
    return folder


# the catalogue


def test_every_entry_is_named_as_its_file_and_can_be_asked_for_by_name() -> None:
    entries = read_catalogue(catalogue_folder())
    assert {f"{name}.toml" for name in entries} == {file.name for file in catalogue_folder().iterdir()}
    for name, entry in entries.items():
        parse_source(name)
        assert entry.license == "CC-BY-NC-4.0" and entry.repo.count("/") == 1
        assert (entry.format == "optimum") == name.endswith("-onnx") == bool(entry.files)
    published = {
        f"musicgen-{stereo}{size}" for stereo in ("", "stereo-") for size in ("small", "medium", "large")
    }
    assert published <= set(entries)
    assert entries["musicgen-small-onnx"].download_bytes == 2_251_406_668
    assert entries["musicgen-small"].download_bytes is None
    # A list shows a size of each: an exact one, or a computed one where only the Hub knows.
    assert all((each.download_bytes is None) == (each.about_bytes is not None) for each in entries.values())


def test_a_broken_entry_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text('name = "x"\nrepo = 3\n')
    with pytest.raises(LofiError, match=r"x\.toml"):
        read_catalogue(tmp_path)


@pytest.mark.timeout(120)
def test_the_catalogue_is_part_of_what_is_installed(tmp_path: Path) -> None:
    """Built as a wheel is, then looked for from elsewhere."""
    build = "from setuptools import setup; setup()"
    subprocess.run(
        [
            sys.executable,
            "-c",
            build,
            "-q",
            "build",
            "-b",
            str(tmp_path / "b"),
            "--build-lib",
            str(tmp_path / "lib"),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "lib/lofi_client/py.typed").is_file()
    script = "from lofi_common.catalogue import *; f = catalogue_folder(); print(f, len(read_catalogue(f)))"
    done = subprocess.run(
        [
            sys.executable,
            "-S",
            "-c",
            f"import sys; sys.path[:0] = {[str(tmp_path / 'lib'), *_libraries()]}; {script}",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    entries = len(list((ROOT / "configs/models").glob("*.toml")))
    assert done.stdout == f"{tmp_path / 'lib' / 'lofi_catalogue'} {entries}\n", done.stderr


def _libraries() -> list[str]:
    return [path for path in sys.path if path.endswith("site-packages")]


# the store


def test_the_starter_is_there_and_selected_from_the_beginning(tmp_path: Path) -> None:
    models = store(tmp_path)
    (only,) = models.installed()
    assert only.name == STARTER and models.selected().manifest.name == STARTER


def test_a_choice_lasts_and_a_chosen_model_that_is_gone_is_told_not_replaced(tmp_path: Path) -> None:
    folder = put(tmp_path, "big")
    models = store(tmp_path)
    assert models.select("big").manifest.name == "big"
    assert store(tmp_path).selected().folder == folder
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(ModelNotFound, match="big is not installed") as raised:
        store(tmp_path).selected()
    assert STARTER in raised.value.recovery and store(tmp_path).selected_label() == "big"
    assert store(tmp_path).select(STARTER).manifest.name == STARTER


@pytest.mark.parametrize("text", ["", "../elsewhere", "a/b"])
def test_a_choice_that_names_no_model_is_refused(tmp_path: Path, text: str) -> None:
    models = store(tmp_path)
    models.folder.mkdir(exist_ok=True)
    (models.folder / "selected").write_text(text)
    with pytest.raises(ModelNotFound, match="names no model"):
        models.selected()


def test_the_setting_goes_before_the_choice_and_says_so(tmp_path: Path) -> None:
    put(tmp_path, "big")
    own = put(tmp_path / "own", "mine")
    models = store(tmp_path, folder=str(own))
    assert models.selected().manifest.name == "mine"
    assert [each.name for each in models.installed()] == ["mine", STARTER, "big"]
    with pytest.raises(InvalidParams, match=r"model\.folder"):
        models.select("big")


def test_models_are_found_by_name_and_by_version(tmp_path: Path) -> None:
    put(tmp_path, "big")
    models = store(tmp_path)
    version = models.find("big").version
    assert name_of(version) == "big" and version.endswith("-fake")
    assert models.find(version).version == models.of_version(version).version == version
    with pytest.raises(ModelNotFound, match="'huge'") as raised:
        models.find("huge")
    assert "lofi-tiny, big" in raised.value.recovery
    with pytest.raises(ModelNotFound, match="big-00000000-fake is no longer installed"):
        models.of_version("big-00000000-fake")


def test_a_damaged_model_stands_in_the_list_and_harms_no_other(tmp_path: Path) -> None:
    (put(tmp_path, "broken") / "model.toml").write_text("layout = 9")
    models = store(tmp_path)
    broken = models.installed()[1]
    assert broken.model is None and isinstance(broken.error, ModelLoadFailed)
    assert models.has("broken") and not models.is_whole("broken")
    assert models.selected().manifest.name == STARTER
    with pytest.raises(ModelLoadFailed, match=r"broken/model\.toml"):
        models.find("broken")


def test_what_must_stay_is_not_removed(tmp_path: Path) -> None:
    put(tmp_path, "big")
    own = put(tmp_path / "own", "mine")
    models = store(tmp_path)
    models.select("big")
    for name, words in ((STARTER, "not one of the installed"), ("big", "selected"), ("none", "no model")):
        with pytest.raises(LofiError, match=words):
            models.removable(name)
    with pytest.raises(InvalidParams, match="not one of the installed"):
        store(tmp_path, folder=str(own)).removable("mine")


def test_removal_takes_the_model_and_what_an_interrupted_installation_left(tmp_path: Path) -> None:
    folder = put(tmp_path, "big")
    models = store(tmp_path)
    part = models.folder / ".partial/big/fetch/x.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"1234")
    assert models.partials() == ["big"]
    size = (folder / "model.toml").stat().st_size
    assert models.delete("big") == size + 4
    assert not folder.exists() and models.partials() == [] and not models.has("big")


@pytest.mark.parametrize("name", ["..", "", ".", "a/b"])
def test_a_name_with_a_path_in_it_is_no_partial_installation(tmp_path: Path, name: str) -> None:
    models = store(tmp_path)
    (models.folder / ".partial").mkdir(parents=True)
    assert models.partial(name) is None


def test_consents_are_kept_in_order(tmp_path: Path) -> None:
    file = tmp_path / "models/consents.json"
    assert read_consents(file) == []
    for model in ("a", "b"):
        consent = Consent(at=1.5, uid=7, model=model, repo="o/n", revision=None, license="MIT", bytes=3)
        record_consent(file, consent)
    assert [each.model for each in read_consents(file)] == ["a", "b"]
    assert json.loads(file.read_text())[0]["license"] == "MIT" and [*tmp_path.rglob("*.part")] == []
    file.write_text("[1]")
    with pytest.raises(LofiError, match=r"consents\.json"):
        record_consent(file, consent)


def test_the_scratch_of_an_import_goes_and_what_was_fetched_stays(tmp_path: Path) -> None:
    models = store(tmp_path).folder
    for name, fetched in (("a", b"1234"), ("b", b"")):
        for file, data in {"model/x": b"123", "fetch/x.part": fetched, "fetch/x.json": b"{}"}.items():
            path = models / ".partial" / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        assert fetched_bytes(models / ".partial" / name) == len(fetched)
    with locked(models / ".lock" / "a"):
        drop_scratch(models, "a")
        assert (models / ".partial/a/model/x").exists()
    (models / ".partial/b/replaced").mkdir()
    for name in ("a", "b", "none"):
        drop_scratch(models, name)
    assert (models / "b").is_dir()
    assert {path.name for path in (models / ".partial").rglob("*")} == {"a", "fetch", "x.part", "x.json"}


@pytest.mark.parametrize(
    ("source", "precision", "words"),
    [
        ("owner/m", "mixed", "1.0 kB there: `lofi models pull owner/m` goes on"),
        ("owner/m:big", "int4", "`lofi models pull owner/m:big --name m --precision int4` goes on"),
        ("/x/a b", "fp32", "nothing was kept: run `lofi models import '/x/a b' --name m --precision fp32`"),
        (None, None, "1.0 kB there: pull or import it again"),
    ],
)
def test_the_command_that_goes_on_is_shown(source: str | None, precision: str | None, words: str) -> None:
    partial = api_models.ModelInfo(
        name="m",
        state="partial",
        license="",
        selected=False,
        bytes_present=1000,
        source=source,
        precision=precision,
    )
    assert words in show_models(api_models.ModelsListResult(models=[partial]), as_json=False)


# the client

M: dict[str, Any] = {"name": "m", "license": "", "selected": False}


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([M | {"state": "installing"}, M | {"state": "installed", "ends": ["installed"]}], "installed"),
        ([M | {"state": "installing"}, M | {"state": "partial", "ends": ["cancelled"]}], "cancelled"),
        ([M | {"state": "installed"}], "install_failed"),  # the old one, and nobody knows of another
        (
            [
                M | {"state": "installed", "being_replaced": True, "ends": ["installed"]},
                M | {"state": "installed", "ends": ["installed", "install_failed"]},
            ],
            "install_failed",
        ),
        (
            [M | {"state": "installed", "being_replaced": True}, M | {"ends": ["cancelled", "installed"]}],
            "installed",
        ),
        ([M | {"ends": ["cancelled"]}], "cancelled"),
    ],
)
def test_after_a_silence_the_broker_is_asked_how_an_installation_ended(
    answers: list[dict[str, Any]], told: str
) -> None:
    following = InstallFollowing("m", now=0.0)
    ends = []
    for now in range(100):
        assert following.wait_sec(now) in range(6)
        ends += [end] if (end := following.known()) is not None else []
        if not following.over and following.asks(now):
            model = dict(answers.pop(0))
            ended = [{"model": "m", "state": state} for state in model.pop("ends", [])]
            ended.append({"model": "other", "state": "install_failed"})
            models = [model] if "state" in model else []
            following.answered(following.question(now).answered({"models": models, "ended": ended}), now)
    assert following.over and not answers
    assert {end.state for end in ends} == {told}


# words


def test_the_precisions_of_protocol_importer_and_command_line_are_the_same() -> None:
    assert get_args(api_models.Precision) == get_args(Precision) == PRECISIONS


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_360_000_000, "2.4 GB"), (118_056_304, "118 MB")],
)
def test_sizes_as_people_read_them(count: int, text: str) -> None:
    assert human_bytes(count) == text
