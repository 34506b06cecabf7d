"""`lofi tracks`: list, look at, hear, mark, copy and remove the tracks of the library."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lofi_cli import complete, exits, import_tracks, marks, playing, verify_tracks
from lofi_cli.group import FORMATS, HELP, ListingGroup
from lofi_cli.look import colour_wanted

if TYPE_CHECKING:
    from lofi_client import Lofi
    from lofi_common import api


class _Tracks(ListingGroup):
    def advice(self, ctx: click.Context, name: str) -> str:
        return super().advice(ctx, name) or " To look for it in prompts: `lofi tracks list WORDS`."


@click.group(cls=_Tracks, context_settings=HELP)
def tracks() -> None:
    """List, look at, hear, mark, import, copy and remove finished tracks.

    Without a command: list. An ID may be cut short while it means one track.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # prompts in any script


tracks.add_command(playing.play)
for _command in (marks.fav, marks.unfav, marks.tag, marks.untag):
    tracks.add_command(_command)
for _command in (import_tracks.import_, verify_tracks.verify):
    tracks.add_command(_command)


@tracks.command("list")
@click.argument("words", nargs=-1)
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, newest first."
)
@click.option("--favourites", is_flag=True, help="Those alone.")
@click.option("--tag", default="", metavar="TAG", help="Only tracks that have this tag.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per track.")
def list_(words: tuple[str, ...], limit: int, favourites: bool, tag: str, as_json: bool) -> None:
    """List the library's tracks, or those that hold all WORDS.

    They are looked for in prompts, tags and names of models, in any order; parts of words are enough, case
    and accents don't count. A favourite has a star, tags stand in brackets.
    """
    from lofi_cli.show_tracks import show_tracks
    from lofi_client import Lofi

    with exits.reported(), Lofi.connect(name="lofi") as lofi:
        found = lofi.tracks(limit=limit, query=" ".join(words), favourites=favourites, tag=tag)
        if found.tracks:
            click.echo(show_tracks(found, as_json=as_json))
        else:
            exits.tell("no tracks")


@tracks.command()
@click.argument("track_id", metavar="ID", shell_complete=complete.track_ids)
@click.option(
    "--width",
    type=click.IntRange(10, 1000),
    help="Columns of the waveform.  [default: the terminal's, 100 at most]",
)
@click.option(
    "--spectrogram",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.png",
    help="Write a picture of its frequencies over time.",
)
@click.option("-f", "--force", is_flag=True, help="Replace that picture if there is one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, with the waveform as `peaks`.")
def show(track_id: str, width: int | None, spectrogram: Path | None, force: bool, as_json: bool) -> None:
    """Show all that is known of a track, and its waveform."""
    if force and spectrogram is None:
        raise click.UsageError("--force goes with --spectrogram")
    if spectrogram is not None and spectrogram.suffix.lower() != ".png":
        raise click.UsageError("--spectrogram writes a PNG picture: its name ends in .png")
    with exits.reported():
        from lofi_cli.ids import resolve
        from lofi_cli.show_tracks import track_json, track_text, width_of_output
        from lofi_client import Lofi

        with Lofi.connect(name="lofi") as lofi:
            track = lofi.track(resolve(lofi, track_id))
        heights = _peaks(track, width or width_of_output())
        if spectrogram is not None:
            from lofi_cli.picture import write_picture

            spectrogram = spectrogram.expanduser().absolute()
            write_picture(track, spectrogram, force=force)
        told = track_json if as_json else track_text
        click.echo(told(track, heights, spectrogram), color=colour_wanted())


def _peaks(track: api.Track, columns: int) -> list[float]:
    """The waveform of a finished track on this machine; what there is none of is told on stderr."""
    from lofi_client.client import BROKER_VARIABLE

    if track.path is None:
        return []
    if os.environ.get(BROKER_VARIABLE) and not os.path.exists(track.path):
        exits.tell("no waveform: the file lies on the broker's machine")
        return []
    from lofi_cli.audio import opened, peaks

    with opened(track) as file:
        return peaks(file, columns)


_FADE = click.FloatRange(0, 600)


def _path(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if value in ("", "-"):
        raise click.BadParameter("give the path of a file or folder")
    return value


@tracks.command()
@click.argument("track_ids", metavar="ID...", nargs=-1, required=True, shell_complete=complete.track_ids)
@click.option("-o", "--output", required=True, callback=_path, help="File, or folder, to write to.")
@click.option(
    "--format", "kind", type=click.Choice(FORMATS), help="[default: as the file's name ends, else its own]"
)
@click.option(
    "--loudness",
    type=click.FloatRange(-60, 0),
    metavar="LUFS",
    help="Make it as loud as that (EBU R 128), as far as no sample exceeds -1 dBFS; -14 is usual.",
)
@click.option("--fade-in", type=_FADE, metavar="SECONDS", default=0.0, help="Begin softly.")
@click.option("--fade-out", type=_FADE, metavar="SECONDS", default=0.0, help="End softly.")
@click.option("-f", "--force", is_flag=True, help="Replace files that are there.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per file.")
def export(
    track_ids: tuple[str, ...],
    output: str,
    kind: str | None,
    loudness: float | None,
    fade_in: float,
    fade_out: float,
    force: bool,
    as_json: bool,
) -> None:
    """Copy tracks out of the library, in another format where that is wanted.

    The prompt, the seed and the model are written into the file, except into a track that is OGG and
    stays so: it is copied as it is. Loudness and fades are those of the copy, which is encoded anew.
    """
    with exits.reported():
        import msgspec

        from lofi_cli.export import export as export_one
        from lofi_cli.export import plan
        from lofi_cli.shape import Shape
        from lofi_client import Lofi

        shape = Shape(loudness, fade_in, fade_out)
        exits.end_on_sigterm()
        with Lofi.connect(name="lofi") as lofi:
            planned = plan(_finished(lofi, track_ids), output, kind, force=force)
            installed = lofi.models().models
        licences = {model.model_version: model.license for model in installed if model.model_version}
        for wanted in planned:
            shaper = export_one(wanted, licences, force=force, shape=shape)
            if shaper is not None and shaper.missed_lu:
                exits.tell(shaper.told(wanted.track))
            told = {"track_id": wanted.track.track_id, "path": str(wanted.path), "format": wanted.format}
            click.echo(msgspec.json.encode(told).decode() if as_json else wanted.path)


@tracks.command("rm")
@click.argument("track_ids", metavar="ID...", nargs=-1, shell_complete=complete.track_ids)
@click.option("--all", "every", is_flag=True, help="The whole library, favourites too.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: `deleted`, how many.")
def remove(track_ids: tuple[str, ...], every: bool, yes: bool, as_json: bool) -> None:
    """Delete tracks from the library; copies elsewhere stay.

    What can't be deleted is told, and the others are. The same prompt and seed make a track again.
    """
    if every == bool(track_ids):
        raise click.UsageError("give the IDs of the tracks, or --all")
    from lofi_client import Lofi

    with exits.reported(), Lofi.connect(name="lofi") as lofi:
        if every:
            if not yes:
                _ask(lofi, [])
            _tell_deleted(lofi.clear_tracks().deleted, as_json=as_json)
        else:
            sys.exit(_remove_some(lofi, track_ids, yes=yes, as_json=as_json))


def _remove_some(lofi: Lofi, texts: Sequence[str], *, yes: bool, as_json: bool) -> int:
    """The exit code."""
    from lofi_common.errors import InvalidTrackId

    code = exits.OK
    found: dict[str, api.Track] = {}
    for text in texts:
        try:
            found |= {track.track_id: track for track in _finished(lofi, [text])}
        except InvalidTrackId as error:
            code = exits.fail_with(error)
    if not found:
        return code
    if not yes:
        _ask(lofi, list(found.values()))
    deleted = 0
    try:
        for track_id in found:
            try:
                lofi.delete_track(track_id)
                deleted += 1
            except InvalidTrackId as error:  # somebody else was faster
                code = exits.fail_with(error)
    finally:
        _tell_deleted(deleted, as_json=as_json)
    return code


def _tell_deleted(number: int, *, as_json: bool) -> None:
    from lofi_cli.show import counted

    click.echo(f'{{"deleted":{number}}}' if as_json else f"{counted(number, 'track')} deleted")


def _ask(lofi: Lofi, found: list[api.Track]) -> None:
    """Leave unless the answer is yes; without a terminal only --yes is one. found: none means all."""
    from lofi_cli.asking import ask_to_delete
    from lofi_cli.show import counted, printable
    from lofi_common.units import human_bytes

    stats = lofi.stats()
    number = len(found) or stats.tracks
    size = sum(track.bytes or 0 for track in found) if found else stats.bytes
    what = f'"{printable(found[0].prompt)}"' if len(found) == 1 else counted(number, "track")
    ask_to_delete(f"{what}, {human_bytes(size)}")


def _finished(lofi: Lofi, texts: Iterable[str]) -> list[api.Track]:
    """The tracks meant by ids or their beginnings. Raises InvalidTrackId for one that has no file yet."""
    from lofi_cli.ids import resolve_all
    from lofi_common.errors import InvalidTrackId

    found = [lofi.track(track_id) for track_id in resolve_all(lofi, texts)]
    for track in found:
        if track.path is None:
            raise InvalidTrackId(f"track {track.track_id} is not in the library: it is {track.status}")
    return found
