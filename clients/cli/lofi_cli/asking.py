"""Questions to the person at the terminal."""

from __future__ import annotations

import sys

import click

from lofi_cli import exits


def can_ask() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def answer_is_yes(question: str) -> bool:
    """Ask on the terminal. The end of the input is a no; click's own question takes it for a Ctrl-C."""
    click.echo(f"{question} [y/N]: ", nl=False, err=True)
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        click.echo(err=True)
    return answer.strip().lower() in ("y", "yes")


def ask_to_delete(what: str) -> None:
    """Leave unless the answer is yes; without a terminal only --yes is one."""
    ask_to_go_on(f"Delete {what}?", "nothing was deleted")


def ask_to_go_on(question: str, otherwise: str) -> None:
    """Leave with the words `otherwise` unless the answer is yes; without a terminal only --yes is one."""
    if not can_ask():
        sys.exit(
            exits.fail(
                "USAGE_ERROR", f"{otherwise}: that needs a yes", "Add --yes to go on without a question."
            )
        )
    if not answer_is_yes(question):
        exits.tell(otherwise)
        sys.exit(exits.JOB_FAILED)
