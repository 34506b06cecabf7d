"""`lofi prompts`: the words that the selected model was taught, from the list that it brings along."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import msgspec

from lofi_common.config import load_config
from lofi_common.errors import InvalidParams, ModelLoadFailed
from lofi_common.manifest import Model, select_model
from lofi_common.paths import find_paths, starter_folder

FILE_NAME = "prompts.json"
_WIDTH = 100
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
    config = load_config(find_paths(os.environ).config_file, os.environ)
    folder = Path(config.model.folder) if config.model.folder else starter_folder()
    return select_model(folder, config.worker.engine)


def read_words(model: Model) -> Words | None:
    """The model's words; None where it brings none. Raises ModelLoadFailed when the list can't be read."""
    path = model.folder / FILE_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Words)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise ModelLoadFailed(f"{path} is no list of words: {error}") from error


def show_prompts(kind: str, *, as_json: bool) -> str:
    """All kinds in short, or one kind whole. Raises InvalidParams for a kind that the model has not."""
    model = selected_model()
    words = read_words(model)
    if as_json:
        return msgspec.json.encode(_only(words or Words(), kind if words else "")).decode()
    if words is None:
        return _FREE_TEXT.format(model=model.version)
    if kind:
        meanings = _only(words, kind).kinds[kind]
        return "\n".join(_whole(meaning, said) for meaning, said in meanings.items())
    lines = [_INTRODUCTION.format(model=model.version)]
    for name, meanings in words.kinds.items():
        widest = max(map(len, meanings), default=0)
        lines += ["", name, *(_short(meaning.ljust(widest), said) for meaning, said in meanings.items())]
    lines += ["", "examples", *(f"  {_printable(example)}" for example in words.examples)]
    lines += ["", "`lofi prompts KIND` lists all words of one kind, `--json` everything."]
    return "\n".join(lines)


def _only(words: Words, kind: str) -> Words:
    """One kind alone; all where `kind` is empty."""
    if not kind:
        return words
    if kind not in words.kinds:
        raise InvalidParams(
            f"no kind of words is called {kind}", recovery=f"Kinds: {', '.join(words.kinds)}."
        )
    return Words(kinds={kind: words.kinds[kind]})


def _short(meaning: str, words: list[str]) -> str:
    """One line: as many words as it holds."""
    line = f"  {_printable(meaning)}  "
    for i, word in enumerate(words):
        more = _printable(word) + (", " if i + 1 < len(words) else "")
        if len(line) + len(more) > _WIDTH - 1:
            return line + "…"
        line += more
    return line


def _whole(meaning: str, words: list[str]) -> str:
    """All words, on as many lines as they take."""
    text = textwrap.fill(
        ", ".join(map(_printable, words)), _WIDTH, initial_indent="  ", subsequent_indent="  "
    )
    return f"{_printable(meaning)}\n{text}"


def _printable(text: str) -> str:
    """What a terminal would obey is left out: models come from elsewhere."""
    return "".join(c if c.isprintable() else " " for c in text)
