"""Files that are damaged, wrong or hostile: refused with a reason, and no file of a model is left."""

import json
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from lofi_common.errors import ModelLoadFailed, ModelNotFound
from lofi_worker.importer.convert import convert_checkpoint
from lofi_worker.importer.sources.safetensors_files import read_safetensors
from tests.parity.checkpoints import MONO, copy_of, read_safetensors_header, write_safetensors
from tests.unit.musicgen.refusal import refused

NAME = "decoder.lm_heads.3.weight"
FILE = "model.safetensors"
Header = dict[str, Any]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return copy_of(MONO, tmp_path / "checkpoint")


def change_header(checkpoint: Path, change: Callable[[Header], None]) -> None:
    header, body = read_safetensors_header(checkpoint / FILE)
    change(header)
    write_safetensors(checkpoint / FILE, header, body)


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 9, 5_000, -1])
def test_truncated(checkpoint: Path, kept: int) -> None:
    path = checkpoint / FILE
    path.write_bytes(path.read_bytes()[:kept])
    refused(checkpoint, r"model\.safetensors")


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, 2**40, 100_000_001, 4 * 2**20 + 1])
def test_a_header_of_absurd_length(checkpoint: Path, length: int) -> None:
    path = checkpoint / FILE
    path.write_bytes(length.to_bytes(8, "little") + path.read_bytes()[8:])
    refused(checkpoint, f"its header would have {length} bytes")


def test_a_header_that_is_all_blanks(checkpoint: Path) -> None:
    """It is valid: the library itself reads up to 100 MB."""
    header, body = read_safetensors_header(checkpoint / FILE)
    write_safetensors(checkpoint / FILE, json.dumps(header).encode() + b" " * (4 * 2**20), body)
    refused(checkpoint, "its header would have")


@pytest.mark.parametrize(
    "header", [b"", b"{", b"[]", b"null", b"[" * 100_000, b'{"a":' * 20_000, b"\xff" * 50]
)
def test_a_header_that_is_none(checkpoint: Path, header: bytes) -> None:
    write_safetensors(checkpoint / FILE, header, b"\0" * 1000)
    refused(checkpoint, r"model\.safetensors")


def overlap(header: Header) -> None:
    names = [name for name in header if name != "__metadata__"]
    header[names[1]]["data_offsets"] = header[names[0]]["data_offsets"]


def hole(header: Header) -> None:
    header["x"] = {"dtype": "F16", "shape": [1], "data_offsets": [10**9, 10**9 + 2]}


def beyond(header: Header) -> None:
    begin, _ = header[NAME]["data_offsets"]
    header[NAME] |= {"shape": [10**6, 10**6], "data_offsets": [begin, begin + 2 * 10**12]}


def backwards(header: Header) -> None:
    header[NAME]["data_offsets"].reverse()


def negative(header: Header) -> None:
    header[NAME]["shape"] = [-64, -48]


def too_many_elements(header: Header) -> None:
    header[NAME]["shape"] = [2**40, 2**40]


def unknown_type(header: Header) -> None:
    header[NAME]["dtype"] = "F7"


@pytest.mark.parametrize(
    "change", [overlap, hole, beyond, backwards, negative, too_many_elements, unknown_type]
)
def test_headers_that_lie(checkpoint: Path, change: Callable[[Header], None]) -> None:
    change_header(checkpoint, change)
    refused(checkpoint, r"model\.safetensors is damaged")


@pytest.mark.parametrize("dtype", ["I16", "U16"])
def test_weights_that_are_no_floats(checkpoint: Path, dtype: str) -> None:
    change_header(checkpoint, lambda header: header[NAME].update(dtype=dtype))
    refused(checkpoint, f"{re.escape(NAME)} has the type {dtype}")


def test_a_missing_weight_is_named(checkpoint: Path) -> None:
    weights = load_file(checkpoint / FILE)
    del weights[NAME]
    save_file(weights, checkpoint / FILE)
    refused(checkpoint, f"no weight {re.escape(NAME)}")


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        (NAME, (48, 64)),
        ("decoder.model.decoder.embed_tokens.0.weight", (64, 48)),
        ("text_encoder.shared.weight", (1, 32)),
        ("audio_encoder.decoder.layers.1.lstm.weight_hh_l1", (64, 256)),
        ("audio_encoder.quantizer.layers.3.codebook.embed", (64, 7)),
    ],
)
def test_a_weight_of_another_shape_is_named(checkpoint: Path, name: str, shape: tuple[int, ...]) -> None:
    weights = load_file(checkpoint / FILE)
    weights[name] = np.zeros(shape, np.float16)
    save_file(weights, checkpoint / FILE)
    refused(checkpoint, f"{re.escape(name)} has the shape {re.escape(str(list(shape)))}")


def test_halves_of_a_convolution_that_do_not_fit(checkpoint: Path) -> None:
    weights = load_file(checkpoint / FILE)
    name = "audio_encoder.decoder.layers.0.conv.parametrizations.weight.original0"
    weights[name] = np.ones((3, 1, 1), np.float16)
    save_file(weights, checkpoint / FILE)
    refused(checkpoint, r"the halves of audio_encoder\.decoder\.layers\.0\.conv\.weight")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, -1.1e6])
@pytest.mark.parametrize(
    "name",
    [
        NAME,
        "text_encoder.encoder.block.1.layer.1.DenseReluDense.wi.weight",
        "decoder.model.decoder.layers.1.fc2.weight",
        "audio_encoder.decoder.layers.15.conv.bias",
    ],
)
def test_values_that_are_not_finite(checkpoint: Path, name: str, value: float) -> None:
    weights = load_file(checkpoint / FILE)
    weights[name] = weights[name].astype(np.float32)
    weights[name].reshape(-1)[-1] = value
    save_file(weights, checkpoint / FILE)
    refused(checkpoint, f"{re.escape(name)} holds values that are not finite")


def test_a_convolution_without_direction(checkpoint: Path) -> None:
    weights = load_file(checkpoint / FILE)
    weights["audio_encoder.decoder.layers.3.conv.parametrizations.weight.original1"][5] = 0
    save_file(weights, checkpoint / FILE)
    refused(checkpoint, r"layers\.3\.conv\.weight holds values that are not finite")


@pytest.mark.parametrize(
    ("index", "reason"),
    [
        (b"{", "not an index"),
        (b"[]", "not an index"),
        (b'{"weight_map": {}}', "names 0 files"),
        (b'{"weight_map": {"a": "../../model.safetensors"}}', "no safetensors file of its folder"),
        (b'{"weight_map": {"a": "/etc/passwd"}}', "no safetensors file of its folder"),
        (b'{"weight_map": {"a": "pytorch_model.bin"}}', "no safetensors file of its folder"),
        (b'{"weight_map": {"a": ".."}}', "no safetensors file of its folder"),
        (b" " * (4 * 2**20 + 1), "is larger than"),
    ],
)
def test_an_index_that_leads_elsewhere(checkpoint: Path, index: bytes, reason: str) -> None:
    (checkpoint / "model.safetensors.index.json").write_bytes(index)
    refused(checkpoint, reason)


def test_a_weight_in_two_shards(checkpoint: Path) -> None:
    weights = load_file(checkpoint / FILE)
    save_file({NAME: weights[NAME]}, checkpoint / "more.safetensors")
    refused(checkpoint, f"{re.escape(NAME)}, which another file holds too")


class Trap:
    """Unpickled, it would make the folder `made`."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.made),)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_pickle_under_another_name(checkpoint: Path, tmp_path: Path, protocol: int) -> None:
    (checkpoint / FILE).write_bytes(pickle.dumps(Trap(tmp_path / "made"), protocol))
    error = refused(checkpoint, "is a pickle")
    assert "safetensors" in error.recovery
    assert not (tmp_path / "made").exists()


def test_an_archive_of_torch_under_another_name(checkpoint: Path) -> None:
    (checkpoint / FILE).write_bytes(b"PK\x03\x04" + b"\0" * 1000)
    refused(checkpoint, "is a pickle")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "state_dict.bin", "model.pt", "checkpoint.th"])
@pytest.mark.parametrize("with_config", [True, False])
def test_only_pickles(checkpoint: Path, name: str, with_config: bool) -> None:
    """audiocraft's own checkpoints, melody and style among them, are pickles without a config.json."""
    (checkpoint / FILE).unlink()
    (checkpoint / name).write_bytes(b"PK\x03\x04")
    if not with_config:
        (checkpoint / "config.json").unlink()
    refused(checkpoint, f"only as pickles .*{re.escape(name)}")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", FILE])
@pytest.mark.timeout(10)
def test_what_is_no_regular_file(checkpoint: Path, name: str) -> None:
    (checkpoint / name).unlink()
    os.mkfifo(checkpoint / name)
    refused(checkpoint, f"{re.escape(name)} is not a regular file")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", FILE])
def test_a_link_to_nothing(checkpoint: Path, name: str) -> None:
    (checkpoint / name).unlink()
    (checkpoint / name).symlink_to(checkpoint / "nothing")
    refused(checkpoint, re.escape(name), ModelNotFound)


@pytest.mark.parametrize("folder", ["missing", "config.json"])
def test_no_folder(checkpoint: Path, folder: str) -> None:
    with pytest.raises(ModelNotFound, match="is not a folder"):
        convert_checkpoint(checkpoint / folder, checkpoint, "bad", license="MIT", description="bad")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 23_000), st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.none() | st.integers(0, 30_000),
)
def test_any_damage_to_a_header_is_an_error_or_harmless(
    checkpoint: Path, changes: list[tuple[int, int]], cut: int | None
) -> None:
    data = bytearray((MONO / FILE).read_bytes())
    for place, value in changes:
        data[place] = value
    path = checkpoint / "damaged.safetensors"
    path.unlink(missing_ok=True)  # a mapped file keeps its bytes
    path.write_bytes(data[:cut])
    try:
        stored = read_safetensors([path])
    except ModelLoadFailed:
        return
    for weight in stored.values():
        assert weight.read().shape == weight.shape
