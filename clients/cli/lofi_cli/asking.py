"""Questions to the person at the terminal."""

from __future__ import annotations

import sys

import click


def can_ask() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def answer_is_yes(question: str) -> bool:
    """Ask on the terminal. The end of the input is a no; click's own question takes it for a Ctrl-C."""
    click.echo(f"{question} [y/N]: ", nl=False, err=True)
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        click.echo(err=True)
    return answer.strip().lower() in ("y", "yes")
