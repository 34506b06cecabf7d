"""`lofi prompts`: the words that the selected model was taught, from the list that it brings along."""

from __future__ import annotations

import os
import textwrap

import msgspec

from lofi_cli.show import printable
from lofi_common.config import load_config
from lofi_common.errors import InvalidParams, ModelLoadFailed
from lofi_common.manifest import PROMPTS_NAME, Model, check_file, select_model
from lofi_common.paths import find_paths
from lofi_common.selection import selected_folder

_MOST_BYTES = 1 << 20
_WIDTH = 100
_EXAMPLES = "examples"
_FREE_TEXT = """\
{model} takes free text and brings no list of words.
What helps in a prompt: a genre ("lo-fi hip hop"), two or three instruments ("felt piano, brushed drums"),
a mood ("melancholic"), a tempo ("75 bpm"), a place or a sound around it ("rain on a window")."""
_INTRODUCTION = """\
Words that {model} was taught.
Any text gives music; the seed decides what a prompt leaves open."""


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """kind ("drums") -> meaning ("brushes") -> words, and whole prompts as examples."""

    kinds: dict[str, dict[str, list[str]]] = {}
    examples: list[str] = []


def selected_model() -> Model:
    """The model that the next track is made with."""
    paths = find_paths(os.environ)
    config = load_config(paths.config_file, os.environ)
    return select_model(selected_folder(paths, config.model.folder), config.worker.engine)


def read_words(model: Model) -> Words | None:
    """The model's words, printable; None where its manifest lists none.

    Raises ModelNotFound or ModelLoadFailed naming the file when it is not the one that the manifest lists, is
    empty or larger than 1 MiB, or is no list of words.
    """
    spec = model.manifest.files.get(PROMPTS_NAME)
    if spec is None:
        return None
    path = model.folder / PROMPTS_NAME
    # A pipe and a device have no bytes; reading one may never end.
    if not 0 < spec.bytes <= _MOST_BYTES:
        raise ModelLoadFailed(f"{path} has {spec.bytes} bytes; a list of words has 1 to {_MOST_BYTES}")
    try:
        words = msgspec.json.decode(check_file(model, PROMPTS_NAME), type=Words)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise ModelLoadFailed(f"{path} is no list of words: {error}") from error
    return _printable(words)


def _printable(words: Words) -> Words:
    kinds = {
        printable(kind): {
            printable(meaning): [printable(word) for word in said] for meaning, said in meanings.items()
        }
        for kind, meanings in words.kinds.items()
    }
    return Words(kinds=kinds, examples=[printable(example) for example in words.examples])


def show_prompts(kind: str, *, as_json: bool) -> str:
    """All kinds in short, or one kind whole. Raises InvalidParams for a kind that the model has not."""
    model = selected_model()
    words = read_words(model)
    kind, version = printable(kind), printable(model.version)
    if as_json:
        return msgspec.json.encode(_only(words or Words(), kind if words else "")).decode()
    if words is None:
        return _FREE_TEXT.format(model=version)
    if kind:
        only = _only(words, kind)
        whole = [_whole(meaning, said) for each in only.kinds.values() for meaning, said in each.items()]
        return "\n".join([*whole, *only.examples])
    lines = [_INTRODUCTION.format(model=version)]
    for name, meanings in words.kinds.items():
        widest = max(map(len, meanings), default=0)
        lines += ["", name, *(_short(meaning.ljust(widest), said) for meaning, said in meanings.items())]
    lines += ["", _EXAMPLES, *(f"  {example}" for example in words.examples)]
    lines += ["", "`lofi prompts KIND` lists all words of one kind, `--json` everything."]
    return "\n".join(lines)


def _only(words: Words, kind: str) -> Words:
    """One kind alone; all where `kind` is empty."""
    if not kind:
        return words
    if kind.lower() == _EXAMPLES:
        return Words(examples=words.examples)
    for known, meanings in words.kinds.items():
        if known.lower() == kind.lower():
            return Words(kinds={known: meanings})
    kinds = ", ".join([*words.kinds, _EXAMPLES])
    raise InvalidParams(f"no kind of words is called {kind}", recovery=f"Kinds: {kinds}.")


def _short(meaning: str, words: list[str]) -> str:
    """One line: as many words as it holds."""
    line = f"  {meaning}  "
    for i, word in enumerate(words):
        more = word + (", " if i + 1 < len(words) else "")
        if len(line) + len(more) > _WIDTH - 1:
            return line + "…"
        line += more
    return line


def _whole(meaning: str, words: list[str]) -> str:
    """All words, on as many lines as they take."""
    text = textwrap.fill(", ".join(words), _WIDTH, initial_indent="  ", subsequent_indent="  ")
    return f"{meaning}\n{text}"
