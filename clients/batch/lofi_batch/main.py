"""`lofi-batch prompts.csv -o DIR`: hundreds of tracks, resumed where they were left off."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

import lofi_common
from lofi_cli import exits
from lofi_cli.group import FORMATS, HELP

if TYPE_CHECKING:
    from lofi_batch.plan import Defaults, Row
    from lofi_batch.prompts import Form, Wrong


@click.command(context_settings=HELP)
@click.version_option(lofi_common.__version__, prog_name="lofi")
@click.argument("prompts", metavar="PROMPTS.{txt,csv,jsonl}")
@click.option(
    "-o", "--output", required=True, metavar="DIR", help="Folder for the tracks and manifest.jsonl."
)
@click.option("--format-in", type=click.Choice(["txt", "csv", "jsonl"]), help="[default: by name or content]")
@click.option("-d", "--duration", type=int, default=30, show_default=True, help="Seconds, 5 to 120.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Base of all seeds.")
@click.option("--model", help="Model to use.  [default: the selected one]")
@click.option("--format", "kind", type=click.Choice(FORMATS), default="wav", show_default=True)
@click.option("--slots", type=click.IntRange(1, 64), help="Tracks side by side.  [default: the broker's]")
@click.option("--shard", default="1/1", metavar="I/N", help="Only every N-th row, from the I-th on.")
@click.option(
    "--retries", type=click.IntRange(0, 100), default=2, show_default=True, help="Of a track that fails."
)
@click.option("--no-library", is_flag=True, help="Keep the tracks in DIR only, not in the library too.")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="This user's broker, or a Ray cluster.",
)
@click.option(
    "--address", metavar="ADDRESS", help="auto, ray://HOST:PORT or HOST:PORT.  [default: this machine]"
)
@click.option("--tracks", metavar="URL", help="Where all nodes put tracks, by fsspec.  [default: DIR]")
@click.option("--model-url", metavar="URL", help="A model's folder, for nodes that have not got it.")
@click.option(
    "--actors", type=click.IntRange(1, 100_000), help="At most.  [default: all that there is room for]"
)
@click.option("--cores-per-actor", type=click.IntRange(1, 1024), help="[default: 1]")
@click.option("--gpus-per-actor", type=click.FloatRange(0, 64), help="[default: none]")
@click.option("-f", "--force", is_flag=True, help="Make changed rows anew, replace files in the way.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be made, and make nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
def batch(
    prompts: str,
    output: str,
    format_in: Form | None,
    duration: int,
    seed: int,
    model: str | None,
    kind: str,
    slots: int | None,
    shard: str,
    retries: int,
    no_library: bool,
    engine: str,
    address: str | None,
    tracks: str | None,
    model_url: str | None,
    actors: int | None,
    cores_per_actor: int | None,
    gpus_per_actor: float | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Turn each prompt of a file ("-" is stdin) into a track in DIR.

    The same command goes on where an earlier one ended, whatever ended it: rows that are there are not made
    again, rows that failed are tried again. Ctrl-C stops in order. Exit code 0: all rows are there, 1: some
    failed, 2: wrong usage or wrong rows, 3: no broker or no cluster, 130: interrupted.

    `lofi-batch status DIR` tells how far one is; a file of prompts of that name is ./status.
    """
    # Imported in here so that --help and usage errors come at once.
    with exits.reported():
        from lofi_batch.command import make, show_plan
        from lofi_batch.local import Options
        from lofi_batch.local_means import local
        from lofi_batch.plan import Defaults, parse_shard
        from lofi_batch.ray_means import ray
        from lofi_batch.ray_options import RayOptions
        from lofi_client.client import BROKER_VARIABLE
        from lofi_common.jobs import AudioFormat

        try:
            part = parse_shard(shard)
        except ValueError as error:
            raise click.UsageError(f"--shard: {error}") from error
        if engine == "local":
            _only_for_ray(address, tracks, model_url, actors, cores_per_actor, gpus_per_actor)
        elif no_library:
            raise click.UsageError("--no-library is for --engine local: Ray's tracks are in no library")
        if engine == "local" and os.environ.get(BROKER_VARIABLE) and not dry_run:
            raise click.UsageError(
                "LOFI_BROKER names another machine, where the tracks would lie: run lofi-batch there"
            )
        most_sec = _most_sec(engine)
        if _is_given("duration"):  # once for all rows that leave it open
            _check_duration(duration, most_sec)
        defaults = Defaults(duration_sec=duration, seed=seed, model=model, format=AudioFormat(kind))
        rows = [row for row in _rows(prompts, format_in, defaults, most_sec) if part.has(row.row)]
        folder = Path(output)
        if engine == "ray":
            on_ray = RayOptions(
                address=address,
                actors=actors,
                cores=cores_per_actor or 1,
                gpus=gpus_per_actor or 0.0,
                slots=slots,
                model=model,
                model_url=model_url,
                retries=retries,
            )
            means = ray(folder, tracks, part, on_ray)
        else:
            means = local(folder, Options(slots=slots, model=model, retries=retries, keep=not no_library))
        if dry_run:
            sys.exit(show_plan(folder, part, rows, means, as_json=as_json))
        sys.exit(make(folder, part, rows, means, force=force, as_json=as_json, quiet=quiet))


def _only_for_ray(*options: object) -> None:
    """Raises UsageError when one of them was given."""
    if any(option is not None for option in options):
        raise click.UsageError(
            "--address, --tracks, --model-url, --actors, --cores-per-actor and --gpus-per-actor are for"
            " --engine ray"
        )


def _is_given(option: str) -> bool:
    """Whether the command line has it."""
    source = click.get_current_context().get_parameter_source(option)
    return source is not click.core.ParameterSource.DEFAULT


def _most_sec(engine: str) -> int | None:
    """The longest track that may be asked for; None where that is not known."""
    from lofi_client.client import BROKER_VARIABLE
    from lofi_common.config import ConfigError, load_config
    from lofi_common.paths import find_paths

    if engine == "local" and os.environ.get(BROKER_VARIABLE):
        return None  # another machine's broker has it
    try:
        return load_config(find_paths(os.environ).config_file, os.environ).queue.max_duration_sec
    except ConfigError:  # told by what can't start with it; a broker that runs goes on
        return None


def _check_duration(duration: int, most_sec: int | None) -> None:
    """Raises InvalidDuration for a -d that no row can have."""
    from lofi_batch.plan import allowing
    from lofi_common.errors import InvalidDuration
    from lofi_common.jobs import MAX_DURATION_SEC, MIN_DURATION_SEC

    most = MAX_DURATION_SEC if most_sec is None else most_sec
    if MIN_DURATION_SEC <= duration <= most:
        return
    if duration < MIN_DURATION_SEC:
        advice = f"The shortest track has {MIN_DURATION_SEC} s."
    elif duration > MAX_DURATION_SEC:
        advice = f"Ask for less: at most {MAX_DURATION_SEC} s can be allowed."
    else:
        advice = allowing(duration)
    words = f"-d must be a whole number from {MIN_DURATION_SEC} to {most}, not {duration}"
    raise InvalidDuration(words, recovery=advice)


def _rows(prompts: str, form: Form | None, defaults: Defaults, most_sec: int | None) -> list[Row]:
    """The rows of all shards. Leaves with the list of those that are wrong, if any is."""
    from lofi_batch.plan import make_plan
    from lofi_batch.prompts import Wrong, form_of, read_prompts

    try:
        data = sys.stdin.buffer.read() if prompts == "-" else Path(prompts).read_bytes()
    except OSError as error:
        raise click.UsageError(f"{prompts} can't be read: {error.strerror}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(prompts, [Wrong(data.count(b"\n", 0, error.start) + 1, "not UTF-8")])
    rows, wrong = make_plan(read_prompts(text, form or form_of(prompts, text)), defaults, most_sec)
    if wrong:
        _refuse(prompts, sorted(wrong))
    if not rows:
        raise click.UsageError(f"{prompts} has no prompts")
    return rows


def _refuse(prompts: str, wrong: Sequence[Wrong]) -> NoReturn:
    """Name every wrong row and leave."""
    from lofi_batch.plan import allowing
    from lofi_cli.show import counted, printable

    name = "stdin" if prompts == "-" else prompts
    words = f"{name} has {counted(len(wrong), 'wrong row')}; nothing was made"
    lines = [f"line {each.line}: {printable(each.reason)}" for each in wrong]
    limit_sec = max(each.limit_sec for each in wrong)
    if limit_sec:
        lines.append(allowing(limit_sec))
    if exits.wants_json():
        sys.exit(exits.fail("INVALID_PARAMS", words, "; ".join(lines)))
    exits.fail("INVALID_PARAMS", words)
    for line in lines:
        print(f"      {line}", file=sys.stderr)
    sys.exit(exits.USAGE)


def main() -> None:
    if sys.argv[1:2] == ["status"]:
        from lofi_batch.status_command import status

        del sys.argv[1]
        exits.run(status, "lofi-batch status")
    exits.run(batch, "lofi-batch")


if __name__ == "__main__":
    main()
