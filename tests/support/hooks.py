"""Python that processes run before anything else, put into them from outside."""

from __future__ import annotations

import os
from pathlib import Path

FIRST_GENERATION_IS_1 = """
import secrets
chosen = secrets.randbits
secrets.randbits = lambda bits: 0 if bits == 48 else chosen(bits)
"""
"""For a broker whose first worker a test has to know by its name on the wire: w0.g1."""


def hooked(folder: Path, *code: str) -> dict[str, str]:
    """The environment of processes that run `code` as their sitecustomize, which is kept in `folder`."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("\n".join(code))
    path = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(path)}
