"""Groups of commands: they are imported when they are run, and a slip of the finger is answered."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

HELP = {"help_option_names": ["-h", "--help"]}
FORMATS = ("wav", "flac", "ogg", "mp3")
"""Those of `AudioFormat`, whose module is not imported for a help text."""


class Entry(NamedTuple):
    """A command: `module:attribute` of its click command, and its line in the list."""

    place: str
    about: str


class Group(click.Group):
    """A group that knows what was meant by a wrong name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and self.get_command(ctx, name) is None:
            raise click.UsageError(f"No such command {name!r}.{self.advice(ctx, name)}", ctx)
        return super().resolve_command(ctx, args)

    def advice(self, ctx: click.Context, name: str) -> str:
        """What may have been meant, for the end of the message; empty where nothing comes to mind."""
        from difflib import get_close_matches

        if " " in name.strip():  # a prompt
            return " To make a track of it: `lofi submit PROMPT`."
        close = get_close_matches(name.lower(), self.list_commands(ctx), n=2)
        return f" Did you mean {' or '.join(close)}?" if close else ""


class ListingGroup(Group):
    """A group that lists when it is given no command: `lofi models --json` is `lofi models list --json`."""

    bare = "list"
    """The command that it runs then."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        bare = not args and not ctx.resilient_parsing  # a line that is being completed may go on otherwise
        if bare or (args and args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = [self.bare, *args]
        return super().parse_args(ctx, args)


class LazyGroup(Group):
    """Names and describes its commands without importing them, in sections."""

    def __init__(self, *args: Any, sections: Mapping[str, Mapping[str, Entry]], **options: Any) -> None:
        super().__init__(*args, **options)
        self._sections = sections
        self._entries = {name: entry for part in sections.values() for name, entry in part.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.place.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, entries in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(12), entry.about) for name, entry in entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=entry.about)
            for name, entry in self._entries.items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]
