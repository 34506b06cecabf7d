"""`--engine ray` as a command: what it says without Ray, and which options belong to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from lofi_batch.errors import ClusterUnavailable
from lofi_batch.main import batch
from lofi_batch.ray_cluster import Cluster, connected, sweep, words_of

NO_RAY = """
import importlib.util, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "ray" else found(name, *more)
sys.argv = ["lofi-batch", *sys.argv[1:]]
from lofi_batch.main import main
main()
"""


@pytest.fixture
def prompts(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "prompts.txt"
    path.write_text("rain\n")
    yield path
    assert not (tmp_path / "out").exists()


def test_without_ray_it_says_what_to_install(prompts: Path) -> None:
    command = [
        sys.executable,
        "-c",
        NO_RAY,
        str(prompts),
        "-o",
        str(prompts.parent / "out"),
        "--engine",
        "ray",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    told = "lofi: --engine ray needs Ray, which is not installed\n      `pip install '.[ray]'` in the clone"
    assert done.stderr.startswith(told)


def test_the_local_engine_and_help_load_neither_ray_nor_fsspec(prompts: Path) -> None:
    for arguments in (["--help"], [str(prompts), "-o", str(prompts.parent / "out"), "--dry-run"]):
        script = (
            "import sys; sys.argv = ['lofi-batch', *sys.argv[1:]]\n"
            "from lofi_batch.main import main\n"
            "try: main()\n"
            "finally: print([m for m in ('ray', 'fsspec', 'lofi_worker') if m in sys.modules])"
        )
        command = [sys.executable, "-c", script, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0 and done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize(
    "option",
    [
        ("--address", "auto"),
        ("--tracks", "s3://bucket"),
        ("--model-url", "s3://bucket/model"),
        ("--actors", "2"),
        ("--cores-per-actor", "2"),
        ("--gpus-per-actor", "1"),
    ],
)
def test_ray_s_options_need_the_engine(prompts: Path, option: tuple[str, str]) -> None:
    done = CliRunner().invoke(batch, [str(prompts), "-o", str(prompts.parent / "out"), *option])
    assert done.exit_code == 2 and "are for --engine ray" in done.output


def test_ray_has_no_library(prompts: Path) -> None:
    arguments = [str(prompts), "-o", str(prompts.parent / "out"), "--engine", "ray", "--no-library"]
    done = CliRunner().invoke(batch, arguments)
    assert done.exit_code == 2 and "Ray's tracks are in no library" in done.output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "The actor died because of an error raised in its creation task, ray::NodeActor.__init__()\n"
            '  File "ray_actor.py", line 53, in __init__\n    raise InternalError(\n'
            "lofi_common.errors.InternalError: this node has lofi 0.0.9\nInstall the same version.",
            "this node has lofi 0.0.9",
        ),
        ("The actor 12ab is unavailable: Socket closed.", "The actor 12ab is unavailable: Socket closed."),
        ("\nFailed to connect.\nMore of it.", "Failed to connect."),
    ],
)
def test_the_words_of_an_error_of_ray(text: str, words: str) -> None:
    assert words_of(RuntimeError(text)) == words


def test_nobody_at_the_address(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    (tmp_path / "prompts.txt").write_text("rain\n")
    command = [sys.executable, "-m", "lofi_batch.main", str(tmp_path / "prompts.txt"), "-o", str(tmp_path)]
    done = subprocess.run(
        [*command, "--engine", "ray", "--address", "127.0.0.1:1"],
        env={**os.environ, "LOFI_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 3
    assert "there is no Ray cluster at 127.0.0.1:1" in done.stderr and "1 row is still" in done.stderr
    for address in ("127.0.0.1:1", "ray://127.0.0.1:1", "ray://[::1]:1", "127.0.0.1:99999"):
        with pytest.raises(ClusterUnavailable, match="there is no Ray cluster at"), connected(address):
            pass


def test_what_killed_drivers_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait(30)
    gone, alive = f"lofi-cluster-{process.pid}-a", f"lofi-cluster-{os.getpid()}-b"
    for name in (gone, alive, "lofi-cluster-x-c", "mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    (tmp_path / f"lofi-cluster-{process.pid}-link").symlink_to(tmp_path / "mine")
    sweep(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {alive, "lofi-cluster-x-c", "mine", f"lofi-cluster-{process.pid}-link"}
    assert (tmp_path / "mine" / "file").exists()


def test_a_head_behind_ray_is_looked_for_where_it_was_reached() -> None:
    """Its other ports may be closed to whoever came by ray://, and it lives all the same."""
    told = SimpleNamespace(get_runtime_context=lambda: SimpleNamespace(gcs_address="127.0.0.1:1"))
    with socket.create_server(("127.0.0.1", 0)) as head:
        port = head.getsockname()[1]
        assert Cluster(told, f"ray://127.0.0.1:{port}").answers()
        assert not Cluster(told, f"127.0.0.1:{port}").answers()  # there it is what Ray itself waits for
    assert not Cluster(told, f"ray://127.0.0.1:{port}").answers()
