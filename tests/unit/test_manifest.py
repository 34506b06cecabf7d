"""Manifests that name impossible sizes, wherever a model folder came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from lofi_common.errors import ModelLoadFailed
from lofi_common.manifest import how_to_mend, read_manifest
from tests.support.home import MODEL_TOML

AGREEMENT = "[agreement]\ntop1 = 0.9\nkl = 0.01\n"
FILE = '"decoder.onnx" = { bytes = 1, sha256 = "' + "0" * 64 + '" }\n'
WHOLE = MODEL_TOML.replace("[files]", AGREEMENT + "[files]") + FILE


def write(folder: Path, text: str) -> Path:
    (folder / "model.toml").write_text(text)
    return folder


def test_a_whole_manifest(tmp_path: Path) -> None:
    manifest = read_manifest(write(tmp_path, WHOLE)).manifest
    assert manifest.codec.frames_per_second == 50.0 and manifest.longest_sec() is None
    assert manifest.files["decoder.onnx"].bytes == 1 and manifest.agreement is not None


@pytest.mark.parametrize(
    ("window", "words"),
    [
        ("frames = 100000\nstride = 900", "do not fit"),
        ("frames = 100\nstride = 101", "do not fit"),
        ("frames = 100\nstride = 60\nbar_frames = 16", "whole bars"),
        ("frames = 96\nstride = 50\nbar_frames = 16", "whole bars"),
        ("frames = 96\nstride = 48\nrest = [0, 0, 0]", "no frame"),
        ("frames = 96\nstride = 48\nrest = [0, 0, 0, 70000]", "no frame"),
    ],
)
def test_windows_that_cannot_be(tmp_path: Path, window: str, words: str) -> None:
    sound = "[window]\nframes = 96\nstride = 48\nbar_frames = 16\nrest = [0, 0, 0, 31]\n"
    assert read_manifest(write(tmp_path, WHOLE + sound)).manifest.windows() is not None
    with pytest.raises(ModelLoadFailed, match=words):
        read_manifest(write(tmp_path, f"{WHOLE}[window]\n{window}\n"))


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("max_tokens = 64", ["0", "-1"]),
        ("layers = 1", ["0", "-1", "1073741824"]),
        ("heads = 1", ["0", "-1"]),
        ("head_dim = 8", ["0", "-8"]),
        ("codebooks = 4", ["0", "-4", "3", "5"]),
        ("codebook_size = 64", ["0", "-64"]),
        ("delays = [0, 1, 2, 3]", ["[]", "[0, 1, 2]", "[0, -1, 2, 3]", "[0, 1, 2, 8192]"]),
        ("max_steps = 8192", ["0", "-1", "3"]),
        ("sample_rate = 32000", ["0", "-32000", "1000000000"]),
        ("channels = 1", ["0", "-1", "3"]),
        ("frames_per_second = 50.0", ["0.0", "-50.0", "inf", "nan", "1e9"]),
        ("chunk_frames = 50", ["0", "-50"]),
        ("chunk_frames = 50", ["50\nheader_frames = -1", "50\nmax_frames_per_second = 50.0"]),
        ("temperature = 1.0", ["-0.1", "nan"]),
        ("top_k = 16", ["-1"]),
        ("top_p = 0.0", ["-0.1", "1.1"]),
        ("guidance_scale = 3.0", ["-3.0", "nan"]),
        ("top1 = 0.9", ["-0.1", "1.1"]),
        ("kl = 0.01", ["-0.01"]),
        ("bytes = 1", ["-1"]),
    ],
)
def test_sizes_that_cannot_be(tmp_path: Path, line: str, values: list[str]) -> None:
    for value in values:
        text = WHOLE.replace(line, f"{line.partition(' = ')[0]} = {value}", 1)
        assert text != WHOLE
        with pytest.raises(ModelLoadFailed, match=r"model\.toml") as caught:
            read_manifest(write(tmp_path, text))
        assert caught.value.recovery == how_to_mend(tmp_path)


@pytest.mark.parametrize("digest", ["", "0" * 63, "0" * 63 + "G", "0" * 64 + "\\n"])
def test_a_hash_that_is_none(tmp_path: Path, digest: str) -> None:
    with pytest.raises(ModelLoadFailed, match="sha256"):
        read_manifest(write(tmp_path, WHOLE.replace("0" * 64, digest)))


def test_one_rate_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadFailed, match="exactly one of frames_per_second"):
        read_manifest(write(tmp_path, WHOLE.replace("frames_per_second = 50.0\n", "")))
