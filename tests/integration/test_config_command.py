"""`lofi config`: the user's file is changed with care, or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.support.home import Home

MINE = """\
# my settings
[queue]   # the queue
max_pending = 3    # enough for me
# between
max_attempts=1

[broker]
log_level = "debug"      # while I look for something
"""


@pytest.fixture
def file(home: Home) -> Path:
    home.paths.config.mkdir(parents=True)
    home.paths.config_file.write_text(MINE)
    return home.paths.config_file


def test_comments_and_layout_stay(home: Home, file: Path) -> None:
    assert home.lofi("config", "set", "queue.max_pending", "20").stdout == "queue.max_pending = 20 (file)\n"
    assert home.lofi("config", "set", "broker.log_level", "info").returncode == 0
    assert home.lofi("config", "set", "worker.silence_sec", "20").returncode == 0
    expected = MINE.replace("= 3 ", "= 20 ").replace('"debug"', '"info"')
    assert file.read_text() == expected + "\n[worker]\nsilence_sec = 20.0\n"
    assert home.lofi("config", "get", "worker.silence_sec").stdout == "20.0\n"


def test_unset_takes_one_line_away(home: Home, file: Path) -> None:
    done = home.lofi("config", "unset", "queue.max_attempts")
    assert done.stdout == "queue.max_attempts = 2 (default)\n"
    assert file.read_text() == MINE.replace("max_attempts=1\n", "")
    assert home.lofi("config", "unset", "queue.durable").returncode == 0
    assert file.read_text() == MINE.replace("max_attempts=1\n", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("set", "queue.max_pending", "0"), "queue.max_pending=0"),
        (("set", "queue.max_pending", "many"), "queue.max_pending=many"),
        (("set", "worker.device", "tpu"), "worker.device=tpu"),
        (("set", "broker.tcp", "localhost"), "write tcp://address:port"),
        (("set", "player.volume", "nan"), "player.volume=nan"),
        (("set", "queue.max_pendin", "1"), "Did you mean queue.max_pending"),
        (("get", "max_pending"), "Did you mean queue.max_pending?"),
        (("unset", "nonsense"), "`lofi config show` lists all of them"),
        (("set", "queue", "1"), "there is no setting queue"),
    ],
)
def test_a_wrong_setting_is_refused_and_changes_nothing(
    home: Home, file: Path, arguments: tuple[str, ...], words: str
) -> None:
    refused = home.lofi("config", *arguments)
    assert (refused.returncode, refused.stdout) == (2, "") and words in refused.stderr
    assert file.read_text() == MINE and os.listdir(file.parent) == ["config.toml"]


def test_a_file_that_is_wrong_already_is_named_and_left_alone(home: Home, file: Path) -> None:
    file.write_text("[queue]\nmax_pendin = 1\n")
    for arguments in (("show",), ("set", "queue.max_pending", "4"), ("get", "queue.max_pending")):
        refused = home.lofi("config", *arguments)
        assert refused.returncode == 2 and "config.toml" in refused.stderr and "max_pendin" in refused.stderr
    assert file.read_text() == "[queue]\nmax_pendin = 1\n"


def test_show_says_where_each_comes_from(home: Home, file: Path) -> None:
    home.environ["LOFI_QUEUE_MAX_ATTEMPTS"] = "5"
    shown = home.lofi("config", "show").stdout.splitlines()
    assert shown[0] == f"# {file}"
    origins = {line.partition(" =")[0]: line.partition("# ")[2] for line in shown if " = " in line}
    assert origins["max_pending"] == "file, default 10"
    assert origins["max_attempts"] == "LOFI_QUEUE_MAX_ATTEMPTS, default 2"
    assert origins["durable"] == "default"


def test_what_goes_before_the_file_and_who_has_read_it_already_is_said(home: Home, file: Path) -> None:
    home.environ["LOFI_QUEUE_MAX_PENDING"] = "7"
    done = home.lofi("config", "set", "queue.max_pending", "9")
    assert done.stdout == "queue.max_pending = 7 (environment)\n"
    assert "LOFI_QUEUE_MAX_PENDING in the environment goes before" in done.stderr
    assert "broker" not in done.stderr
    assert home.lofi("broker", "start").returncode == 0
    assert "`lofi broker stop`" in home.lofi("config", "set", "queue.max_attempts", "3").stderr
    assert home.lofi("config", "set", "queue.max_attempts", "3").stderr == ""  # nothing has changed


def test_a_linked_file_stays_a_link_and_keeps_its_mode(home: Home, file: Path) -> None:
    kept = home.root / "dotfiles.toml"
    file.rename(kept)
    kept.chmod(0o640)
    file.symlink_to(kept)
    assert home.lofi("config", "set", "queue.max_pending", "4").returncode == 0
    assert file.is_symlink() and "max_pending = 4 " in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640


def test_a_new_file_is_private_and_line_ends_stay(home: Home) -> None:
    assert home.lofi("config", "set", "queue.durable", "false").returncode == 0
    file = home.paths.config_file
    assert file.read_text() == "[queue]\ndurable = false\n" and stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_bytes(b"[queue]\r\nmax_pending = 3 # \r\n")
    assert home.lofi("config", "set", "queue.max_pending", "4").returncode == 0
    assert file.read_bytes() == b"[queue]\r\nmax_pending = 4 # \r\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_can_t_be_written_is_named(home: Home, file: Path) -> None:
    file.parent.chmod(0o500)
    refused = home.lofi("config", "set", "queue.max_pending", "4")
    file.parent.chmod(0o700)
    assert refused.returncode == 2 and "can't be written" in refused.stderr and file.read_text() == MINE
