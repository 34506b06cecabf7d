"""`lofi models`: see, install, check, choose and remove models."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lofi_cli import complete, exits
from lofi_cli.group import HELP, ListingGroup

if TYPE_CHECKING:
    from lofi_cli.watch_install import InstallWatcher
    from lofi_client import Lofi
    from lofi_common.api_models import ModelDownloadParams
    from lofi_common.errors import ConsentRequired

PRECISIONS = ("fp32", "fp16", "int8", "int4", "mixed")


@click.group(cls=ListingGroup, context_settings=HELP)
def models() -> None:
    """See, install, check, choose and remove models.

    Without a command: list.
    """


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per model.")
def list_(as_json: bool) -> None:
    """List the installed models and the catalogue.

    * marks the selected one, which makes the tracks that name no model.
    """
    from lofi_cli.show_models import show_models
    from lofi_client import Lofi

    with exits.reported(), Lofi.connect(name="lofi") as lofi:
        click.echo(show_models(lofi.models(), as_json=as_json))


_name = click.option("--name", help="What to call it.  [default: from its source]")
_precision = click.option(
    "--precision", type=click.Choice(PRECISIONS), help="How to store the weights.  [default: mixed]"
)
_replace = click.option("--replace", is_flag=True, help="Replace the installed model of that name.")
_yes = click.option("--yes", is_flag=True, help="Agree to the licence and the download without being asked.")
_as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object per line on stdout.")


@models.command()
@click.argument("model", shell_complete=complete.catalogue_models)
@_name
@_precision
@_replace
@_yes
@_as_json
def pull(
    model: str, name: str | None, precision: str | None, replace: bool, yes: bool, as_json: bool
) -> None:
    """Download and install MODEL.

    MODEL is a name of the catalogue, or OWNER/NAME[@REVISION][:FOLDER] of the Hub.
    What has arrived before is not fetched again. Ctrl-C stops it.
    """
    _install(model, name=name, precision=precision, replace=replace, yes=yes, as_json=as_json)


@models.command("import")
@click.argument("path_or_repo", type=click.Path())
@_name
@_precision
@_replace
@_yes
@_as_json
def import_(
    path_or_repo: str, name: str | None, precision: str | None, replace: bool, yes: bool, as_json: bool
) -> None:
    """Install a checkpoint from a folder, or from the Hub.

    The folder holds config.json, tokenizer.json and model.safetensors, or an ONNX export of Optimum's.
    """
    folder = os.path.expanduser(path_or_repo)
    source = str(Path(folder).resolve()) if os.path.isdir(folder) else path_or_repo
    _install(source, name=name, precision=precision, replace=replace, yes=yes, as_json=as_json)


@models.command()
@click.argument("model", required=False, shell_complete=complete.installed_models)
@click.option("--full", is_flag=True, help="Load it and run some steps as well.")
@_as_json
def verify(model: str | None, full: bool, as_json: bool) -> None:
    """Check the files of MODEL, or of the selected one.

    They are compared with the SHA-256 that each had when it was installed.
    """
    from lofi_cli.show_models import show_verified
    from lofi_client import Lofi

    with exits.reported(), Lofi.connect(name="lofi") as lofi:
        result = lofi.verify_model(model, full=full)
        click.echo(show_verified(result, as_json=as_json))
        sys.exit(exits.OK if result.ok else exits.JOB_FAILED)


@models.command("use")
@click.argument("model", shell_complete=complete.installed_models)
@_as_json
def use(model: str, as_json: bool) -> None:
    """Choose the installed MODEL for all tracks to come."""
    from lofi_cli.show import json_line
    from lofi_client import Lofi

    with exits.reported(), Lofi.connect(name="lofi") as lofi:
        chosen = lofi.select_model(model)
        click.echo(json_line(chosen) if as_json else f"{chosen.model_version} makes the next tracks")


@models.command("rm")
@click.argument("model", shell_complete=complete.installed_models)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@_as_json
def remove(model: str, yes: bool, as_json: bool) -> None:
    """Delete MODEL, or what a download left of it."""
    from lofi_cli.show import json_line
    from lofi_client import Lofi
    from lofi_common.units import human_bytes

    with exits.reported(), Lofi.connect(name="lofi") as lofi:
        if not yes:
            _ask_to_remove(lofi, model)
        gone = lofi.remove_model(model)
        words = f"{gone.model} is deleted, {human_bytes(gone.bytes)} are free again"
        click.echo(json_line(gone) if as_json else words)


def _ask_to_remove(lofi: Lofi, model: str) -> None:
    """Leave unless the answer is yes. What is not there is not asked for: the broker says so."""
    from lofi_cli.asking import ask_to_delete
    from lofi_cli.show import printable
    from lofi_common.units import human_bytes

    for found in lofi.models().models:
        here = found.bytes if found.state in ("installed", "damaged") else found.bytes_present
        if model in (found.name, found.model_version) and found.state != "available":
            ask_to_delete(printable(found.name) + (f", {human_bytes(here)}" if here is not None else ""))


@models.command()
@click.argument("model", shell_complete=complete.unfinished_models)
@_as_json
def cancel(model: str, as_json: bool) -> None:
    """Stop the installation of MODEL.

    What has arrived is kept for the next try.
    """
    from lofi_cli.show import json_line
    from lofi_client import Lofi

    with exits.reported(), Lofi.connect(start=False, name="lofi") as lofi:
        stopped = lofi.cancel_model(model)
        click.echo(json_line(stopped) if as_json else f"the installation of {stopped.model} stops")


def _install(
    source: str, *, name: str | None, precision: str | None, replace: bool, yes: bool, as_json: bool
) -> None:
    with exits.reported():
        import msgspec

        from lofi_cli.watch_install import InstallWatcher
        from lofi_client import Lofi
        from lofi_common.api_models import ModelDownloadParams
        from lofi_common.errors import InvalidParams
        from lofi_common.installs import LocalFolder, check_name, parse_source

        exits.end_on_sigterm()
        match parse_source(source):
            case LocalFolder(path=path):
                source = str(Path(path).resolve())  # the broker works in another folder
        asked = {"model": source, "name": name, "precision": precision, "replace": replace}
        if name is not None:
            check_name(name)
        try:
            params = msgspec.convert(asked, ModelDownloadParams)
        except msgspec.ValidationError as error:
            raise InvalidParams(str(error)) from error
        with InstallWatcher(as_json=as_json) as watcher, Lofi.connect(name="lofi") as lofi:
            sys.exit(_run(lofi, params, watcher, yes=yes))


def _run(lofi: Lofi, params: ModelDownloadParams, watcher: InstallWatcher, *, yes: bool) -> int:
    """Ask, install and follow; the exit code."""
    import msgspec

    from lofi_common.errors import BrokerUnavailable, ConsentRequired, ModelNotFound

    try:
        accepted = lofi.download_model(params, watcher.asking)
    except ConsentRequired as error:
        if not _agreed(error, watcher, yes=yes):
            return exits.NO_MODEL
        accepted = lofi.download_model(msgspec.structs.replace(params, consent=True))
    watcher.accepted(accepted)
    try:
        if accepted.state != "installed":
            for told in lofi.follow_install(accepted.model):
                watcher.told(told)
    except KeyboardInterrupt:
        watcher.finish_bar()
        try:
            lofi.cancel_model(accepted.model)
        except ModelNotFound:
            return exits.fail("INTERRUPTED", "interrupted: the installation had ended already")
        return exits.fail(
            "INTERRUPTED",
            f"interrupted: the installation of {accepted.model} stops",
            _what_is_kept(params.model),
        )
    except BrokerUnavailable as error:
        watcher.finish_bar()
        return exits.fail(error.name, str(error), _what_is_kept(params.model))
    return watcher.exit_code


def _what_is_kept(source: str) -> str:
    """What the next try finds of an installation that was interrupted."""
    from lofi_common.installs import LocalFolder, parse_source

    if isinstance(parse_source(source), LocalFolder):
        return "Nothing was kept: run the same import again."
    return "What has arrived is kept: the same command goes on from there."


def _agreed(error: ConsentRequired, watcher: InstallWatcher, *, yes: bool) -> bool:
    """Show what is to be downloaded; ask on a terminal, else only `--yes` is a yes."""
    import msgspec

    from lofi_cli.asking import answer_is_yes, can_ask
    from lofi_common.api_models import DownloadOffer

    watcher.offered(msgspec.json.decode(error.details, type=DownloadOffer))
    if yes:
        return True
    if can_ask():
        if answer_is_yes("Agree and download?"):
            return True
        exits.fail(error.name, "nothing was downloaded")
        return False
    exits.fail(
        error.name, "nothing was downloaded: that needs a yes", "Add --yes if you agree to the licence."
    )
    return False
