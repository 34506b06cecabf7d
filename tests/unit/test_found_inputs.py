"""Inputs that were found by fuzzing, each with what was wrong about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lofi_common.api import parse_params
from lofi_common.config import ConfigError, load_config
from lofi_common.errors import InvalidParams, ModelLoadFailed
from lofi_common.manifest import read_manifest
from tests.support.home import MODEL_TOML

DEEP = "[" * 3000
HASH = "0" * 64


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"a = {DEEP}", "nested"),  # RecursionError
        ("[queue]\nkeep_ended = 9223372036854775807", "keep_ended"),  # OverflowError in the database
        ('[model]\nfolder = "\\u0000"', "folder"),  # ValueError when the folder was opened
    ],
)
def test_settings_are_refused_in_words(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=words):
        load_config(file, {})


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("layout = 1", f"layout = {DEEP}", "nested"),  # RecursionError
        ("frames_per_second = 50.0", "frames_per_second = inf", "frames_per_second"),  # OverflowError
        ("frames_per_second = 50.0", "frames_per_second = -1.0\nmax_frames_per_second = 1.0", "frames_per"),
        ("max_steps = 8192", f"max_steps = {'9' * 400}", "max_steps"),  # OverflowError
        ("heads = 1", "heads = -1", "heads"),  # a worker with less than no memory
        ("guidance_scale = 3.0", "guidance_scale = nan", "guidance_scale"),  # no client could read it
        ("[files]", '[files]\n".." = { bytes = 1, sha256 = "HASH" }', "outside"),
        ("[files]", '[files]\n"" = { bytes = 1, sha256 = "HASH" }', "outside"),
        ("[files]", '[files]\n"a\\u0000b" = { bytes = 1, sha256 = "HASH" }', "outside"),  # ValueError
        ("[files]", '[files]\na = { bytes = 9223372036854775808, sha256 = "HASH" }', "bytes"),
    ],
)
def test_manifests_are_refused_in_words(tmp_path: Path, old: str, new: str, words: str) -> None:
    (tmp_path / "model.toml").write_text(MODEL_TOML.replace(old, new.replace("HASH", HASH)))
    with pytest.raises(ModelLoadFailed, match=words):
        read_manifest(tmp_path)


def test_an_offset_that_the_database_has_no_number_for_is_refused() -> None:
    with pytest.raises(InvalidParams, match="offset"):
        parse_params("cache_list", {"offset": 2**64 - 1})
