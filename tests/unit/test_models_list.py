"""`lofi models list`: which model comes first, and how its columns stand."""

from __future__ import annotations

from pathlib import Path

import msgspec

from lofi_broker.models.installs import Install
from lofi_broker.models.listing import list_models
from lofi_cli.show_models import show_models
from lofi_common.api_models import ModelInfo, ModelsListResult
from lofi_common.catalogue import CatalogueEntry, CatalogueFile
from tests.unit.test_models import put, store


def entry(name: str, size: int | None) -> CatalogueEntry:
    return CatalogueEntry(
        name=name,
        repo="o/n",
        format="optimum",
        license="MIT",
        description="",
        files=[CatalogueFile(name="x", bytes=size)] if size is not None else [],
    )


def listed(root: Path, *on_their_way: str) -> list[tuple[str, str]]:
    catalogue = {
        each.name: each
        for each in (entry("huge", 900), entry("b", None), entry("a", None), entry("small", 30))
    }
    active = [Install(name=name, source=f"o/{name}", precision=None) for name in on_their_way]
    return [(model.name, model.state) for model in list_models(store(root), active, catalogue)]


def test_the_selected_one_then_the_installed_ones_then_the_rest(tmp_path: Path) -> None:
    for name in ("zebra", "own"):
        put(tmp_path, name)
    (put(tmp_path, "broken") / "model.toml").write_text("layout = 9")
    (store(tmp_path).folder / ".partial/half").mkdir(parents=True)
    store(tmp_path).select("zebra")
    assert listed(tmp_path, "coming", "own") == [
        ("zebra", "installed"),
        ("broken", "damaged"),
        ("lofi-tiny", "installed"),
        ("own", "installed"),
        ("coming", "installing"),
        ("half", "partial"),
        ("small", "available"),
        ("huge", "available"),
        ("a", "available"),
        ("b", "available"),
    ]


def test_the_row_of_a_damaged_one_names_the_file_without_its_folder(tmp_path: Path) -> None:
    (put(tmp_path, "zebra") / "model.toml").write_text("layout = 9")
    found = ModelsListResult(models=list_models(store(tmp_path), [], {}))
    row = show_models(found, as_json=False).splitlines()[1]
    assert row.startswith("  zebra") and "damaged: model.toml" in row and str(tmp_path) not in row


def test_a_selected_one_that_can_t_be_used_comes_first_too(tmp_path: Path) -> None:
    folder = put(tmp_path, "zebra")
    store(tmp_path).select("zebra")
    (folder / "model.toml").write_text("layout = 9")
    assert listed(tmp_path)[:2] == [("zebra", "damaged"), ("lofi-tiny", "installed")]


def test_a_size_that_only_the_hub_knows_is_told_as_a_guess(tmp_path: Path) -> None:
    catalogue = {
        each.name: each
        for each in (
            msgspec.structs.replace(entry("guessed", None), about_bytes=2_360_000_000),
            entry("larger", 2_370_000_000),
            entry("smaller", 2_350_000_000),
        )
    }
    found = list_models(store(tmp_path), [], catalogue)[1:]
    assert [(model.bytes, model.about_bytes) for model in found] == [
        (2_350_000_000, None),
        (None, 2_360_000_000),
        (2_370_000_000, None),
    ]
    rows = show_models(ModelsListResult(models=found), as_json=False).splitlines()
    assert [" ".join(row.split()[1:-3]) for row in rows] == ["2.4 GB", "about 2.4 GB", "2.4 GB"]


def test_sizes_stand_under_each_other_and_licences_too() -> None:
    models = [
        ModelInfo(name=name, state="available", license=license, selected=selected, bytes=size)
        for name, license, selected, size in (
            ("a", "MIT", True, 24_400_000),
            ("a-long-name", "CC-BY-NC-4.0", False, 2_360_000_000),
            ("unknown", "MIT", False, None),
        )
    ]
    assert show_models(ModelsListResult(models=models), as_json=False).splitlines() == [
        "* a            24.4 MB  MIT           not installed:",
        "  a-long-name   2.4 GB  CC-BY-NC-4.0  not installed:",
        "  unknown               MIT           not installed:",
    ]
