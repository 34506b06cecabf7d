"""What waits for peers that do not read: bounded for each and for all, and it costs the others little."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import zmq
import zmq.asyncio

from lofi_broker.sockets import Outbox, local_router

LARGE = b"x" * 700_000
"""A page of the library, at its longest."""


class Silent:
    """Peers of a ROUTER that have said who they are, and never read."""

    def __init__(self, endpoint: str, stack: ExitStack, count: int) -> None:
        self.context = stack.enter_context(zmq.Context())
        self.context.setsockopt(zmq.MAX_SOCKETS, 2 * count + 10)
        self.sockets = []
        for number in range(count):
            peer = stack.enter_context(self.context.socket(zmq.DEALER))
            peer.setsockopt(zmq.LINGER, 0)
            peer.setsockopt(zmq.RCVHWM, 1)
            peer.setsockopt(zmq.RCVBUF, 4096)
            peer.setsockopt(zmq.IDENTITY, str(number).encode())
            peer.connect(endpoint)
            peer.send(b"here")
            self.sockets.append(peer)


async def _send_to_silent(endpoint: str, count: int, messages: int) -> tuple[list[tuple[bytes, str]], int]:
    """Who was lost, in order, and the most that waited for all."""
    context = zmq.asyncio.Context()
    router = local_router(context, endpoint)
    lost: list[tuple[bytes, str]] = []
    outbox = Outbox(router, lambda identity, reason: lost.append((identity, reason)))
    most = 0
    with ExitStack() as stack:
        Silent(endpoint, stack, count)
        peers = [(await router.recv_multipart())[0] for _ in range(count)]
        for number in range(messages):
            for peer in peers:
                if all(peer != gone for gone, _ in lost):
                    outbox.send(peer, [b"%d" % number, LARGE])
                    most = max(most, outbox.waiting_bytes)
        await outbox.close()
        router.close(0)
    context.term()
    return lost, most


def test_one_that_never_reads_loses_what_waits(short_tmp: Path) -> None:
    lost, most = asyncio.run(_send_to_silent(f"ipc://{short_tmp}/r", 1, 20))
    assert [identity for identity, _ in lost] == [b"0"] and most <= 5 << 20


def test_all_that_never_read_have_32_mib_together(short_tmp: Path) -> None:
    lost, most = asyncio.run(_send_to_silent(f"ipc://{short_tmp}/r", 12, 10))
    print(f"{most >> 20} MiB at most; lost: {lost[0]}")
    assert lost and "for all" in lost[0][1]
    assert (24 << 20) < most <= (33 << 20)


async def _lags(endpoint: str, count: int) -> list[float]:
    """How late the event loop is, in seconds, while `count` peers are behind."""
    context = zmq.asyncio.Context()
    router = local_router(context, endpoint)
    outbox = Outbox(router, lambda identity, reason: None)
    lags = []
    with ExitStack() as stack:
        Silent(endpoint, stack, count)
        peers = [(await router.recv_multipart())[0] for _ in range(count)]
        for peer in peers:
            for _ in range(80):
                outbox.send(peer, [b"x" * 5_000])
        assert outbox.waiting_bytes
        until = time.monotonic() + 2.0
        while time.monotonic() < until:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            lags.append(time.perf_counter() - began - 0.001)
        await outbox.close()
        router.close(0)
    context.term()
    return sorted(lags)


def test_three_hundred_that_are_stuck_do_not_hold_the_loop_up(short_tmp: Path) -> None:
    lags = asyncio.run(_lags(f"ipc://{short_tmp}/r", 300))
    p90 = lags[int(len(lags) * 0.90)]
    print(f"loop late by {1000 * p90:.1f} ms (p90), {1000 * lags[-1]:.1f} ms at most")
    assert p90 < 0.01


@pytest.mark.parametrize("size", [10, 300_000])
def test_who_reads_late_gets_everything_in_order(short_tmp: Path, size: int) -> None:
    async def burst() -> list[bytes]:
        context = zmq.asyncio.Context()
        router = local_router(context, f"ipc://{short_tmp}/r")
        outbox = Outbox(router, lambda identity, reason: pytest.fail(reason))
        with ExitStack() as stack:
            (late,) = Silent(f"ipc://{short_tmp}/r", stack, 1).sockets
            (identity, _) = await router.recv_multipart()
            for number in range(12):
                outbox.send(identity, [b"%d" % number, b"x" * size])
            await asyncio.sleep(0.2)
            heard = await asyncio.to_thread(lambda: [late.recv_multipart()[0] for _ in range(12)])
            await outbox.close()
            assert outbox.waiting_bytes == 0
            router.close(0)
        context.term()
        return heard

    assert asyncio.run(burst()) == [b"%d" % number for number in range(12)]
