"""New files of one's own: whole or not at all, also where the file system knows no nameless ones."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lofi_common.new_file import new_file


@pytest.fixture(params=["nameless", "hidden"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "hidden":
        really = os.open

        def refuse(path: object, flags: int, *more: object, **named: object) -> int:
            if flags & os.O_TMPFILE == os.O_TMPFILE:
                raise OSError(errno.EOPNOTSUPP, "not supported")
            return really(path, flags, *more, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(os, "open", refuse)
    return str(request.param)


def write(target: Path, text: str, *, force: bool = False) -> None:
    with new_file(target, force=force) as descriptor:
        os.write(descriptor, text.encode())


@pytest.mark.usefixtures("way")
def test_it_is_there_with_the_rights_of_a_users_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "new", "text")
    finally:
        os.umask(before)
    assert (tmp_path / "new").read_text() == "text"
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [tmp_path / "new"]


@pytest.mark.usefixtures("way")
def test_a_taken_name_stays_unless_by_force(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("mine")
    with pytest.raises(FileExistsError):
        write(tmp_path / "old", "text")
    assert (tmp_path / "old").read_text() == "mine"
    write(tmp_path / "old", "text", force=True)
    assert (tmp_path / "old").read_text() == "text"
    assert list(tmp_path.iterdir()) == [tmp_path / "old"]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("force", [False, True])
def test_a_block_that_fails_leaves_all_as_it_was(tmp_path: Path, force: bool) -> None:
    (tmp_path / "old").write_text("mine")
    target = tmp_path / ("old" if force else "new")
    with pytest.raises(ZeroDivisionError), new_file(target, force=force) as descriptor:
        os.write(descriptor, b"half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == [tmp_path / "old"]
    assert (tmp_path / "old").read_text() == "mine"


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("letter", ["x", "夜"])
def test_a_long_name_and_one_that_is_too_long(tmp_path: Path, letter: str) -> None:
    longest = letter * (255 // len(letter.encode()))
    write(tmp_path / longest, "text", force=True)
    with pytest.raises(OSError, match="too long"):
        write(tmp_path / (longest + letter), "text")
    assert list(tmp_path.iterdir()) == [tmp_path / longest]


@pytest.mark.parametrize("force", [False, True])
def test_a_process_that_is_killed_leaves_nothing(tmp_path: Path, force: bool) -> None:
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from lofi_common.new_file import new_file\n"
        f"with new_file(Path(sys.argv[1]), force={force}) as descriptor:\n"
        "    os.write(descriptor, b'half')\n"
        "    print('written', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    target = tmp_path / "new"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []
