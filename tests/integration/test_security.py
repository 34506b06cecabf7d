"""What is private stays private, one broker serves, and copies go only where their user said."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lofi_broker.outputs import check_output, copy_track
from lofi_common.broker_file import read_broker_file
from lofi_common.errors import CacheWriteError, InvalidParams, ModelLoadFailed, ModelNotFound
from lofi_common.jobs import Output
from lofi_common.manifest import read_model
from tests.support.client import RawClient
from tests.support.home import Home
from tests.support.stdio import Stdio


def open_to_others(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root)} {stat.S_IMODE(path.lstat().st_mode):o}"
        for path in sorted(root.rglob("*"))
        if not path.is_symlink() and stat.S_IMODE(path.lstat().st_mode) & 0o077
    ]


def test_all_that_is_made_is_private_whatever_was_there_before(home: Home) -> None:
    for folder in (home.paths.state, home.paths.data):
        folder.mkdir()
        folder.chmod(0o777)
    for folder in (home.paths.runtime, home.paths.logs, home.paths.tracks, home.paths.spool):
        folder.mkdir()
        folder.chmod(0o777)
    for file in (home.paths.broker_lock, home.paths.logs / "broker.log", home.paths.database):
        file.touch()
        file.chmod(0o666)
    script = "import os; os.umask(0); from lofi_cli.submit import main; main()"
    output = home.root / "mine.wav"
    done = subprocess.run(
        [sys.executable, "-c", script, "x", "-d", "5", "-o", str(output)],
        env={**os.environ, **home.environ},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert open_to_others(home.paths.state) == [] and open_to_others(home.paths.data) == []
    assert stat.S_IMODE(home.paths.state.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.paths.data.stat().st_mode) == 0o700
    assert stat.S_IMODE(output.stat().st_mode) == 0o666  # a copy is made as its user makes files


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("name", ["state", "data", "runtime"])
def test_a_folder_of_another_user_is_refused(home: Home, name: str) -> None:
    home.paths.make()
    folder: Path = getattr(home.paths, name)
    os.chown(folder, 65534, 65534)
    done = home.run("lofi_broker")
    assert done.returncode == 2 and f"{folder} belongs to another user" in done.stderr


def test_of_twenty_brokers_at_once_one_serves(home: Home) -> None:
    home.paths.make()
    command = [sys.executable, "-m", "lofi_broker"]
    environ = {**os.environ, **home.environ}
    started = [
        subprocess.Popen(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(20)
    ]
    ends = {os.pidfd_open(process.pid) for process in started}
    gone: set[int] = set()
    try:
        while len(gone) < 19:
            ended = select.select(ends - gone, [], [], 30.0)[0]
            assert ended, "more than one broker stays"
            gone |= set(ended)
        (winner,) = [process for process in started if process.poll() is None]
        with RawClient(home.paths.socket("clients")) as client:
            assert client.call("status")["broker"]["pid"] == winner.pid
        found = read_broker_file(home.paths.broker_file)
        assert found is not None and found.pid == winner.pid
        assert [process.wait() for process in started if process is not winner] == [0] * 19
    finally:
        for process in started:
            process.kill()
            process.wait()
        for descriptor in ends:
            os.close(descriptor)


def test_of_five_editors_at_once_one_is_the_broker_and_the_others_relay(home: Home) -> None:
    editors = [Stdio(home.environ) for _ in range(5)]
    pids = {editor.call("status")["broker"]["pid"] for editor in editors}
    (owner,) = [editor for editor in editors if {editor.process.pid} == pids]
    for editor in [*(each for each in editors if each is not owner), owner]:
        with editor:
            assert editor.close() == 0


def same_track(home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    return home.submit("x", "-d", "5", "--seed", "1", *arguments)


def test_nothing_is_written_over_without_force(home: Home) -> None:
    file = home.root / "song.wav"
    file.write_bytes(b"precious")
    for _ in range(2):  # before, and after it is in the library
        refused = same_track(home, "-o", str(file))
        assert refused.returncode == 1 and "already" in refused.stderr and "--force" in refused.stderr
        assert file.read_bytes() == b"precious"
        same_track(home)
    assert same_track(home, "-o", str(file), "--force").returncode == 0
    assert file.read_bytes()[:4] == b"RIFF"
    assert same_track(home, "-o", str(file)).returncode == 0  # the same bytes: nothing to write
    assert home.submit("x", "-d", "5", "--force").returncode == 2


def test_a_file_that_comes_while_the_track_is_made_is_kept(broker: Stdio, home: Home) -> None:
    early, forced = home.root / "early.wav", home.root / "forced.wav"
    slow = broker.call("generate", prompt="slow 60", duration_sec=5)["track_id"]
    broker.wait("generation_start", slow)
    request = {"prompt": "x", "duration_sec": 5, "seed": 1}
    track_id = broker.call("generate", **request, output=str(early))["track_id"]
    broker.call("generate", **request, output=str(forced), force=True)
    early.write_bytes(b"precious")
    forced.write_bytes(b"old")
    broker.call("queue_cancel", track_id=slow)
    complete = broker.wait("generation_complete", track_id)
    assert list(complete["output_errors"]) == [str(early)] and early.read_bytes() == b"precious"
    assert forced.read_bytes() == Path(complete["path"]).read_bytes()
    assert not list(home.root.glob(".*"))


@pytest.fixture
def track(tmp_path: Path) -> Path:
    file = tmp_path / "feed.wav"
    file.write_bytes(b"RIFF track")
    return file


@pytest.mark.parametrize("force", [False, True])
def test_only_files_are_replaced(track: Path, tmp_path: Path, force: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "folder" / track.name)
    (tmp_path / "loop").symlink_to("loop")
    for path in (
        "/dev/null",
        "/dev/full",
        tmp_path / "pipe",
        tmp_path / "loop",
        tmp_path / "none" / "x",
        tmp_path / "folder",
    ):
        with pytest.raises(CacheWriteError):
            copy_track(track, Output(path=str(path), force=force), 0o600)
    for path in (f"/tmp/{'n' * 300}", f"{track}/x"):
        with pytest.raises(CacheWriteError):
            check_output(Output(path=path, force=force))
    for path in ("", "x.wav", "../x.wav", "/a\0b"):
        with pytest.raises(InvalidParams):
            check_output(Output(path=path, force=force))
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode) and stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_links_are_followed_only_by_force(track: Path, tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    (folder / track.name).symlink_to(outside)
    for path in (folder, folder / track.name):
        for content in (None, b"precious"):
            outside.unlink(missing_ok=True)
            if content is not None:
                outside.write_bytes(content)
            with pytest.raises(CacheWriteError, match="already"):
                copy_track(track, Output(path=str(path)), 0o600)
            assert outside.exists() == (content is not None)
        assert outside.read_bytes() == b"precious"
        copy_track(track, Output(path=str(path), force=True), 0o600)
        assert (folder / track.name).is_symlink() and outside.read_bytes() == b"RIFF track"
    copy_track(track, Output(path=f"{folder}/../folder/"), 0o600)  # as it was named; the same bytes
    assert sorted(each.name for each in folder.iterdir()) == [track.name]


def test_where_there_are_no_hard_links(track: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    copy_track(track, Output(path=str(tmp_path / "new.wav")), 0o640)
    assert (tmp_path / "new.wav").read_bytes() == b"RIFF track"
    (tmp_path / "old.wav").write_bytes(b"precious")
    with pytest.raises(CacheWriteError, match="already"):
        copy_track(track, Output(path=str(tmp_path / "old.wav")), 0o640)
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(CacheWriteError, match="not permitted"):
        copy_track(track, Output(path=str(tmp_path / "failing.wav")), 0o640)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feed.wav", "new.wav", "old.wav"]


@pytest.mark.parametrize(
    ("number", "told"), [(errno.EINVAL, False), (errno.EACCES, False), (errno.EIO, True)]
)
def test_the_name_of_a_copy_is_synced_where_that_is_known(
    track: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, told: bool
) -> None:
    def fail_for_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail_for_folders)
    with pytest.raises(CacheWriteError) if told else contextlib.nullcontext():
        copy_track(track, Output(path=str(tmp_path / "new.wav")), 0o640)
    assert (tmp_path / "new.wav").read_bytes() == b"RIFF track"


@pytest.mark.parametrize("name", ["..", "", ".", "../x", "/etc/passwd", "a/b", "a\0b", "n" * 300])
def test_a_manifest_can_t_name_a_file_outside_its_folder(home: Home, name: str) -> None:
    manifest = Path(home.environ["LOFI_MODEL_FOLDER"]) / "model.toml"
    size = manifest.parent.parent.stat().st_size
    quoted = name.replace("\0", "\\u0000")
    manifest.write_text(f'{manifest.read_text()}"{quoted}" = {{ bytes = {size}, sha256 = "{"0" * 64}" }}\n')
    with pytest.raises((ModelLoadFailed, ModelNotFound)):
        read_model(manifest.parent)
