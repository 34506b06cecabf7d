"""What the stdio front remembers of tracks that ended."""

from __future__ import annotations

import asyncio

from lofi_broker.jsonrpc import Call
from lofi_broker.stdio import StdioFront

END = ("generation_complete", {"track_id": "a"})


def test_an_end_that_comes_before_its_answer_counts_and_nothing_is_kept_of_it() -> None:
    async def ends_at_once(method: str, params: dict[str, object]) -> dict[str, object]:
        front.notify(*END)
        return {"track_id": "a", "status": "queued"}

    async def ask() -> None:
        await front._call(Call("generate", {}, 1))

    front = StdioFront(ends_at_once, 0, 1)
    front.notify(*END)  # nobody is asking: there is no answer that could come too late
    asyncio.run(ask())
    assert front._unfinished == set() and not front._witnesses
