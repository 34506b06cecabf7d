"""`lofi prompts --history`: what was asked for."""

from __future__ import annotations

import time

from lofi_cli import exits
from lofi_cli.asking import ask_to_delete
from lofi_cli.look import fitted
from lofi_cli.show import counted, json_line, printable
from lofi_client import Lofi


def show_history(words: str, *, limit: int, as_json: bool) -> str:
    """Lines of the prompts that hold all words, the last one first; none where there are none."""
    with Lofi.connect(name="lofi") as lofi:
        found = lofi.prompt_history(limit=limit, query=words)
    if as_json:
        return "".join(f"{json_line(each)}\n" for each in found.prompts)
    if not found.prompts:
        exits.tell("no prompts")
    if (more := found.total - len(found.prompts)) and len(found.prompts) == limit:
        exits.tell(f"… and {more} more (--limit)")
    lines = (
        f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(each.asked_at))} {each.asked:>4}×  "
        f"{printable(each.prompt)}"
        for each in found.prompts
    )
    return "".join(f"{fitted(line)}\n" for line in lines)


def forget_prompts(*, yes: bool, as_json: bool) -> str:
    with Lofi.connect(name="lofi") as lofi:
        if not yes:
            ask_to_delete(counted(lofi.prompt_history(limit=1).total, "prompt"))
        forgotten = lofi.clear_prompt_history().forgotten
    return f'{{"forgotten":{forgotten}}}' if as_json else f"{counted(forgotten, 'prompt')} forgotten"
