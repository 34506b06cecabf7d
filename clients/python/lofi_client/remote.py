"""Where a broker listens: on this machine, or on another one that LOFI_BROKER names."""

from __future__ import annotations

from typing import NamedTuple

import zmq
from zmq.utils import z85

from lofi_client.launch import find_broker
from lofi_common.broker_file import BrokerFile
from lofi_common.errors import BrokerUnavailable, InvalidParams
from lofi_common.keys import Keys, parse_key, secret_key
from lofi_common.paths import Paths

BROKER_VARIABLE = "LOFI_BROKER"
"""Holds `tcp://host:port/<the broker's public key>`."""


class CurveKeys(NamedTuple):
    """What a TCP connection is encrypted with: our secret key and the broker's public one, 32 bytes each."""

    secret: bytes
    broker: bytes


class Address(NamedTuple):
    """Where to connect, and what to say when nobody answers there."""

    endpoint: str
    keys: CurveKeys | None = None
    silent: str = "the broker does not answer"
    advice: str | None = None

    def unanswered(self, error: BrokerUnavailable) -> BrokerUnavailable:
        """`error`: what the first request met with."""
        return BrokerUnavailable(self.silent, details=str(error), recovery=self.advice)


def find_address(paths: Paths, elsewhere: str | None) -> Address | None:
    """The broker that LOFI_BROKER names in `elsewhere`, or this user's; None when that does not run.

    Raises InvalidParams, KeyFileError.
    """
    if elsewhere:
        return remote_address(elsewhere, paths.keys)
    found = find_broker(paths)
    return None if found is None else local_address(found)


def local_address(found: BrokerFile) -> Address:
    return Address(
        found.endpoint,
        silent=f"broker, pid {found.pid}, runs but does not answer",
        advice=f"Try again in a moment. If that does not help, `kill -9 {found.pid}` ends it; accepted"
        " tracks are kept, and the next command starts another.",
    )


def remote_address(text: str, keys: Keys) -> Address:
    """What LOFI_BROKER names, with this machine's own key. Raises InvalidParams for what is no address,
    KeyFileError."""
    endpoint, _, key = text.rpartition("/")
    broker = parse_key(key)
    if not endpoint.startswith("tcp://") or broker is None:
        raise InvalidParams(
            f"LOFI_BROKER={text} is no broker's address",
            recovery="Give tcp://host:port/key, the key as `lofi keys` shows it on the broker's machine.",
        )
    return Address(
        endpoint,
        CurveKeys(client_secret(keys), broker),
        silent=f"the broker at {text} did not answer",
        advice="Look whether one runs there, and whether LOFI_BROKER has its address and port.",
    )


def client_secret(keys: Keys) -> bytes:
    """This machine's key as a client, made at first use."""
    keys.make()
    return secret_key(keys.client, lambda: z85.decode(zmq.curve_keypair()[1]))
