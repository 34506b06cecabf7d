"""The folder that an actor has on its node, and what it says when it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lofi_batch.ray_folder import ActorFolder

DIE = """
import os, signal, sys
from pathlib import Path
from lofi_batch.ray_folder import ActorFolder
folder = ActorFolder(Path(sys.argv[1]), "actor")
(folder.spool / "half.wav").write_bytes(b"RIFF")
if sys.argv[2] == "word":
    folder.say("out of memory: 3 GB\\nand more")
    os._exit(1)
os.kill(os.getpid(), int(sys.argv[2]))
signal.pause()
"""


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (str(int(signal.SIGSEGV)), "Segmentation fault"),
        (str(int(signal.SIGKILL)), ""),
        ("word", "out of memory: 3 GB"),
    ],
)
def test_the_next_process_of_an_actor_hears_the_last_words(tmp_path: Path, how: str, words: str) -> None:
    subprocess.run([sys.executable, "-c", DIE, str(tmp_path), how], stderr=subprocess.DEVNULL, timeout=30)
    (left,) = tmp_path.glob("actor.*/spool/half.wav")
    script = "import sys; from pathlib import Path; from lofi_batch.ray_folder import ActorFolder; "
    script += "print(ActorFolder(Path(sys.argv[1]), sys.argv[2]).last_words)"
    for actor, expected in (("actor", words), ("actor", "")):
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path), actor], capture_output=True, text=True, timeout=30
        )
        assert done.stdout == f"{expected}\n", done.stderr
    assert not left.exists()


def test_a_process_that_dies_of_a_model_is_counted(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from lofi_batch.ray_folder import ActorFolder\n"
        "folder = ActorFolder(Path(sys.argv[1]), 'actor')\n"
        "print(folder.dead_loading, flush=True)\n"
        "if sys.argv[2] == 'after':\n"
        "    with folder.loading(): pass\n"
        "    os.kill(os.getpid(), 9)\n"
        "with folder.loading(): os.kill(os.getpid(), 9)"
    )
    for how, expected in (("in", "0"), ("in", "1"), ("after", "2"), ("in", "0")):
        command = [sys.executable, "-c", script, str(tmp_path), how]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stdout.strip()) == (-signal.SIGKILL, expected)


def test_the_folder_of_one_that_lives_stays(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from lofi_batch.ray_folder import ActorFolder; "
    script += "f = ActorFolder(Path(sys.argv[1]), 'one'); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline()
        second = "import sys; from pathlib import Path; from lofi_batch.ray_folder import ActorFolder; "
        second += "ActorFolder(Path(sys.argv[1]), 'two').leave()"
        subprocess.run([sys.executable, "-c", second, str(tmp_path)], check=True, timeout=30)
        assert [path.name.partition(".")[0] for path in tmp_path.glob("[!.]*")] == ["one"]
        other.kill()


def test_somebody_else_s_folder_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(PermissionError, match="is no folder of this user"):
        ActorFolder(tmp_path, "actor")


def test_a_link_is_no_folder_of_actors(tmp_path: Path) -> None:
    """Others may have put it into the common folder: what it leads to would be tidied."""
    (tmp_path / "home/project.git").mkdir(parents=True)
    (tmp_path / "root").symlink_to(tmp_path / "home")
    with pytest.raises(PermissionError, match="is no folder of this user"):
        ActorFolder(tmp_path / "root", "actor")
    assert (tmp_path / "home/project.git").is_dir()
