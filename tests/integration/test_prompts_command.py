"""`lofi prompts` reads the selected model's list of words and starts nothing."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lofi_common.manifest import PROMPTS_NAME
from tests.support.home import Home

WORDS = {
    "kinds": {
        "drums": {
            "brushes": ["soft drums", "brushed drums"],
            "808": [f"808 kit number {i}" for i in range(40)],
        },
        "leave out": {"drums": ["no drums", "drumless"]},
    },
    "examples": ["rainy night lofi, felt piano, no drums"],
}
TITLE = "\x1b]0;pwned\x07"  # renames the terminal's window
HOSTILE = {
    "kinds": {
        f"dr{TITLE}ums": {f"brush{TITLE}es": [f"soft{TITLE} drums", "\x9b2Jdrums"]},
        "leave\nout": {"drums": ["no drums"]},
    },
    "examples": [f"no{TITLE} drums"],
}


def bring_list(home: Home, data: bytes) -> Path:
    """A list of words in the model's folder and its manifest."""
    path = Path(home.environ["LOFI_MODEL_FOLDER"]) / PROMPTS_NAME
    path.write_bytes(data)
    list_in_manifest(path, len(data), hashlib.sha256(data).hexdigest())
    return path


def list_in_manifest(path: Path, size: int, sha256: str) -> None:
    with path.with_name("model.toml").open("a") as manifest:
        manifest.write(f'"{path.name}" = {{ bytes = {size}, sha256 = "{sha256}" }}\n')


@pytest.fixture
def list_file(home: Home) -> Path:
    return bring_list(home, json.dumps(WORDS).encode())


@pytest.mark.usefixtures("list_file")
def test_all_kinds_are_listed_in_short(home: Home) -> None:
    done = home.lofi("prompts")
    assert done.returncode == 0, done.stderr
    assert "test-model-" in done.stdout.splitlines()[0]
    assert "free text" not in done.stdout
    assert "  brushes  soft drums, brushed drums\n" in done.stdout
    assert "  rainy night lofi, felt piano, no drums\n" in done.stdout
    assert "808 kit number 0, " in done.stdout and "808 kit number 39" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.usefixtures("list_file")
def test_one_kind_is_listed_whole(home: Home) -> None:
    drums = home.lofi("prompts", "drums")
    assert drums.returncode == 0
    assert "808 kit number 39" in drums.stdout and "no drums" not in drums.stdout
    assert home.lofi("prompts", "leave", "out").stdout.startswith("drums\n  no drums, ")


@pytest.mark.usefixtures("list_file")
def test_json_is_the_list(home: Home) -> None:
    assert json.loads(home.lofi("prompts", "--json").stdout) == WORDS
    one = json.loads(home.lofi("prompts", "leave out", "--json").stdout)
    assert one["kinds"] == {"leave out": WORDS["kinds"]["leave out"]}


@pytest.mark.usefixtures("list_file")
def test_a_kind_that_is_none_is_refused_with_those_that_are(home: Home) -> None:
    for arguments in (("prompts", "tuba"), ("prompts", "tuba", "--json")):
        done = home.lofi(*arguments)
        assert done.returncode == 2
        assert done.stdout == "" and "drums, leave out" in done.stderr


def test_a_model_without_a_list_takes_free_text(home: Home) -> None:
    for arguments in (("prompts",), ("prompts", "drums")):
        done = home.lofi(*arguments)
        assert done.returncode == 0
        assert "free text" in done.stdout and "75 bpm" in done.stdout
    for arguments in (("prompts", "--json"), ("prompts", "drums", "--json")):
        assert json.loads(home.lofi(*arguments).stdout) == {"kinds": {}, "examples": []}


@pytest.mark.parametrize(
    "arguments", [(), ("--json",), (f"dr{TITLE}ums",), ("dr ]0;pwned ums",), ("dr ]0;pwned ums", "--json")]
)
def test_a_list_holds_nothing_that_a_terminal_obeys(home: Home, arguments: tuple[str, ...]) -> None:
    bring_list(home, json.dumps(HOSTILE).encode())
    done = home.lofi("prompts", *arguments)
    assert done.returncode == 0, done.stderr
    assert "brush ]0;pwned es" in done.stdout and " 2Jdrums" in done.stdout
    assert all(line.isprintable() for line in done.stdout.split("\n"))


@pytest.mark.parametrize("arguments", [(f"tu{TITLE}ba",), (f"tu{TITLE}ba", "--json")])
def test_nor_does_a_refusal(home: Home, arguments: tuple[str, ...]) -> None:
    bring_list(home, json.dumps(HOSTILE).encode())
    done = home.lofi("prompts", *arguments)
    assert done.returncode == 2
    assert "tu ]0;pwned ba" in done.stderr and "Kinds: dr ]0;pwned ums, leave out, examples." in done.stderr
    assert all(line.isprintable() for line in done.stderr.split("\n"))


@pytest.mark.parametrize("with_list", [True, False])
def test_nor_does_the_name_of_a_model(home: Home, with_list: bool) -> None:
    manifest = Path(home.environ["LOFI_MODEL_FOLDER"]) / "model.toml"
    manifest.write_text(manifest.read_text().replace('"test-model"', r'"te\u001b]0;pwned\u0007st"'))
    if with_list:
        bring_list(home, json.dumps(WORDS).encode())
    done = home.lofi("prompts")
    assert done.returncode == 0
    assert "te ]0;pwned st-" in done.stdout
    assert all(line.isprintable() for line in done.stdout.split("\n"))


@pytest.mark.parametrize("data", [b'{"kinds": 3}', b'{"kinds": {}', b"\xff", b'{"more": ' + b"[" * 100_000])
def test_a_list_that_is_none_is_named(home: Home, data: bytes) -> None:
    path = bring_list(home, data)
    done = home.lofi("prompts")
    assert done.returncode == 1
    assert f"{path} is no list of words" in done.stderr


def test_a_changed_list_is_refused(home: Home, list_file: Path) -> None:
    list_file.write_bytes(list_file.read_bytes().replace(b"soft", b"loud"))
    for arguments in (("prompts",), ("prompts", "--json")):
        done = home.lofi(*arguments)
        assert done.returncode == 1
        assert done.stdout == "" and f"{list_file} is damaged" in done.stderr


def test_a_file_that_the_manifest_does_not_list_is_left_alone(home: Home) -> None:
    os.mkfifo(Path(home.environ["LOFI_MODEL_FOLDER"]) / PROMPTS_NAME)
    done = home.lofi("prompts")
    assert done.returncode == 0
    assert "free text" in done.stdout


def test_a_pipe_is_refused_and_nobody_waits_for_its_writer(home: Home) -> None:
    path = Path(home.environ["LOFI_MODEL_FOLDER"]) / PROMPTS_NAME
    os.mkfifo(path)
    list_in_manifest(path, 0, hashlib.sha256(b"").hexdigest())
    done = home.lofi("prompts")
    assert done.returncode == 1
    assert f"{path} has 0 bytes" in done.stderr


def test_a_huge_list_is_refused(home: Home) -> None:
    path = bring_list(home, b"{}".ljust((1 << 20) + 1))
    done = home.lofi("prompts")
    assert done.returncode == 1
    assert f"{path} has {(1 << 20) + 1} bytes" in done.stderr


def test_a_missing_model_has_its_own_exit_code(home: Home) -> None:
    (Path(home.environ["LOFI_MODEL_FOLDER"]) / "model.toml").unlink()
    assert home.lofi("prompts").returncode == 5


@pytest.mark.usefixtures("list_file")
def test_nothing_is_started_or_loaded(home: Home) -> None:
    script = (
        "import sys\n"
        "from lofi_cli.prompts import show_prompts\n"
        "show_prompts('', as_json=False)\n"
        "print([m for m in ('numpy', 'onnxruntime', 'tokenizers', 'zmq', 'lofi_worker') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **home.environ},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout == "[]\n", done.stderr
    assert not home.paths.broker_file.exists()


@pytest.mark.usefixtures("list_file")
def test_examples_are_a_kind_and_case_does_not_matter(home: Home) -> None:
    assert home.lofi("prompts", "Examples").stdout.splitlines() == WORDS["examples"]
    assert json.loads(home.lofi("prompts", "examples", "--json").stdout)["examples"] == WORDS["examples"]
    assert home.lofi("prompts", "DRUMS").stdout == home.lofi("prompts", "drums").stdout != ""
