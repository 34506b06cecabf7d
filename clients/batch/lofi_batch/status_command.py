"""`lofi-batch status DIR`: how far a batch is, while it runs and after it was killed."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from lofi_cli import exits
from lofi_cli.group import HELP


@click.command(context_settings=HELP)
@click.argument("folder", metavar="DIR")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per batch, or shard, on stdout.")
def status(folder: str, as_json: bool) -> None:
    """Tell how far the batch in DIR is, or its shards: rows that are there, failed, still to be made; since
    when and how fast it goes, and whether a run is at work. Exit code 2: there is no batch in DIR.
    """
    with exits.reported():
        import time

        from lofi_batch.manifest import ManifestError
        from lofi_batch.status import shards_in, status_of, words_of
        from lofi_cli.show import json_line

        try:
            shards = shards_in(Path(folder))
            found = [status_of(Path(folder), shard, time.time()) for shard in shards]
        except OSError as error:
            raise click.UsageError(f"{error.filename or folder} can't be read: {error.strerror}") from error
        except ManifestError as error:
            sys.exit(exits.fail(error.name, str(error), error.recovery, code=exits.USAGE))
        if not found:
            raise click.UsageError(f"{folder} has no batch")
        for each in found:
            print(json_line(each) if as_json else "\n".join(words_of(each)))
