"""Typed client of the broker over ZeroMQ: `with Lofi.connect() as lofi: ...`."""

from lofi_client.client import Lofi

__all__ = ["Lofi"]
