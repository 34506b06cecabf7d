"""How a model takes the place of an installed one, brought to its end wherever it was cut off."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from pathlib import Path

from lofi_common.logs import fields

log = logging.getLogger(__name__)

REPLACED = "replaced"
"""In `.partial/<name>/`: the installed model, for the moment in which another takes its place."""


def settle(installed: Path, replaced: Path) -> None:
    """Take what was replaced away; back into its place, when nothing came there.

    Whoever calls it holds the model's lock. Raises OSError.
    """
    if not os.path.lexists(replaced):
        return
    if not os.path.lexists(installed):
        replaced.rename(installed)
    elif replaced.is_dir() and not replaced.is_symlink():
        shutil.rmtree(replaced)
    else:  # a link to where somebody moved the model, or a stray file
        replaced.unlink()


def settle_all(models: Path) -> None:
    """`settle` for every name that no installer works on. A disk that refuses is logged.

    models: the folder of installed models, there or not.
    """
    try:
        folders = sorted((models / ".partial").iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        log.warning(fields("exchanges_not_looked_for", models=models, reason=error))
        return
    for folder in folders:
        replaced = folder / REPLACED
        if not os.path.lexists(replaced):
            continue
        try:
            _settle_alone(models, folder.name, replaced)
        except BlockingIOError:
            continue  # its installer does that
        except OSError as error:
            log.warning(fields("exchange_not_settled", model=folder.name, reason=error))


def _settle_alone(models: Path, name: str, replaced: Path) -> None:
    """Raises BlockingIOError when an installer has the lock."""
    lock = models / ".lock"
    lock.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(lock / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        settle(models / name, replaced)
        log.info(fields("exchange_settled", model=name))
    finally:
        os.close(handle)
