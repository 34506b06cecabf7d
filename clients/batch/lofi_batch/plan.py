"""What a prompt file asks for, row by row: seeds, file names, shards. Pure, and the same for every engine."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from lofi_batch.prompts import Entry, Wrong
from lofi_common import api
from lofi_common.errors import InvalidParams, LofiError
from lofi_common.jobs import AudioFormat

_SEED_BYTES = 8
_SEED_BITS = 53
"""A seed survives readers of the manifest whose numbers are doubles."""
_SLUG_CHARS = 40
_NAME_BYTES = 200
"""Of one part of a path: file systems take 255, and the hidden name of a file that grows is longer."""
_RESERVED = re.compile(r"manifest(\.\d+-of-\d+)?\.jsonl", re.IGNORECASE)
_ENDING = re.compile(r"\.(?=[0-9]*[a-z])([a-z0-9]{1,5})\Z", re.IGNORECASE | re.ASCII)
"""Of a file's name: short, and no number alone, as "take.2" has."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One track that is wanted. `row` counts from 1, over all shards."""

    row: int
    prompt: str
    duration_sec: int
    seed: int
    model: str | None
    """As it was asked for; None: the one that is selected when the first such row is made."""
    temperature: float | None
    top_k: int | None
    top_p: float | None
    guidance_scale: float | None
    format: AudioFormat
    path: str
    """Relative to the folder, with `/`."""

    def params(self, model: str | None) -> api.GenerateParams:
        """The request for this track with this model."""
        names = set(api.GenerateParams.__struct_fields__) & set(Row.__struct_fields__)
        return api.GenerateParams(**{name: getattr(self, name) for name in names} | {"model": model})


class Defaults(NamedTuple):
    """What the command says for rows that leave it open. seed: the base of their seeds."""

    duration_sec: int = api.DEFAULT_DURATION_SEC
    seed: int = 0
    model: str | None = None
    format: AudioFormat = AudioFormat.WAV


class Shard(NamedTuple):
    """Part `part` (from 1) of `parts`: every `parts`-th row."""

    part: int
    parts: int

    def has(self, row: int) -> bool:
        return (row - 1) % self.parts == self.part - 1

    @property
    def manifest(self) -> str:
        """The name of its manifest."""
        return "manifest.jsonl" if self == WHOLE else f"manifest.{self.part}-of-{self.parts}.jsonl"


WHOLE = Shard(1, 1)


def parse_shard(text: str) -> Shard:
    """`2/4` is the second of four. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise ValueError(f"{text!r} is not i/n with 1 <= i <= n, such as 2/4")
    return Shard(int(found[1]), int(found[2]))


def seed_of(base: int, row: int) -> int:
    """The seed of a row that names none: the first 53 bits of SHA-256 over "<base>:<row>" in decimal digits.

    It depends on nothing else, so that shards, machines and later runs agree.
    """
    digest = hashlib.sha256(f"{base}:{row}".encode()).digest()
    return int.from_bytes(digest[:_SEED_BYTES], "big") >> (8 * _SEED_BYTES - _SEED_BITS)


def name_of(row: int, prompt: str, seed: int, kind: AudioFormat) -> str:
    """The file of a row that names none: `000007-rainy-night-81985529216486.wav`."""
    plain = unicodedata.normalize("NFKD", prompt).encode("ascii", "ignore").decode().lower()
    slug = "-".join(re.findall(r"[a-z0-9]+", plain))[:_SLUG_CHARS].strip("-") or "track"
    return f"{row:06}-{slug}-{seed}.{kind}"


def make_plan(
    entries: Iterable[Entry | Wrong], defaults: Defaults, most_sec: int | None = None
) -> tuple[list[Row], list[Wrong]]:
    """The rows of all shards, and those that can't be made.

    most_sec: the longest track that the engine allows; None: that is not known here.
    """
    rows: list[Row] = []
    wrong: list[Wrong] = []
    lines: dict[str, int] = {}
    deep: list[tuple[str, Row]] = []
    number = 0
    for entry in entries:
        if isinstance(entry, Wrong):
            wrong.append(entry)
            continue
        number += 1
        try:
            row = _row(number, entry, defaults)
        except LofiError as error:
            wrong.append(Wrong(entry.line, str(error)))
            continue
        if most_sec is not None and row.duration_sec > most_sec:
            words = f"duration: {row.duration_sec} s is over the limit of {most_sec} s"
            wrong.append(Wrong(entry.line, words, row.duration_sec))
            continue
        key = unicodedata.normalize("NFC", row.path).casefold()  # some disks tell no case, or no accents
        if key in lines:
            wrong.append(Wrong(entry.line, f"file: line {lines[key]} has the same, {row.path}"))
        lines.setdefault(key, entry.line)
        if "/" in key:
            deep.append((key, row))
        rows.append(row)
    return rows, wrong + _inside_files(deep, lines)


def allowing(duration_sec: int) -> str:
    """How tracks of that length can be had."""
    return (
        f"Ask for less, or allow it: `lofi config set queue.max_duration_sec {duration_sec}"
        " && lofi broker stop` (that ends what plays)."
    )


def _inside_files(deep: list[tuple[str, Row]], lines: dict[str, int]) -> list[Wrong]:
    """Rows whose file would lie in a folder that is another row's file. deep: those with folders."""
    wrong = []
    for key, row in deep:
        parent = key
        while parent := parent.rpartition("/")[0]:
            if parent in lines:
                words = f"file: {row.path} lies in the file of line {lines[parent]}"
                wrong.append(Wrong(lines[key], words))
    return wrong


def _row(number: int, entry: Entry, defaults: Defaults) -> Row:
    """Raises LofiError saying what is wrong with it."""
    asked = entry.asked
    path = checked_path(asked.file) if asked.file is not None else None
    named = _format_of(path) if path is not None else None
    kind = named or defaults.format
    seed = asked.seed if asked.seed is not None else seed_of(defaults.seed, number)
    wanted = {
        "prompt": asked.prompt,
        "duration_sec": asked.duration if asked.duration is not None else defaults.duration_sec,
        "seed": seed,
        "model": asked.model or defaults.model,
        "temperature": asked.temperature,
        "top_k": asked.top_k,
        "top_p": asked.top_p,
        "guidance_scale": asked.guidance,
        "format": kind,
    }
    prompt: str = api.parse_params("generate", wanted).prompt
    return Row(
        row=number,
        path=path if path is not None else name_of(number, prompt, seed, kind),
        **{**wanted, "prompt": prompt},  # type: ignore[arg-type]
    )


def _format_of(path: str) -> AudioFormat | None:
    """What its ending says; None for a name without one. Raises InvalidParams for that of no format."""
    found = _ENDING.search(path)
    if found is None:
        return None
    ending = found[1].lower()
    if ending not in list(AudioFormat):
        raise InvalidParams(f"file: the ending .{found[1]} is none of {', '.join(AudioFormat)}")
    return AudioFormat(ending)


def checked_path(file: str) -> str:
    """The file of a row, relative to the folder. Raises InvalidParams."""
    parts = file.split("/")
    reason = ""
    if not file.isprintable() or not file:
        reason = "a name needs characters, and only such as can be shown"
    elif file.startswith("/") or ".." in parts:
        reason = "it must lie inside the folder of the batch"
    elif "" in parts:
        reason = "a part of the path is empty"
    elif any(part.startswith(".") for part in parts) or _RESERVED.fullmatch(parts[0]):
        reason = "hidden names and that of the manifest are the batch's own"
    elif any(len(part.encode(errors="replace")) > _NAME_BYTES for part in parts):
        reason = f"a part of the path is longer than {_NAME_BYTES} bytes"
    if reason:
        raise InvalidParams(f"file: {file!r}: {reason}")
    return file
