"""What `lofi keys` prints: the public keys by which machines know one another."""

from __future__ import annotations

import os

import msgspec

from lofi_cli.show import json_line, printable
from lofi_client.remote import client_secret
from lofi_client.sockets import public_key
from lofi_common.keys import secret_key
from lofi_common.paths import find_paths


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Public keys of this machine as hex digits, and the names of the clients that its broker lets in."""

    client: str
    broker: str | None
    """Null until the broker first listens on broker.tcp."""
    allowed_folder: str
    allowed: list[str]
    broken: list[str]
    """What is wrong with each file that was meant to let a client in and holds no key."""


def show_keys(*, as_json: bool) -> str:
    """This machine's keys, its own as a client made at first use. Raises KeyFileError."""
    keys = find_paths(os.environ).keys
    known = Known(
        client=public_key(client_secret(keys)).hex(),
        broker=public_key(secret_key(keys.broker)).hex() if keys.broker.exists() else None,
        allowed_folder=str(keys.allowed),
        allowed=keys.names(),
        broken=keys.broken(),
    )
    if as_json:
        return json_line(known)
    lines = [
        f"client: {known.client}",
        f"broker: {known.broker or 'has no key yet (made when it first listens on broker.tcp)'}",
        f"let in: {', '.join(known.allowed) or 'nobody'} ({known.allowed_folder}/<name>.key)",
    ]
    lines += [f"        {printable(reason)}" for reason in known.broken]
    return "\n".join(lines)
