"""The worker's IO thread: one socket to the broker, heartbeats that do not depend on inference."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable

import psutil
import zmq

from lofi_common import wire
from lofi_common.logs import fields
from lofi_common.messages import BrokerMessage, Cancel, Heartbeat, WorkerMessage

log = logging.getLogger(__name__)

HEARTBEAT_SEC = 0.5
_OUTBOX = "inproc://outbox"


class BrokerLink:
    """Messages from the broker arrive in `orders`; `send` may be called from one other thread."""

    def __init__(self, endpoint: str, identity: str) -> None:
        self.orders: queue.SimpleQueue[BrokerMessage] = queue.SimpleQueue()
        self.on_cancel: Callable[[], None] = lambda: None
        """Called in the IO thread when a cancel lies in `orders`, so that no long step keeps it waiting."""
        self._endpoint = endpoint
        self._identity = identity.encode()
        self._context = zmq.Context()
        self._outbox = self._context.socket(zmq.PAIR)
        self._outbox.bind(_OUTBOX)
        self._thread = threading.Thread(target=self._run, name="broker-link", daemon=True)
        self._thread.start()

    def send(self, message: WorkerMessage) -> None:
        self._outbox.send_multipart(wire.pack(message))

    def close(self) -> None:
        """Send what is waiting, then stop the thread."""
        self._outbox.send(b"")
        self._thread.join()
        self._outbox.close()
        self._context.term()

    def _run(self) -> None:
        """Ends the process when the link fails: nobody would hear of its work, and `send` would block."""
        try:
            self._carry()
        except Exception as error:
            try:
                print(f"the link to the broker failed: {error!r}", file=sys.stderr, flush=True)
            finally:
                os._exit(1)

    def _carry(self) -> None:
        """Send, hear and beat until `close`."""
        broker = self._context.socket(zmq.DEALER)
        broker.setsockopt(zmq.IDENTITY, self._identity)
        broker.setsockopt(zmq.LINGER, 1000)
        broker.setsockopt(zmq.MAXMSGSIZE, wire.MAX_BYTES)
        broker.connect(self._endpoint)
        outbox = self._context.socket(zmq.PAIR)
        outbox.connect(_OUTBOX)
        poller = zmq.Poller()
        poller.register(broker, zmq.POLLIN)
        poller.register(outbox, zmq.POLLIN)
        process = psutil.Process()
        due = time.monotonic()
        try:
            while True:
                ready = dict(poller.poll(max(0, round(1000 * (due - time.monotonic())))))
                if outbox in ready:
                    frames = outbox.recv_multipart()
                    if frames == [b""]:
                        return
                    broker.send_multipart(frames)
                if broker in ready:
                    self._receive(broker.recv_multipart())
                if time.monotonic() >= due:
                    broker.send_multipart(wire.pack(Heartbeat(rss=process.memory_info().rss)))
                    due = time.monotonic() + HEARTBEAT_SEC
        finally:
            outbox.close()
            broker.close()

    def _receive(self, frames: list[bytes]) -> None:
        try:
            order = wire.unpack_broker(frames)
        except wire.WireError as error:
            log.warning(fields("broker_message_dropped", reason=error))
            return
        self.orders.put(order)
        if isinstance(order, Cancel):
            self.on_cancel()
