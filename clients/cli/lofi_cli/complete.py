"""What the Tab key offers for arguments: read from disk where that is enough, else asked of a broker that
runs. Nothing is started, nothing is said, and it is over after a moment."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from lofi_client import Lofi

    Offered = list[CompletionItem[Any]]

_SHOWN = 200
"""Tracks at most, the newest ones."""
_HELP_CHARS = 60
_PATIENCE_SEC = 0.6
"""A process takes 0.1 to 0.3 s to start: together under a second."""


def track_ids(context: click.Context, parameter: click.Parameter, incomplete: str) -> Offered:
    """The library's tracks, newest first, with their prompts."""
    with _hurried():
        return _items(_library(), incomplete, given=context.params.get(parameter.name or ""))
    return []


def waiting_ids(context: click.Context, parameter: click.Parameter, incomplete: str) -> Offered:
    """What runs and what waits, with the prompts."""
    with _hurried():
        return _items(_waiting(), incomplete, given=context.params.get(parameter.name or ""))
    return []


def installed_models(context: click.Context, parameter: click.Parameter, incomplete: str) -> Offered:
    with _hurried():
        from lofi_common.paths import STARTER, find_paths

        folder = find_paths(os.environ).models
        there = sorted(path.parent.name for path in folder.glob("[!.]*/model.toml"))
        return _items(((name, "") for name in [STARTER, *there]), incomplete)
    return []


def catalogue_models(context: click.Context, parameter: click.Parameter, incomplete: str) -> Offered:
    """What `lofi models pull` knows by name."""
    with _hurried():
        from lofi_common.catalogue import catalogue_folder, read_catalogue

        entries = read_catalogue(catalogue_folder())
        return _items(((name, entry.description) for name, entry in entries.items()), incomplete)
    return []


def unfinished_models(context: click.Context, parameter: click.Parameter, incomplete: str) -> Offered:
    """What is being installed, or was interrupted."""
    with _hurried():
        from lofi_common.paths import find_paths

        folder = find_paths(os.environ).models / ".partial"
        return _items(((path.name, "") for path in sorted(folder.glob("[!.]*"))), incomplete)
    return []


def kinds_of_words(context: click.Context, parameter: click.Parameter, incomplete: str) -> Offered:
    with _hurried():
        from lofi_cli.prompts import read_words, selected_model

        words = read_words(selected_model())
        kinds = [*words.kinds, "examples"] if words else []
        return _items(((kind, "") for kind in kinds if " " not in kind), incomplete)
    return []


def setting_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> Offered:
    from lofi_common.config import setting_kinds

    return _items(((name, "") for name in setting_kinds()), incomplete)


def setting_values(context: click.Context, parameter: click.Parameter, incomplete: str) -> Offered:
    """The values of a setting that has few."""
    from typing import Literal, get_args, get_origin

    from lofi_common.config import setting_kinds

    kind = setting_kinds().get(str(context.params.get("name")))
    values = ("true", "false") if kind is bool else get_args(kind) if get_origin(kind) is Literal else ()
    return _items(((value, "") for value in values), incomplete)


def _items(found: Any, incomplete: str, given: Any = None) -> Offered:
    """`given`: what the command line has already; nobody wants it twice."""
    from click.shell_completion import CompletionItem

    from lofi_cli.look import cut
    from lofi_cli.show import printable

    return [
        CompletionItem(value, help=cut(printable(about), _HELP_CHARS) or None)
        for value, about in found
        if value.startswith(incomplete) and value not in (given or ())
    ]


def _library() -> Iterator[tuple[str, str]]:
    """Ids and prompts: of the broker where one runs, else of the files that it keeps beside the tracks."""
    with _connected() as lofi:
        if lofi is not None:
            yield from ((track.track_id, track.prompt) for track in lofi.tracks(limit=_SHOWN).tracks)
            return
    if not os.environ.get("LOFI_BROKER"):
        yield from _on_disk()


def _on_disk() -> Iterator[tuple[str, str]]:
    import msgspec

    from lofi_common.api import Track
    from lofi_common.paths import find_paths

    with os.scandir(find_paths(os.environ).tracks) as entries:
        files = [(entry.stat().st_mtime, entry.path) for entry in entries if entry.name.endswith(".json")]
    for _, path in sorted(files, reverse=True)[:_SHOWN]:
        with contextlib.suppress(OSError, msgspec.DecodeError), open(path, "rb") as file:
            track = msgspec.json.decode(file.read(), type=Track)
            yield track.track_id, track.prompt


def _waiting() -> Iterator[tuple[str, str]]:
    with _connected() as lofi:
        if lofi is not None:
            found = lofi.queue()
            if found.current is not None:
                yield found.current.track_id, found.current.prompt
            yield from ((job.track_id, job.prompt) for job in found.pending)


@contextlib.contextmanager
def _connected() -> Iterator[Lofi | None]:
    """The broker, where one runs and answers."""
    from lofi_client import Lofi
    from lofi_common.errors import BrokerUnavailable

    try:
        lofi = Lofi.connect(start=False, name="completion")
    except BrokerUnavailable:
        yield None
        return
    with lofi:
        yield lofi


@contextlib.contextmanager
def _hurried() -> Iterator[None]:
    """Give up what takes too long or can't be had: somebody is typing, and an error would be typed over."""
    from lofi_common.errors import LofiError

    signal.signal(signal.SIGALRM, lambda number, frame: os._exit(0))
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE_SEC)
    with contextlib.suppress(LofiError, OSError):
        yield
    signal.setitimer(signal.ITIMER_REAL, 0)
