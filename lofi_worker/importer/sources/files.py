"""Files of a checkpoint, opened with care: real files only, small ones within a bound, large ones mapped."""

import mmap
import os
import stat
from pathlib import Path

from lofi_worker.importer.sources.refused import BadCheckpoint, IncompleteCheckpoint

MAX_FILE_BYTES = 64 * 2**30
PICKLE_STARTS = (
    b"PK\x03\x04",
    b"\x80\x02",
    b"\x80\x03",
    b"\x80\x04",
    b"\x80\x05",
)  # torch.save, old and older
PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".th", ".pkl")


def read_small(path: Path, most: int) -> bytes:
    """The whole file. Raises IncompleteCheckpoint when it can't be read, BadCheckpoint when it is larger."""
    with os.fdopen(_open(path), "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise BadCheckpoint(f"{path} is larger than {most} bytes: it is not what its name says")
    return data


def map_file(path: Path) -> memoryview:
    """The file's bytes, read-only, from the page cache; the view keeps the map alive.

    Raises IncompleteCheckpoint when it can't be read, BadCheckpoint when it is empty, too large or a pickle.
    """
    with os.fdopen(_open(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if not 0 < size <= MAX_FILE_BYTES:
            raise BadCheckpoint(f"{path} has {size} bytes: it is damaged")
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    if bytes(view[:4]).startswith(PICKLE_STARTS):
        raise BadCheckpoint(
            f"{path} is a pickle, and pickles can run any program: they are never opened",
            recovery="Take the checkpoint's safetensors or ONNX files.",
        )
    return view


def forget(view: memoryview) -> None:
    """Takes a mapped file's pages out of this process's memory; the system may keep them in its own."""
    if isinstance(view.obj, mmap.mmap):
        view.obj.madvise(mmap.MADV_DONTNEED)


def _open(path: Path) -> int:
    """Without waiting, as a FIFO would make it; and a regular file, or nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise IncompleteCheckpoint(
            f"the checkpoint's file {path} can't be read", details=str(error)
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadCheckpoint(f"{path} is not a regular file")
    return descriptor
