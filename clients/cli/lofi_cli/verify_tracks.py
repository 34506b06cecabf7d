"""`lofi tracks verify`: are the library's files what they were when they were written?"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from lofi_cli import complete, exits

if TYPE_CHECKING:
    from lofi_client import Lofi
    from lofi_common.api_library import Problem, VerifyResult

_PAGE = 1000
_AT_ONCE_BYTES = 100_000_000
_AT_ONCE = 100
"""Read by one request: between two of them there is progress, and Ctrl-C ends it."""


@click.command()
@click.argument("track_ids", metavar="[ID]...", nargs=-1, shell_complete=complete.track_ids)
@click.option("--repair", is_flag=True, help="Drop what is damaged, write missing metadata again.")
@click.option("-y", "--yes", is_flag=True, help="Repair without a question.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: `tracks`, `bytes`, `problems`.")
def verify(track_ids: tuple[str, ...], repair: bool, yes: bool, as_json: bool) -> None:
    """Read tracks, all of them without an ID, and compare them with what was written.

    Also tells of files in the library's folder that belong to no track. Exit code 1 when something is wrong.
    --repair takes tracks whose file is damaged or gone out of the library; the same prompt and seed make
    them again. A file of another size stays, as its user may have changed it, and so does music without a
    track: `lofi tracks import` takes it in.
    """
    if yes and not repair:
        raise click.UsageError("--yes goes with --repair")
    with exits.reported():
        from lofi_cli.show import json_line
        from lofi_client import Lofi

        with Lofi.connect(name="lofi") as lofi:
            checked = _check(lofi, _chosen(lofi, track_ids), whole=not track_ids, as_json=as_json)
            if repair and checked.problems:
                checked = _repair(lofi, checked, yes=yes, as_json=as_json)
        click.echo(json_line(checked._asdict()) if as_json else _told(checked))
        left = [problem for problem in checked.problems if not problem.repaired]
        sys.exit(exits.JOB_FAILED if left else exits.OK)


class Checked(NamedTuple):
    """What was found."""

    tracks: int
    bytes: int
    problems: list[Problem]


def _chosen(lofi: Lofi, texts: Sequence[str]) -> dict[str, int]:
    """Ids, and bytes as far as they are known. The broker is not asked for each: one whose file is not whole
    would be forgotten."""
    if texts:
        from lofi_cli.ids import resolve_all

        return dict.fromkeys(resolve_all(lofi, texts), 0)
    found: dict[str, int] = {}
    total = 1
    while len(found) < total:
        page = lofi.tracks(limit=_PAGE, offset=len(found))
        if not page.tracks:
            break
        found |= {each.track_id: (each.bytes or 0) + (each.tokens_bytes or 0) for each in page.tracks}
        total = page.total
    return found


def _check(lofi: Lofi, sizes: dict[str, int], *, whole: bool, as_json: bool) -> Checked:
    from lofi_cli.bar import bar_wanted, close_bar, open_bar
    from lofi_common.units import human_bytes

    problems = lofi.verify_tracks().problems if whole else []
    done = size = 0
    bar: Any = open_bar("reading", len("reading")) if bar_wanted(as_json=as_json) else None
    try:
        for portion in _portions(sizes):
            for found in _results(lofi, portion, gone_matters=not whole):
                problems += found.problems
                done, size = done + found.tracks, size + found.bytes
            if bar is not None:
                bar.update(100 * done // len(sizes) - bar.pos, human_bytes(size))
    finally:
        if bar is not None:
            close_bar(bar)
    return Checked(tracks=done, bytes=size, problems=problems)


def _portions(sizes: dict[str, int]) -> Iterator[list[str]]:
    portion: list[str] = []
    for track_id in sizes:
        portion.append(track_id)
        if len(portion) == _AT_ONCE or sum(sizes[each] for each in portion) > _AT_ONCE_BYTES:
            yield portion
            portion = []
    if portion:
        yield portion


def _results(lofi: Lofi, portion: list[str], *, gone_matters: bool) -> Iterator[VerifyResult]:
    """gone_matters: raise InvalidTrackId for a track that is not there, instead of leaving it out, as it may
    have been deleted since it was listed."""
    from lofi_common.errors import InvalidTrackId

    try:
        yield lofi.verify_tracks(portion)
    except InvalidTrackId:
        if gone_matters:
            raise
        for track_id in portion:
            with contextlib.suppress(InvalidTrackId):
                yield lofi.verify_tracks([track_id])


def _repair(lofi: Lofi, checked: Checked, *, yes: bool, as_json: bool) -> Checked:
    from lofi_cli.asking import ask_to_go_on
    from lofi_cli.show import counted

    if not as_json:
        click.echo(_table(checked.problems))
    if not yes:
        ask_to_go_on(f"Repair {counted(len(checked.problems), 'problem')}?", "nothing was repaired")
    wrong = list(dict.fromkeys(each.track_id for each in checked.problems if each.what != "orphan"))
    problems = [
        problem
        for start in range(0, len(wrong), _AT_ONCE)
        for problem in lofi.verify_tracks(wrong[start : start + _AT_ONCE], repair=True).problems
    ]
    if any(problem.what == "orphan" for problem in checked.problems):
        problems += lofi.verify_tracks(repair=True).problems
    return checked._replace(problems=problems)


def _told(checked: Checked) -> str:
    from lofi_cli.show import counted
    from lofi_common.units import human_bytes

    what = f"{counted(checked.tracks, 'track')}, {human_bytes(checked.bytes)}"
    if not checked.problems:
        return f"{what}: all as they were written"
    return f"{_table(checked.problems)}\n{what}: {counted(len(checked.problems), 'problem')}"


def _state(problem: Problem) -> str:
    """What is wrong, or what was done about it."""
    if not problem.repaired:
        return problem.what
    if problem.file.endswith(".json") and problem.what != "orphan":
        return "repaired"
    return "deleted" if problem.file.endswith((".json", ".tokens")) else "taken out"


def _table(problems: Sequence[Problem]) -> str:
    from lofi_cli.look import fitted
    from lofi_cli.show import printable

    widest = max(len(problem.file) for problem in problems)
    return "\n".join(
        fitted(f"{problem.file:<{widest}}  {_state(problem):<10}  {printable(problem.message)}")
        for problem in problems
    )
