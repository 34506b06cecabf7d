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
    if not can_ask():
        words = "nothing was deleted: that needs a yes"
        sys.exit(exits.fail("USAGE_ERROR", words, "Add --yes to go on without a question."))
    if not answer_is_yes(f"Delete {what}?"):
        exits.tell("nothing was deleted")
        sys.exit(exits.JOB_FAILED)
