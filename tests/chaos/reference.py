"""The bytes that each request of the pool gives when nobody disturbs the run."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lofi_common.api import GenerationComplete
from tests.chaos.requests import dies, pool
from tests.chaos.stage import Stage

_TRACK_SEC = 60.0


def undisturbed(engine: str) -> dict[str, str]:
    """sha256 of each track's file by track id, made by one broker that is left alone."""
    stage = Stage(engine, own=False)
    broker = stage.serve()
    found = {}
    with stage.connect() as lofi:
        for request in pool(engine):
            if dies(request.prompt):
                continue
            accepted = lofi.submit(request)
            *_, ended = lofi.follow(accepted, _TRACK_SEC)
            assert isinstance(ended, GenerationComplete), ended
            found[accepted.track_id] = hashlib.sha256(Path(ended.path).read_bytes()).hexdigest()
        lofi.shutdown()
    broker.end()
    stage.close(keep=False)
    return found
