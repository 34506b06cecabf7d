"""Models as text for people, or as JSON."""

from __future__ import annotations

import msgspec

from lofi_cli.show import printable
from lofi_common.api_models import DownloadOffer, ModelInfo, ModelsListResult, ModelVerifyResult
from lofi_common.units import human_bytes


def show_models(found: ModelsListResult, *, as_json: bool) -> str:
    if as_json:
        return "\n".join(msgspec.json.encode(model).decode() for model in found.models)
    rows = [_row(model) for model in found.models]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(model: ModelInfo) -> tuple[str, str, str, str]:
    size = human_bytes(model.bytes) if model.bytes is not None else ""
    mark = "*" if model.selected else " "
    return f"{mark} {printable(model.name)}", size, printable(model.license), _about(model)


def _about(model: ModelInfo) -> str:
    match model.state:
        case "installed":
            parts = [model.model_version or "", model.precision or ""]
            if model.agreement is not None:
                parts.append(f"{100 * model.agreement.top1:.1f} % as fp32")
            return printable(", ".join(part for part in parts if part))
        case "damaged":
            return f"damaged: {printable(model.reason or '')}"
        case "installing":
            return f"being installed{_arrived(model)}"
        case "partial":
            return f"interrupted{_arrived(model)}: `lofi models pull {printable(model.name)}` goes on"
        case "available":
            return f"not installed: {printable(model.description or '')}"


def _arrived(model: ModelInfo) -> str:
    return f", {human_bytes(model.bytes_present)} there" if model.bytes_present is not None else ""


def show_offer(offer: DownloadOffer) -> str:
    """What a yes is asked for."""
    size = human_bytes(offer.bytes_total) if offer.bytes_total is not None else "size not known"
    if offer.bytes_present:
        size += f", {human_bytes(offer.bytes_present)} of them here already"
    revision = f" at {offer.revision[:12]}" if offer.revision else ""
    return "\n".join(
        [
            f"model      {printable(offer.model)}",
            f"from       {printable(offer.repo or offer.source)}{printable(revision)}",
            f"licence    {printable(offer.license) or 'not stated: look at the page of the repository'}",
            f"download   {size}",
            f"to         {printable(offer.destination)}",
        ]
    )


def show_verified(result: ModelVerifyResult, *, as_json: bool) -> str:
    if as_json:
        return msgspec.json.encode(result).decode()
    lines = [printable(result.model_version)]
    for file in result.files:
        mark = "ok     " if file.ok else "damaged"
        reason = f"  {printable(file.reason)}" if file.reason else ""
        lines.append(f"{mark} {printable(file.name)}, {human_bytes(file.bytes)}{reason}")
    if not all(file.ok for file in result.files):
        lines.append(f"install it again: `lofi models rm {result.model}`, then pull or import it")
    if result.error is not None:
        lines.append(f"does not run: {printable(result.error.message)}\n        {result.error.recovery}")
    if (run := result.run) is not None:
        lines.append(
            f"runs    on {run.device}, {run.threads} threads: loaded in {run.load_sec:.1f} s, "
            f"{run.step_ms:.1f} ms a step, {human_bytes(run.rss)} of memory"
        )
        if (golden := run.golden) is not None:
            equal = sum(a == b for a, b in zip(golden.expected, golden.found, strict=True))
            lines += [
                f'golden  "{golden.prompt}", likeliest codes of the first step: {equal} of 4 as published',
                f"        published {golden.expected}, found {golden.found}",
            ]
    return "\n".join(lines)
