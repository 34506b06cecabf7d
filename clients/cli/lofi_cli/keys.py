"""What `lofi keys` prints: the public keys by which machines know one another."""

from __future__ import annotations

import os

from lofi_cli.show import printable
from lofi_client.remote import client_secret
from lofi_client.sockets import public_key
from lofi_common.keys import secret_key
from lofi_common.paths import find_paths


def show_keys() -> str:
    """This machine's keys, its own as a client made at first use. Raises KeyFileError."""
    keys = find_paths(os.environ).keys
    lines = [f"client: {public_key(client_secret(keys)).hex()}"]
    if keys.broker.exists():
        lines.append(f"broker: {public_key(secret_key(keys.broker)).hex()}")
    else:
        lines.append("broker: has no key yet (made when it first listens on broker.tcp)")
    lines.append(f"let in: {', '.join(keys.names()) or 'nobody'} ({keys.allowed}/<name>.key)")
    lines += [f"        {printable(reason)}" for reason in keys.broken()]
    return "\n".join(lines)
