"""The README's picture: a real session in a terminal (tmux), drawn as SVG (rich).

python docs/picture.py docs/terminal.svg 'lofi-submit "rainy night, …" -d 20 --seed 7' 'lofi tracks show 2d32'
python docs/picture.py docs/neovim.svg --keep --rows 12 'nvim radio.py' ':Lofi play' ':Lofi slow … 120'
"""

from __future__ import annotations

import argparse
import io
import subprocess
import time
from pathlib import Path

from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.terminal_theme import TerminalTheme

SESSION = "lofi-picture"
PROMPT = "$ "
_SETTLE_SEC = 1.0
THEME = TerminalTheme(
    (30, 30, 46),
    (205, 214, 244),
    [
        (69, 71, 90),
        (243, 139, 168),
        (166, 227, 161),
        (249, 226, 175),
        (137, 180, 250),
        (245, 194, 231),
        (148, 226, 213),
        (186, 194, 222),
    ],
)
SVG = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>{lines}</defs>
<rect width="{width}" height="{height}" rx="8" fill="#1e1e2e"/>
<g transform="translate(12, 10)">
{backgrounds}<g class="{unique_id}-matrix" xml:space="preserve">{matrix}</g>
</g>
</svg>
"""


def tmux(*arguments: str) -> str:
    done = subprocess.run(["tmux", *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def shown() -> str:
    return tmux("capture-pane", "-ep", "-t", SESSION)


def wait_for_prompt(timeout_sec: float) -> None:
    """Wait until the shell asks for the next command."""
    deadline = time.monotonic() + timeout_sec
    while not tmux("capture-pane", "-p", "-t", SESSION).rstrip("\n").endswith(PROMPT.strip()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"no prompt after {timeout_sec:g} s:\n{shown()}")
        time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("svg", type=Path)
    parser.add_argument("commands", nargs="+", help="typed one after the other")
    parser.add_argument("--keep", action="store_true", help="the first command goes on and takes the others")
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--rows", type=int, default=30)
    arguments = parser.parse_args()
    size = ["-x", str(arguments.columns), "-y", str(arguments.rows)]
    tmux("new-session", "-d", "-s", SESSION, *size, "env", f"PS1={PROMPT}", "bash", "--norc", "--noprofile")
    try:
        for command in arguments.commands:
            if not arguments.keep:
                wait_for_prompt(300)
            tmux("send-keys", "-t", SESSION, "-l", command)
            tmux("send-keys", "-t", SESSION, "Enter")
            time.sleep(_SETTLE_SEC)
        if not arguments.keep:
            wait_for_prompt(300)
        draw(shown(), arguments.columns, arguments.svg)
    finally:
        tmux("kill-session", "-t", SESSION)


def draw(screen: str, columns: int, svg: Path) -> None:
    """One terminal screen, with its ANSI colours."""
    lines = list(AnsiDecoder().decode(screen))
    while lines[-1].plain.strip() in ("", PROMPT.strip()):
        del lines[-1]
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True)
    for line in lines:
        console.print(line, no_wrap=True, crop=True)
    picture = console.export_svg(theme=THEME, code_format=SVG, unique_id="t")
    svg.write_text(picture.replace("&#160;", " "))


if __name__ == "__main__":
    main()
