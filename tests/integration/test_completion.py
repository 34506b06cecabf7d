"""The Tab key, in the shells themselves. It starts no broker, waits for none that hangs and says no error."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lofi_client.launch import find_broker
from tests.support.home import Home
from tests.support.models import put_model
from tests.support.terminal import read

_GREETING_SEC = 4.5
"""Any other command waits for a broker that hangs for longer than that."""
START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}
FIRST = {
    "bash": "bind 'set enable-bracketed-paste off'; ",
    "zsh": "bindkey -e; unsetopt beep; autoload -U compinit; compinit -u; ",
}


def needs(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")


@pytest.fixture
def home(home: Home) -> Home:
    """A home whose commands are on the PATH."""
    folder = home.root / "bin"
    folder.mkdir()
    for name, module in (("lofi", "main"), ("lofi-submit", "submit")):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} -m lofi_cli.{module} "$@"\n')
        script.chmod(0o755)
    home.environ |= {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(home.root), "TERM": "xterm"}
    return home


@pytest.fixture
def track(home: Home) -> str:
    """A track of the library; no broker runs any more."""
    path = Path(home.submit("rainy night, slow", "-d", "5").stdout.strip())
    assert home.lofi("broker", "stop").returncode == 0
    return path.stem


class Shell:
    """A shell on a terminal of its own that has read its completion script."""

    def __init__(self, home: Home, shell: str) -> None:
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.execvpe(shell, START[shell], {**os.environ, **home.environ, "PS1": "> "})
        self._shown = ""
        self.type(f'{FIRST[shell]}eval "$(lofi completion {shell})"; echo rea""dy\r')
        self.wait(r"[\r\n]ready\r")

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def wait(self, pattern: str) -> re.Match[str]:
        while (found := re.search(pattern, self._shown)) is None:
            chunk = read(self._terminal)
            assert chunk, self._shown
            self._shown += chunk.decode(errors="replace")
        self._shown = self._shown[found.end() :]
        return found

    def completed(self, line: str) -> str:
        """The line after a Tab: the shell is let to say it."""
        self.type(f"{line}\t\x01echo 'got':\r")
        return self.wait(r"[\r\n]got:([^\r\n]*)\r")[1]

    def close(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)


@pytest.fixture(params=START)
def shell(request: pytest.FixtureRequest, home: Home, track: str) -> Iterator[Shell]:
    needs(request.param)
    started = Shell(home, request.param)
    yield started
    started.close()


def test_bash_and_zsh(home: Home, track: str, shell: Shell) -> None:
    put_model(home, "my-model")
    for typed, completed in (
        ("lofi sta", "lofi status"),
        ("lofi broker sto", "lofi broker stop"),
        ("lofi tracks sho", "lofi tracks show"),
        (f"lofi tracks show {track[:3]}", f"lofi tracks show {track}"),
        (f"lofi logs --track {track[:3]}", f"lofi logs --track {track}"),
        ("lofi models use my", "lofi models use my-model"),
        ("lofi models pull musicgen-sm", "lofi models pull musicgen-small"),
        ("lofi-submit x --model my", "lofi-submit x --model my-model"),
        ("lofi-submit x --format fl", "lofi-submit x --format flac"),
        ("lofi config set worker.eng", "lofi config set worker.engine"),
        ("lofi config set queue.durable f", "lofi config set queue.durable false"),
    ):
        assert shell.completed(typed) == completed
    assert find_broker(home.paths) is None


def offered(home: Home, line: str) -> list[str]:
    """What fish offers for a line, each with its description after a tab."""
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"lofi completion fish | source; complete -C '{line}'"],
        env={**os.environ, **home.environ},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_fish_shows_prompts_beside_ids(home: Home, track: str) -> None:
    needs("fish")
    put_model(home, "my-model")
    assert "volume" in [each.split("\t")[0] for each in offered(home, "lofi player ")]
    assert offered(home, "lofi sch") == ["schema\tPrint the JSON Schemas of the protocol."]
    (found,) = offered(home, "lofi logs --track ")
    assert found.startswith(f"{track}\trainy night")
    assert [each.split("\t")[0] for each in offered(home, "lofi models use ")] == ["lofi-tiny", "my-model"]
    levels = offered(home, "lofi config set broker.log_level ")
    assert sorted(levels) == ["debug", "error", "info", "warning"]
    assert find_broker(home.paths) is None


@pytest.fixture
def out_of_order(home: Home, track: str) -> list[str]:
    """Three tracks with one prompt, the newest first: as no sorting has them."""
    seeds = [["--seed", str(seed)] for seed in (1, 2)]
    made = [Path(home.submit("rainy night, slow", "-d", "5", *seed).stdout.strip()) for seed in seeds]
    assert home.lofi("broker", "stop").returncode == 0
    low, middle, high = sorted([track, *(path.stem for path in made)])
    for age, track_id in enumerate((middle, high, low)):
        os.utime(home.paths.tracks / f"{track_id}.json", (1e9 - age, 1e9 - age))
    return [middle, high, low]


def test_fish_keeps_the_order_and_the_whole_prompt(home: Home, out_of_order: list[str]) -> None:
    needs("fish")
    assert offered(home, "lofi tracks show ") == [f"{each}\trainy night, slow" for each in out_of_order]


def test_zsh_keeps_the_order_and_each_has_its_line(home: Home, out_of_order: list[str]) -> None:
    needs("zsh")
    shell = Shell(home, "zsh")
    try:
        shell.type("lofi tracks show \t")
        for each in out_of_order:
            found = shell.wait(r"([0-9a-f]{16}) +-- ([a-z ,]+)")
            assert (found[1], found[2].strip()) == (each, "rainy night, slow")
    finally:
        shell.close()


def asked(home: Home, line: str) -> subprocess.CompletedProcess[str]:
    """What zsh is answered, without zsh: type, value and description, a line each."""
    words = line.split(" ")
    environ = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_LOFI_COMPLETE": "zsh_complete"}
    return home.run("lofi_cli.main", extra=environ, timeout=_GREETING_SEC)


def test_with_a_broker_what_waits_is_offered_and_tracks_newest_first(home: Home) -> None:
    ids = [Path(home.submit(f"prompt: {n}", "-d", "5").stdout.strip()).stem for n in range(2)]
    assert asked(home, "lofi logs --track ").stdout.split("\n")[1::3] == [ids[1], ids[0]]
    assert home.lofi("broker", "stop").returncode == 0
    assert asked(home, "lofi logs --track ").stdout.split("\n")[1::3] == [ids[1], ids[0]]
    running = home.submit("slow 60", "-d", "5", "--no-wait").stdout.strip()
    waiting = home.submit("waits", "-d", "5", "--no-wait").stdout.strip()
    assert asked(home, "lofi cancel ").stdout.split() == [
        "plain",
        running,
        "slow",
        "60",
        "plain",
        waiting,
        "waits",
    ]
    assert waiting not in asked(home, f"lofi cancel {waiting} ").stdout


@pytest.mark.parametrize("line", ["lofi cancel ", "lofi logs --track ", "lofi models use ", "lofi prompts "])
def test_a_broker_that_hangs_is_not_waited_for(home: Home, line: str) -> None:
    assert home.lofi("broker", "start").returncode == 0
    found = find_broker(home.paths)
    assert found is not None
    os.kill(found.pid, signal.SIGSTOP)
    try:
        done = asked(home, line)
    finally:
        os.kill(found.pid, signal.SIGCONT)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "line", ["lofi cancel ", "lofi logs --track ", "lofi models use ", "lofi models cancel ", "lofi prompts "]
)
def test_nothing_there_is_no_error(home: Home, line: str) -> None:
    (Path(home.environ["LOFI_MODEL_FOLDER"]) / "model.toml").write_text("broken")
    done = asked(home, line)
    assert (done.returncode, done.stderr) == (0, "")
    home.environ["LOFI_BROKER"] = "nonsense"
    home.environ["LOFI_QUEUE_MAX_PENDING"] = "nonsense"
    done = asked(home, line)
    assert (done.returncode, done.stderr) == (0, "") and find_broker(home.paths) is None


def test_not_even_a_shell_that_asks_nonsense_gets_words_into_its_line(home: Home) -> None:
    environ = {"COMP_WORDS": "lofi", "COMP_CWORD": "nonsense", "_LOFI_COMPLETE": "zsh_complete"}
    done = home.run("lofi_cli.main", extra=environ)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
