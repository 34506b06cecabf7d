"""A disk that does not answer, behind the path of a copy: its client is told, and nobody else waits."""

from __future__ import annotations

import os
from pathlib import Path

from lofi_broker.copies import THREADS
from tests.support.home import Home
from tests.support.stdio import Stdio

HANGS = """
import sys
if "lofi_broker" in sys.orig_argv:
    import os, time
    stat = os.stat
    def hang(path, *arguments, **named):
        while isinstance(path, (str, os.PathLike)) and "hung" in os.fspath(path):
            time.sleep(60)
        return stat(path, *arguments, **named)
    os.stat = hang
    class Impatient:
        def find_spec(self, name, path, target=None):
            if name == "lofi_broker.app":
                import lofi_broker.copies
                lofi_broker.copies.PATIENCE_SEC = 2.0
    sys.meta_path.insert(0, Impatient())
"""


def test_only_who_names_it_waits(home: Home) -> None:
    hook = home.root / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(HANGS)
    path = os.pathsep.join([str(hook), *filter(None, [os.environ.get("PYTHONPATH")])])
    with Stdio({**home.environ, "PYTHONPATH": path}) as broker:
        fine = broker.call("generate", prompt="x", duration_sec=5, output=str(home.root / "x.wav"))
        broker.wait("generation_complete", fine["track_id"])
        for number in range(THREADS):
            asked = {"prompt": "y", "duration_sec": 5, "output": str(home.root / f"hung{number}.wav")}
            broker.send({"jsonrpc": "2.0", "id": number, "method": "generate", "params": asked})
        for number in range(3):  # they are made meanwhile
            name = broker.call("generate", prompt="z", duration_sec=5, seed=number)["track_id"]
            assert Path(broker.wait("generation_complete", name)["path"]).exists()
        assert not any("id" in message and message["id"] in range(THREADS) for message in broker.seen)
        for number in range(THREADS):
            refused = broker.answer(number)["error"]["message"]
            assert "has not answered within 2 s" in refused
        assert broker.close() == 0  # though what hangs still does
