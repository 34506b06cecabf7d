"""What the Neovim plugin costs the editor.

    python -m benchmarks.nvim [--runs 21] [--jobs 10]

setup: `require("lofi").setup{…}`, loading included, in a new editor. start-up: `nvim --startuptime` with and
without the plugin, interleaved; and what it says of the plugin's file. statusline: one call while a track is
made. stalls: how late a timer of 2 ms comes while the editor does nothing else: before the plugin is used, at
its first use (the broker is started), and while tracks are made with the starter model. "own work" is the
processor time that the editor took from one tick to the next: the rest of a stall is the machine's.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.home import Home
from tests.support.nvim import PLUGIN, Editor, environment, nvim_path

IDLE_MS = 3000

_SETUP = """
local began = vim.uv.hrtime()
require("lofi").setup({ generate = { duration_sec = 20 }, progress = { backend = "echo" } })
return (vim.uv.hrtime() - began) / 1e6
"""

_STATUSLINE = """
local lofi, longest, count = require("lofi"), 0, 10000
local began = vim.uv.hrtime()
for _ = 1, count do
  local before = vim.uv.hrtime()
  lofi.statusline()
  longest = math.max(longest, vim.uv.hrtime() - before)
end
return { (vim.uv.hrtime() - began) / 1e6 / count, longest / 1e6, lofi.statusline() }
"""

_WATCH = """
local timer, last, last_cpu = assert(vim.uv.new_timer()), vim.uv.hrtime(), os.clock()
_G.late, _G.work = {}, {}
timer:start(2, 2, function()
  local now, cpu = vim.uv.hrtime(), os.clock()
  table.insert(_G.late, math.max(0, (now - last) / 1e6 - 2))
  table.insert(_G.work, (cpu - last_cpu) * 1e3)
  last, last_cpu = now, cpu
end)
"""

_IDLE = """
local channel, ms = ...
vim.defer_fn(function()
  vim.rpcnotify(channel, "idled", {})
end, ms)
"""

_JOBS = """
local first, last, seconds = ...
for number = first, last do
  require("lofi").generate({ prompt = "rainy night " .. number, duration_sec = seconds })
end
"""


@contextmanager
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="lofi-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def startup_ms(*, plugin: bool) -> tuple[float, float]:
    """(milliseconds of a whole start, those of the plugin's file)."""
    with folder() as root:
        report = root / "times"
        extra = ["--cmd", f"set runtimepath^={PLUGIN}"] if plugin else []
        subprocess.run(
            [nvim_path(), "--headless", "--clean", *extra, "--startuptime", str(report), "+qall!"],
            env=environment(root, {}),
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
        text = report.read_text()
    whole = [float(line.split()[0]) for line in text.splitlines() if "--- NVIM STARTED ---" in line]
    own = re.findall(r"^\S+\s+\S+\s+([\d.]+): sourcing .*clients/nvim/plugin/lofi.lua", text, re.MULTILINE)
    return max(whole), float(own[0]) if own else 0.0


def setup_ms() -> float:
    with folder() as root, Editor(root, {}) as editor:
        return float(editor.lua(_SETUP))


Ticks = tuple[list[float], list[float]]


def ticks(editor: Editor) -> Ticks:
    """(how late, own work) of each tick since the last time, in milliseconds."""
    late, work = editor.lua("local found = { _G.late, _G.work } _G.late, _G.work = {}, {} return found")
    return late, work


def stalls(jobs: int) -> tuple[dict[str, Ticks], list[Any]]:
    """Ticks by phase, and `_STATUSLINE`'s answer from the middle of the last one."""
    found = {}
    with folder() as root:
        home = Home(root, engine="onnx")
        with Editor(root / "editor", home.environ, options={}) as editor:
            editor.lua(_WATCH)
            editor.lua(_IDLE, editor.channel, IDLE_MS)
            editor.wait("idled")
            found["idle"] = ticks(editor)
            editor.lua(_JOBS, 0, 0, 5)
            editor.wait("LofiComplete")
            found["first use"] = ticks(editor)
            editor.lua(_JOBS, 1, jobs, 30)
            for number in range(1, jobs + 1):
                prompt = f"rainy night {number}"
                editor.wait("LofiComplete", lambda data, prompt=prompt: data["prompt"] == prompt, 300.0)
            found[f"{jobs} tracks"] = ticks(editor)
            editor.seen.clear()
            editor.lua(_JOBS, 0, 0, 120)
            editor.wait("LofiProgress")
            statusline = editor.lua(_STATUSLINE)
            editor.quit()
    return found, statusline


def spread(name: str, values: list[float], unit: str = "ms") -> str:
    ordered = sorted(values)
    return f"{name:24} median {statistics.median(ordered):8.3f} {unit}   {ordered[0]:.3f} … {ordered[-1]:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--jobs", type=int, default=10)
    arguments = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {arguments.runs} runs")
    pairs = [(startup_ms(plugin=False), startup_ms(plugin=True)) for _ in range(arguments.runs)]
    without, with_it = [pair[0][0] for pair in pairs], [pair[1][0] for pair in pairs]
    print(spread("setup", [setup_ms() for _ in range(arguments.runs)]))
    print(spread("start-up without", without))
    print(spread("start-up with", with_it))
    print(f"{'added, of medians':24} {statistics.median(with_it) - statistics.median(without):15.3f} ms")
    print(spread("plugin file", [pair[1][1] for pair in pairs]))
    found, (mean, longest, text) = stalls(arguments.jobs)
    print(f"{'statusline':24} mean {mean:10.4f} ms   longest {longest:.3f} ms   {text!r}")
    for phase, (late, work) in found.items():
        high = sorted(late)[int(0.99 * (len(late) - 1))]
        print(
            f"stalls, {phase:16} longest {max(late):7.2f} ms   99 % below {high:.2f} ms, {len(late)} ticks;"
            f" own work at most {max(work):.2f} ms"
        )


if __name__ == "__main__":
    main()
