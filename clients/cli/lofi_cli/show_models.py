"""Models as text for people, or as JSON."""

from __future__ import annotations

import shlex
import shutil
import sys

import msgspec

from lofi_cli.look import fitted, wrapped
from lofi_cli.show import counted, printable
from lofi_common.api_models import DownloadOffer, ModelInfo, ModelsListResult, ModelVerifyResult
from lofi_common.installs import DEFAULT_PRECISION, LocalFolder, default_name, parse_source
from lofi_common.jobs import MAX_DURATION_SEC
from lofi_common.paths import STARTER
from lofi_common.units import human_bytes

_ROOM_FOR_WORDS = 24
"""Columns for what is said of a model beside its name, size and licence."""
_MEND = "install it again: `lofi models rm {name}`, then pull or import it"
_MEND_STARTER = "reinstall the package: the starter model is a part of it"


def show_models(found: ModelsListResult, *, as_json: bool) -> str:
    if as_json:
        return "\n".join(msgspec.json.encode(model).decode() for model in found.models)
    rows = [_row(model) for model in found.models]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    if sys.stdout.isatty() and shutil.get_terminal_size().columns < sum(widths) + _ROOM_FOR_WORDS:
        return "\n".join(_on_two_lines(*row) for row in rows)
    lines = [
        f"{name:<{widths[0]}}  {size:>{widths[1]}}  {license:<{widths[2]}}  {about}".rstrip()
        for name, size, license, about in rows
    ]
    # The others tell a reason, or the command that goes on: those stay whole.
    shown = zip(found.models, lines, strict=True)
    return "\n".join(fitted(line) if model.state == "available" else line for model, line in shown)


def _on_two_lines(name: str, size: str, license: str, about: str) -> str:
    """For a narrow terminal: what it is, and under it the rest, on as many lines as that takes."""
    words = ", ".join(part for part in (size, license, about) if part)
    return f"{name}\n    {wrapped(words, 4)}"


def _row(model: ModelInfo) -> tuple[str, str, str, str]:
    mark = "*" if model.selected else " "
    return f"{mark} {printable(model.name)}", _size(model), printable(model.license), _about(model)


def _size(model: ModelInfo) -> str:
    if model.bytes is None and model.about_bytes is not None:
        return f"about {human_bytes(model.about_bytes)}"
    return human_bytes(model.bytes) if model.bytes is not None else ""


def _about(model: ModelInfo) -> str:
    match model.state:
        case "installed":
            parts = [model.model_version or "", model.precision or ""]
            if model.agreement is not None:
                parts.append(f"{100 * model.agreement.top1:.1f} % as fp32")
            if model.max_duration_sec is not None and model.max_duration_sec < MAX_DURATION_SEC:
                parts.append(f"up to {model.max_duration_sec} s")
            if model.being_replaced:
                parts.append("being replaced")
            return printable(", ".join(part for part in parts if part))
        case "damaged":
            return f"damaged: {printable((model.reason or '').replace(f'{model.path}/', ''))}"
        case "installing":
            return f"being installed{_arrived(model)}"
        case "partial":
            return f"interrupted{_how_to_go_on(model)}"
        case "available":
            return f"not installed: {printable(model.description or '')}"


def _how_to_go_on(model: ModelInfo) -> str:
    """The command that was interrupted, as far as it is known."""
    if model.source is None:
        return f"{_arrived(model)}: pull or import it again"
    source = parse_source(model.source)
    words = [model.source]
    if default_name(source) != model.name:
        words += ["--name", model.name]
    if model.precision not in (None, DEFAULT_PRECISION):
        words += ["--precision", model.precision]
    arguments = printable(shlex.join(words))
    if isinstance(source, LocalFolder):
        return f", nothing was kept: run `lofi models import {arguments}` again"
    return f"{_arrived(model)}: `lofi models pull {arguments}` goes on"


def _arrived(model: ModelInfo) -> str:
    return f", {human_bytes(model.bytes_present)} there" if model.bytes_present is not None else ""


def show_offer(offer: DownloadOffer) -> str:
    """What a yes is asked for."""
    size = human_bytes(offer.bytes_total) if offer.bytes_total is not None else "size not known"
    if offer.bytes_present:
        size += f", {human_bytes(offer.bytes_present)} of them here already"
    revision = f" at {offer.revision[:12]}" if offer.revision else ""
    lines = [
        f"model      {printable(offer.model)}",
        f"from       {printable(offer.repo or offer.source)}{printable(revision)}",
        f"licence    {printable(offer.license) or 'not stated: look at the page of the repository'}",
        f"download   {size}",
        f"to         {printable(offer.destination)}",
    ]
    if offer.bytes_needed is not None:
        lines.append(
            f"disk       at least {human_bytes(offer.bytes_needed)} free, for the download and the import"
        )
    return "\n".join(lines)


def show_verified(result: ModelVerifyResult, *, as_json: bool) -> str:
    if as_json:
        return msgspec.json.encode(result).decode()
    lines = [printable(result.model_version)]
    for file in result.files:
        mark = "ok     " if file.ok else "damaged"
        reason = f"  {printable(file.reason)}" if file.reason else ""
        lines.append(f"{mark} {printable(file.name)}, {human_bytes(file.bytes)}{reason}")
    if not all(file.ok for file in result.files):
        lines.append(_MEND_STARTER if result.model == STARTER else _MEND.format(name=printable(result.model)))
    if result.error is not None:
        lines.append(
            f"does not run: {printable(result.error.message)}\n        {printable(result.error.recovery)}"
        )
    if (run := result.run) is not None:
        lines.append(
            f"runs    on {run.device}, {counted(run.threads, 'thread')}: loaded in {run.load_sec:.1f} s, "
            f"{run.step_ms:.1f} ms a step, {human_bytes(run.rss)} of memory"
        )
        if (golden := run.golden) is not None:
            equal = sum(a == b for a, b in zip(golden.expected, golden.found, strict=True))
            lines += [
                f'golden  "{golden.prompt}", likeliest codes of the first step: {equal} of 4 as published',
                f"        published {golden.expected}, found {golden.found}",
            ]
    return "\n".join(lines)
