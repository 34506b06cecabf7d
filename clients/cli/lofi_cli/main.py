"""`lofi`: look after the broker, the queue and the tracks."""

from __future__ import annotations

import click

import lofi_common
from lofi_cli import exits
from lofi_cli.group import HELP, Entry, LazyGroup

_SECTIONS = {
    "Music": {
        "submit": Entry("lofi_cli.submit:submit", "Make a track from a prompt; the same as lofi-submit."),
        "radio": Entry("lofi_cli.radio:radio", "Play music that does not end."),
        "queue": Entry("lofi_cli.queue:queue", "Show what runs and what waits."),
        "cancel": Entry("lofi_cli.queue:cancel", "Take back tracks that wait or run."),
        "tracks": Entry("lofi_cli.tracks:tracks", "List, show, play, export and delete tracks."),
        "player": Entry("lofi_cli.player:player", "Play tracks; hold, skip, seek; what comes next."),
        "prompts": Entry("lofi_cli.commands:prompts", "List the words that the model was taught."),
        "models": Entry("lofi_cli.models:models", "See, install, check, choose and remove models."),
    },
    "Behind it": {
        "status": Entry("lofi_cli.queue:status", "Show the broker, its workers, the queue, what plays."),
        "logs": Entry("lofi_cli.logs:logs", "Read the broker's log, or follow it."),
        "doctor": Entry("lofi_cli.commands:doctor", "Check the installation, with advice."),
        "config": Entry("lofi_cli.config:config", "Show and change the settings."),
        "broker": Entry("lofi_cli.broker:broker", "Start, stop or look for the background broker."),
        "keys": Entry("lofi_cli.commands:keys", "Show the keys of this machine, for a broker on another."),
        "schema": Entry("lofi_cli.commands:schema", "Print the JSON Schemas of the protocol."),
        "completion": Entry("lofi_cli.completion:completion", "Print the completion script for a shell."),
    },
}


@click.group(cls=LazyGroup, sections=_SECTIONS, context_settings=HELP)
@click.version_option(lofi_common.__version__, prog_name="lofi")
def lofi() -> None:
    """Local text-to-music: a prompt goes in, a lo-fi track comes out."""


def main() -> None:
    exits.run(lofi, "lofi")


if __name__ == "__main__":
    main()
