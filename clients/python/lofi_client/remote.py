"""A broker on another machine, named by LOFI_BROKER: `tcp://host:port/<its public key>`."""

from __future__ import annotations

import zmq
from zmq.utils import z85

from lofi_client.connection import Connection, CurveKeys
from lofi_common.errors import InvalidParams
from lofi_common.keys import Keys, parse_key, secret_key


def connect_to(address: str, keys: Keys) -> Connection:
    """Connect with this machine's own key. Raises InvalidParams for what is no address, KeyFileError."""
    endpoint, _, text = address.rpartition("/")
    broker = parse_key(text)
    if not endpoint.startswith("tcp://") or broker is None:
        raise InvalidParams(
            f"LOFI_BROKER={address} is no broker's address",
            recovery="Give tcp://host:port/key, the key as `lofi keys` shows it on the broker's machine.",
        )
    try:
        return Connection(endpoint, CurveKeys(client_secret(keys), broker))
    except zmq.ZMQError as error:
        raise InvalidParams(f"LOFI_BROKER={address}: {error}") from error


def client_secret(keys: Keys) -> bytes:
    """This machine's key as a client, made at first use."""
    keys.make()
    return secret_key(keys.client, lambda: z85.decode(zmq.curve_keypair()[1]))
