"""How a model to install is named, how its installer is called, and the lines that it writes.

The installer (`python -m lofi_worker.install`) is a child process: one JSON object per line on stdout, logs
on stderr, exit code 0 after `done` (or after the `plan` of a `resolve`), 1 after `error`. SIGTERM, SIGINT and
the end of its stdin cancel it (128 + the signal's number, no line more); it may be killed at any moment, and
goes on where it was when it is called again.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Literal

import msgspec

from lofi_common.errors import ErrorInfo, InvalidParams
from lofi_common.paths import STARTER

INSTALLER = "lofi_worker.install"
RESERVED_NAMES = frozenset({"selected", "consents.json"})
"""Taken in the folder of installed models by other things than models."""
EXIT_FAILED = 1
DEFAULT_PRECISION: Literal["mixed"] = "mixed"
"""Of an installation that names none."""

ORDER_FILE = "order.json"
"""Of a half-made model: what was asked for (`PartialOrder`)."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_REPO = re.compile(
    r"(?P<repo>[A-Za-z0-9](?:[\w.-]{0,94}\w)?/[A-Za-z0-9](?:[\w.-]{0,94}\w)?)"
    r"(?:@(?P<revision>[A-Za-z0-9][\w./-]{0,127}))?"
    r"(?::(?P<subfolder>[\w.-]+(?:/[\w.-]+)*))?"
)
_FOLDER_STARTS = ("/", "./", "../", "~/")
_HOW_TO_NAME = (
    "Give a name from `lofi models list`, a repository as owner/name[@revision][:subfolder],"
    " or a folder: / or ~/ and the rest of its path."
)


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    pass


# what is to be installed


class CatalogueName(_Part, frozen=True, kw_only=True):
    """A model of the catalogue."""

    name: str


class HubRepo(_Part, frozen=True, kw_only=True):
    """A repository on the Hub; no revision means its main branch, no subfolder its root."""

    repo: str
    revision: str | None = None
    subfolder: str = ""


class LocalFolder(_Part, frozen=True, kw_only=True):
    """A checkpoint that lies on this machine: no consent, no network."""

    path: Path


Source = CatalogueName | HubRepo | LocalFolder


def parse_source(text: str) -> Source:
    """What `text` names. Raises InvalidParams when it can be none of the three."""
    if "\0" in text:  # the end of a word in a command line
        raise InvalidParams(f"{text!r} names no model", recovery=_HOW_TO_NAME)
    if text.startswith(_FOLDER_STARTS) or text in (".", "..", "~"):
        return LocalFolder(path=Path(text).expanduser().absolute())
    if _NAME.fullmatch(text):
        return CatalogueName(name=text)
    match = _REPO.fullmatch(text)
    if match is None or ".." in text or "--" in match["repo"] or match["repo"].endswith(".git"):
        raise InvalidParams(f"{text!r} names no model", recovery=_HOW_TO_NAME)
    return HubRepo(repo=match["repo"], revision=match["revision"], subfolder=match["subfolder"] or "")


def default_name(source: Source) -> str:
    """The name that a model gets when nobody chose one: the catalogue's, or the last words of the source."""
    match source:
        case CatalogueName(name=name):
            return name
        case HubRepo(repo=repo, subfolder=subfolder):
            words = repo.partition("/")[2] + (f"-{subfolder}" if subfolder else "")
        case LocalFolder(path=path):
            words = path.resolve().name
    return check_name(re.sub(r"[^a-z0-9._-]+", "-", words.lower()).strip("._-")[:64] or "model")


def check_name(name: str) -> str:
    """`name`, when it can be the name of an installed model's folder. Raises InvalidParams."""
    if not _NAME.fullmatch(name):
        raise InvalidParams(
            f"{name!r} can't be a model's name",
            recovery="Use 1 to 64 of a-z, 0-9, '.', '_' and '-', the first one a letter or a digit.",
        )
    if name == STARTER:
        raise InvalidParams(f"{STARTER} is the starter model's name", recovery="Choose another with --name.")
    if name in RESERVED_NAMES:
        raise InvalidParams(f"a model can't be called {name}", recovery="Choose another with --name.")
    return name


def installer_command(
    action: str,
    source: str,
    models: Path,
    *,
    name: str | None = None,
    precision: str | None = None,
    keep_source: bool = False,
    catalogue: Path | None = None,
    tries: int | None = None,
    threads: int | None = None,
    nice: int | None = None,
) -> list[str]:
    """The command line of an installer. action: "resolve" (metadata only, up to the `plan`) or "install".

    models: the folder of installed models. tries: failures in a row before it gives up. threads: of the
    import; 0 leaves it to the number of cores. nice: niceness to take. What is None is left to the installer.
    """
    command = [sys.executable, "-P", "-m", INSTALLER, action, "--models", str(models)]
    if name is not None:
        command += ["--name", name]
    if precision is not None:
        command += ["--precision", precision]
    if keep_source:
        command += ["--keep-source"]
    if catalogue is not None:
        command += ["--catalogue", str(catalogue)]
    if tries is not None:
        command += ["--tries", str(tries)]
    if threads is not None:
        command += ["--threads", str(threads)]
    if nice is not None:
        command += ["--nice", str(nice)]
    return [*command, "--", source]


class PartialOrder(_Part, frozen=True, kw_only=True):
    """What an installation under way was asked for; lies beside what it has fetched."""

    source: str
    precision: str


# what the installer says


class PlannedFile(_Part, frozen=True, kw_only=True):
    """name: path in the repository. sha256: null where neither the catalogue nor the Hub knows it."""

    name: str
    bytes: int
    sha256: str | None


class Plan(_Line, frozen=True, kw_only=True, tag="plan"):
    """What would be fetched from where. A local folder has no repo, no revision and no bytes to fetch."""

    source: str
    name: str
    repo: str | None
    revision: str | None
    """Commit hash."""
    license: str
    """Empty when nobody says."""
    bytes_total: int
    bytes_present: int
    """Of these, already on this machine: half-made downloads, or files in the Hub's cache."""
    files: list[PlannedFile]
    destination: str
    """The folder that the installed model will have."""
    bytes_needed: int | None = None
    """Of free disk until it is installed, at least, as far as the list of files tells: what is to be fetched,
    and what the import writes beside it."""


class Asking(_Line, frozen=True, kw_only=True, tag="asking"):
    """The Hub is asked what the source holds: written before each try, the first one too."""

    host: str
    """With its port where it has one."""
    failures: int
    """Of the tries before this one."""
    reason: str | None = None
    """Of the last failure."""


class Download(_Line, frozen=True, kw_only=True, tag="download"):
    """At most four a second, and one at the end of each file. Bytes: all files', of earlier calls too."""

    file_name: str
    bytes_downloaded: int
    bytes_total: int
    files_completed: int
    files_total: int


class Importing(_Line, frozen=True, kw_only=True, tag="importing"):
    """The stage that runs, and `done` of `total` steps of all of them."""

    stage: str
    done: int
    total: int


class Agreement(_Part, frozen=True, kw_only=True):
    """With the same model in fp32: share of equal most likely tokens, and mean KL divergence in nats."""

    top1: float
    kl: float


class Done(_Line, frozen=True, kw_only=True, tag="done"):
    """The model is installed. bytes: all of its files."""

    name: str
    model_version: str
    path: str
    bytes: int
    agreement: Agreement | None = None


class Failed(_Line, frozen=True, kw_only=True, tag="error"):
    """Nothing was installed; what was fetched is kept for the next call where it can be used."""

    error: ErrorInfo


Line = Asking | Plan | Download | Importing | Done | Failed

_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


def encode_line(line: Line) -> bytes:
    return _ENCODER.encode(line) + b"\n"


def decode_line(line: bytes) -> Line:
    """Raises msgspec.DecodeError or ValueError when it is no line of an installer."""
    return _DECODER.decode(line)
