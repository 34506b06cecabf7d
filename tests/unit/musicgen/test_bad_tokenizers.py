"""Tokenizers that are damaged, another model's or hostile: refused before a weight is looked at."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from lofi_common.errors import ModelLoadFailed
from lofi_worker.importer.convert import convert_checkpoint
from lofi_worker.importer.sources import tokenizer as tokenizer_module
from lofi_worker.importer.sources.refused import BadCheckpoint
from lofi_worker.importer.sources.tokenizer import read_tokenizer
from tests.parity.checkpoints import MONO, copy_of
from tests.unit.musicgen.refusal import refused


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return copy_of(MONO, tmp_path / "checkpoint")


def change_tokenizer(checkpoint: Path, **parts: object) -> None:
    path = checkpoint / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | parts))


def test_the_tokenizer_of_another_model(checkpoint: Path) -> None:
    path = checkpoint / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["model"]["vocab"]["surplus"] = 5_000
    path.write_text(json.dumps(tokenizer))
    refused(checkpoint, r"has the token 5000, config\.json tokens below 23")


def test_a_tokenizer_that_fails(checkpoint: Path) -> None:
    path = checkpoint / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["model"] |= {"vocab": {"beat": 1}, "unk_token": "missing"}
    tokenizer["post_processor"] = None
    path.write_text(json.dumps(tokenizer))
    refused(checkpoint, r"tokenizer\.json")


@pytest.mark.parametrize(
    "part",
    [
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}},
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "CAAAAP8DAAD/AwAAYWJj"}},
        {
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [{"SpecialToken": {"id": "?", "type_id": 0}}],
                "pair": [],
                "special_tokens": {},
            }
        },
    ],
    ids=["no table", "a table that leads nowhere", "a token that is not there"],
)
def test_a_tokenizer_that_panics(checkpoint: Path, part: dict[str, Any]) -> None:
    """What panics in the library is no Exception in Python."""
    change_tokenizer(checkpoint, **part)
    refused(checkpoint, r"tokenizer\.json")


@pytest.mark.parametrize("nested", [False, True])
def test_a_tokenizer_whose_table_claims_to_be_huge(checkpoint: Path, nested: bool) -> None:
    """Believed, it takes 8 GB; without them, the library ends the process."""
    charsmap = base64.b64encode((2**32 - 4).to_bytes(4, "little") + bytes(16)).decode()
    normalizer: dict[str, Any] = {"type": "Precompiled", "precompiled_charsmap": charsmap}
    if nested:
        normalizer = {"type": "Sequence", "normalizers": [normalizer]}
    change_tokenizer(checkpoint, normalizer=normalizer)
    refused(checkpoint, r"tokenizer\.json takes more memory or time")


def test_a_tokenizer_that_makes_ever_more_of_a_text(checkpoint: Path) -> None:
    doubling = {"type": "Replace", "pattern": {"String": "a"}, "content": "aaaaaaaaaa"}
    change_tokenizer(checkpoint, normalizer={"type": "Sequence", "normalizers": [doubling] * 12})
    refused(checkpoint, r"tokenizer\.json takes more memory or time")


def test_a_tokenizer_that_pads_takes_no_memory_for_it(checkpoint: Path) -> None:
    """Texts are neither padded nor cut, whatever the file asks for: so does transformers."""
    padding = {"strategy": {"Fixed": 10**15}, "direction": "Right", "pad_to_multiple_of": None}
    padding |= {"pad_id": 0, "pad_type_id": 0, "pad_token": "<pad>"}
    change_tokenizer(checkpoint, padding=padding)
    convert_checkpoint(
        checkpoint, checkpoint.parent / "model", "padded", license="MIT", description="", precision="fp32"
    )


@pytest.mark.parametrize("content", [b"", b"{}", b"[", b"\xff\xfe", b"{" * 100_000, b" " * (32 * 2**20 + 1)])
def test_what_is_no_tokenizer(checkpoint: Path, content: bytes) -> None:
    (checkpoint / "tokenizer.json").write_bytes(content)
    refused(checkpoint, r"tokenizer\.json")


def test_a_trial_that_something_else_ended_says_nothing_about_the_file(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """So that a download is not thrown away because the system was out of memory."""
    (tmp_path / "killed.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    monkeypatch.setattr(tokenizer_module, "TRIAL", "killed")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ModelLoadFailed, match="could not be tried") as caught:
        read_tokenizer(checkpoint / "tokenizer.json", 23)
    assert not isinstance(caught.value, BadCheckpoint)


def test_a_reason_is_one_line_and_not_too_long(checkpoint: Path) -> None:
    change_tokenizer(checkpoint, model={"type": "x\n\x1b[31m" * 1000})
    message = str(refused(checkpoint, r"tokenizer\.json is not a tokenizer"))
    assert message.isprintable() and len(message) < len(str(checkpoint)) + 400
