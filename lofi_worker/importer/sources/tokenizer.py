"""A checkpoint's tokenizer.json: read with care, and tried by a child process before it is believed."""

import signal
import subprocess
import sys
from pathlib import Path

import msgspec

from lofi_common.errors import ModelLoadFailed
from lofi_worker.importer.sources.files import read_small
from lofi_worker.importer.sources.refused import BadCheckpoint
from lofi_worker.importer.sources.try_tokenizer import REFUSED, TOO_MUCH

TRIAL = "lofi_worker.importer.sources.try_tokenizer"
MAX_TOKENIZER_BYTES = 32 * 2**20  # T5's has 2.4 MB
MAX_REASON = 300


class _Found(msgspec.Struct, frozen=True):
    """tokens: how many a text gave. largest: id in the vocabulary; -1 when it is empty."""

    tokens: int
    largest: int


def read_tokenizer(path: Path, vocab_size: int) -> bytes:
    """The file's content, whose tokens are all below `vocab_size`.

    Raises IncompleteCheckpoint when it can't be read, BadCheckpoint when it is no tokenizer, is one of
    another model, or takes more memory or time than any tokenizer needs; ModelLoadFailed when it could not
    be tried.
    """
    data = read_small(path, MAX_TOKENIZER_BYTES)
    found = _try(path, data)
    if not 0 <= found.largest < vocab_size:
        raise BadCheckpoint(f"{path} has the token {found.largest}, config.json tokens below {vocab_size}")
    if not found.tokens:
        raise BadCheckpoint(f"{path} makes no tokens of a text")
    return data


def _try(path: Path, data: bytes) -> _Found:
    trial = subprocess.run([sys.executable, "-P", "-m", TRIAL], input=data, capture_output=True)
    if trial.returncode == 0:
        return msgspec.json.decode(trial.stdout, type=_Found)
    said = trial.stderr.decode(errors="replace")
    if trial.returncode == -signal.SIGKILL:
        raise ModelLoadFailed(f"{path} could not be tried: something killed the trial")
    if trial.returncode < 0 or trial.returncode == TOO_MUCH:  # a limit of the trial's
        raise BadCheckpoint(f"{path} takes more memory or time than a tokenizer needs")
    if trial.returncode == REFUSED:
        raise BadCheckpoint(f"{path} is not a tokenizer that can be used: {_last(said)}")
    raise ModelLoadFailed(f"{path} could not be tried: {_last(said)}")


def _last(said: str) -> str:
    """The last line of a traceback, fit for a message."""
    lines = said.strip().splitlines() or [""]
    return "".join(char if char.isprintable() else " " for char in lines[-1][:MAX_REASON])
