"""The bound on what one client may have under way, and that others have their own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import zmq.asyncio

from lofi_broker.client_link import ClientLink
from lofi_broker.sockets import local_router
from lofi_common import wire
from lofi_common.messages import Request, Response


async def _flood(endpoint: str) -> tuple[list[int], list[int], int]:
    """40 long requests and one of another client: (refused, answered in the end, the other's id)."""
    context = zmq.asyncio.Context()
    link = ClientLink(local_router(context, endpoint))
    go_on = asyncio.Event()

    async def slow(method: str, params: dict[str, object]) -> dict[str, object]:
        if method == "slow":
            await go_on.wait()
        return {}

    serving = asyncio.create_task(link.listen(slow))
    busy, other = context.socket(zmq.DEALER), context.socket(zmq.DEALER)

    async def take(socket: zmq.asyncio.Socket) -> Response:
        message = wire.unpack_front(await socket.recv_multipart())
        assert isinstance(message, Response)
        return message

    busy.connect(endpoint)
    other.connect(endpoint)
    for number in range(40):
        await busy.send_multipart(wire.pack(Request(id=number, method="slow")))
    refused = [await take(busy) for _ in range(8)]
    assert all(answer.error is not None and answer.error.name == "INVALID_REQUEST" for answer in refused)
    await other.send_multipart(wire.pack(Request(id=99, method="quick")))
    others = (await take(other)).id
    go_on.set()
    answered = [await take(busy) for _ in range(32)]
    await busy.send_multipart(wire.pack(Request(id=41, method="slow")))  # there is room again
    answered.append(await take(busy))
    assert all(answer.error is None for answer in answered)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    await link.close()
    busy.close(0)
    other.close(0)
    context.term()
    return [answer.id for answer in refused], [answer.id for answer in answered], others


def test_of_one_client_32_requests_may_be_under_way(short_tmp: Path) -> None:
    refused, answered, others = asyncio.run(_flood(f"ipc://{short_tmp}/clients.ipc"))
    assert refused == list(range(32, 40))
    assert sorted(answered) == [*range(32), 41] and others == 99


def test_subscribers_that_left_are_forgotten_without_events(short_tmp: Path) -> None:
    assert asyncio.run(_come_and_go(f"ipc://{short_tmp}/clients.ipc")) < 100


async def _come_and_go(endpoint: str) -> int:
    """How many subscribers are left of 250 that came and went."""
    context = zmq.asyncio.Context()
    link = ClientLink(local_router(context, endpoint))
    serving = asyncio.create_task(link.listen(_nothing))

    def come_and_go() -> None:
        with zmq.Context() as own:
            for _ in range(250):
                with own.socket(zmq.DEALER) as client:
                    client.connect(endpoint)
                    client.send_multipart(
                        wire.pack(Request(id=1, method="initialize", params={"events": True}))
                    )
                    client.recv_multipart()

    await asyncio.to_thread(come_and_go)
    left = len(link._subscribers)
    await _stop(link, serving)
    context.term()
    return left


async def _nothing(method: str, params: dict[str, object]) -> dict[str, object]:
    return {}


async def _stop(link: ClientLink, serving: asyncio.Task[None]) -> None:
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    await link.close()
