"""What the commands say when something is wrong with a model, and how they ask."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lofi_common.installs import DEFAULT_PRECISION
from tests.support.home import Home
from tests.support.hub import FakeHub
from tests.support.models import FIXTURE, put_model, with_hub, without_setting
from tests.support.shop import REPO, WEIGHTS
from tests.support.stdio import Stdio
from tests.support.terminal import in_a_terminal


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        yield hub


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (b"\x03", 130, b"interrupted"),
        (b"\x04", 5, b"nothing was downloaded"),
        (b"n\n", 5, b"nothing was downloaded"),
        (b"\n", 5, b"nothing was downloaded"),
    ],
)
def test_the_question_can_be_left_in_any_way(
    home: Home, hub: FakeHub, answer: bytes, code: int, words: bytes
) -> None:
    with_hub(home, hub)
    left, shown = in_a_terminal(home, "models", "pull", REPO, until=b"[y/N]", answer=answer)
    assert left == code and words in shown and b"Aborted" not in shown
    assert not hub.gets(WEIGHTS)


def test_the_import_has_a_bar_of_its_own_after_that_of_the_download(home: Home, hub: FakeHub) -> None:
    with_hub(home, hub)
    code, shown = in_a_terminal(home, "models", "pull", REPO, until=b"[y/N]", answer=b"y\n")
    drawn = [bar for bar in re.split(rb"[\r\n]+", shown) if b"[" in bar]
    fetched = [bar for bar in drawn if b"file 3 of 3" in bar]
    imported = [bar for bar in drawn if b"import: " in bar]
    assert code == 0 and b"#]" in fetched[-1] and b"#]" in imported[-1], drawn
    assert any(b"-]" in bar for bar in imported), drawn  # it does not begin full


def test_a_removal_is_asked_about_on_a_terminal(home: Home) -> None:
    folder = put_model(without_setting(home), "mine")
    code, shown = in_a_terminal(home, "models", "rm", "mine", until=b"[y/N]", answer=b"n\n")
    assert code == 1 and b"Delete mine" in shown and b"nothing was deleted" in shown and folder.exists()
    code, shown = in_a_terminal(home, "models", "rm", "mine", until=b"[y/N]", answer=b"y\n")
    assert code == 0 and b"mine is deleted" in shown and not folder.exists()


def test_a_slip_in_the_name_of_a_model(home: Home) -> None:
    done = without_setting(home).lofi("models", "pull", "musicgen-smal")
    assert done.returncode == 5 and "did you mean musicgen-small" in done.stderr
    assert home.lofi("models").stdout.startswith("* lofi-tiny")


@pytest.mark.parametrize(
    "arguments",
    [
        ("pull", ""),
        ("import", ""),
        ("import", str(FIXTURE), "--name", ""),
        ("import", str(FIXTURE), "--name", "x" * 129),
        ("pull", "/" + "x" * 5000),
    ],
)
def test_words_that_name_no_model_are_refused_in_a_line(home: Home, arguments: tuple[str, ...]) -> None:
    without_setting(home)
    done = home.lofi("models", *arguments)
    assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr
    assert done.stderr.startswith("lofi: ")


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", WEIGHTS])
def test_an_incomplete_checkpoint_says_what_belongs_to_one(home: Home, tmp_path: Path, missing: str) -> None:
    without_setting(home)
    for file in FIXTURE.iterdir():
        if file.is_file() and file.name != missing:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    done = home.lofi("models", "import", str(tmp_path), "--name", "own")
    assert done.returncode == 5 and "the whole folder of the checkpoint" in done.stderr
    assert "einstall" not in done.stderr


def test_a_bad_checkpoint_is_not_told_to_be_installed_again(home: Home, tmp_path: Path) -> None:
    without_setting(home)
    for file in FIXTURE.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / WEIGHTS).write_bytes((tmp_path / WEIGHTS).read_bytes()[:5000])
    done = home.lofi("models", "import", str(tmp_path), "--name", "own")
    assert done.returncode == 1 and "Fetch or export the checkpoint again" in done.stderr


def test_verify_has_a_row_for_each_file_also_when_some_are_cut_off_or_gone(home: Home) -> None:
    without_setting(home)
    home.environ["LOFI_WORKER_ENGINE"] = "onnx"
    assert home.lofi("models", "import", str(FIXTURE), "--precision", "fp32", "--name", "own").returncode == 0
    folder = home.paths.models / "own"
    files = sorted(path.name for path in folder.iterdir() if path.name != "model.toml")
    (folder / "tokenizer.json").unlink()
    with (folder / "codec.onnx").open("r+b") as file:
        file.truncate(100)
    done = home.lofi("models", "verify", "own", "--full")
    rows = {line.split()[1].rstrip(","): line for line in done.stdout.splitlines()[1 : 1 + len(files)]}
    assert done.returncode == 1 and sorted(rows) == files, done
    assert "is missing" in rows["tokenizer.json"] and "has 100 bytes instead of" in rows["codec.onnx"]
    assert rows["decoder.onnx"].startswith("ok ") and "lofi models rm own" in done.stdout
    used = home.lofi("models", "use", "own")
    assert used.returncode != 0 and "`lofi models rm own`, then pull or import it again" in used.stderr


def test_an_installer_that_was_killed_does_not_blame_the_network(home: Home, hub: FakeHub) -> None:
    with_hub(home, hub)
    fault = hub.fail(WEIGHTS, then="stall", after=200_000)
    with Stdio(home.environ) as broker:
        broker.error("model_download", model=REPO)
        broker.call("model_download", model=REPO, consent=True)
        assert fault.reached.wait(30)
        os.kill(_installer_below(broker.process.pid), signal.SIGKILL)
        while True:
            told = broker.wait("model_status", count=len(broker.notices("model_status")) + 1)
            if told["state"] == "install_failed":
                break
    assert "killed by SIGKILL" in told["error"]["message"]
    assert "memory" in told["error"]["recovery"] and "network" not in told["error"]["recovery"]


def _installer_below(pid: int) -> int:
    (found,) = [each for each in psutil.Process(pid).children() if "lofi_worker.install" in each.cmdline()]
    return found.pid


def test_the_help_is_not_cut_off_and_names_the_default(home: Home) -> None:
    overview = home.lofi("models", "--help").stdout.partition("Commands:")[2]
    assert "..." not in overview and "Stop the installation of MODEL." in overview
    assert f"[default: {DEFAULT_PRECISION}]" in home.lofi("models", "pull", "--help").stdout


def test_a_manifest_can_t_write_to_the_terminal(home: Home) -> None:
    without_setting(home)
    put_model(home, "own")
    manifest = home.paths.models / "own/model.toml"
    manifest.write_text('"\\u001b]0;owned\\u0007" = 1\n' + manifest.read_text())
    used = home.lofi("models", "use", "own")
    assert used.returncode == 1 and "owned" in used.stderr and "\x1b" not in used.stderr
    home.environ["LOFI_MODEL_FOLDER"] = str(manifest.parent)
    checked = home.lofi("doctor")
    assert "owned" in checked.stdout and "\x1b" not in checked.stdout


def test_doctor_compares_the_device_with_what_there_is(home: Home) -> None:
    home.environ["LOFI_WORKER_DEVICE"] = "cpu"
    assert "device: cpu (worker.device = cpu)" in home.lofi("doctor").stdout
    home.environ["LOFI_WORKER_DEVICE"] = "coreml"
    done = home.lofi("doctor")
    assert done.returncode == 1 and "the device coreml is not there" in done.stdout
    assert 'worker.device = "cpu"' in done.stdout
