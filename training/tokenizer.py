"""The starter's tokenizer: byte pairs learned on captions, lower case, a token a number, takes any text.

Numbers that a tempo may have and the names of sharp notes are whole tokens: pieces of them would be shared by
68 and 86. Text is cut into numbers, words and single symbols first, so that "72bpm" holds the number 72.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from training.captions.phrases import HIGHEST_SAID, LOWEST_SAID

PAD, UNKNOWN, END = "<pad>", "<unk>", "</s>"
SPECIAL = frozenset({PAD, UNKNOWN, END})
VOCABULARY = 2400
EMOJI = "🌧☔🎺🎷🎸🎹☕🦗📼😢😭😊☀🎧🎶✨"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
ALPHABET = f"{LETTERS}0123456789#.,:;!?'~/-&+|=@\"()"
INNER = LETTERS + "ß"  # letters that no normal form takes apart
SHARPS = ("a#", "c#", "d#", "f#", "g#")
# The drum machine and decades are no tempi.
MACHINES = ("808", "808s", "60s", "70s", "80s", "90s")
# Digits within longer numbers; the first digit of each is a letter of the alphabet.
DIGITS = tuple(f"##{digit}" for digit in range(10))
PIECES = r"808s?(?![0-9])|[6-9]0s(?![a-z])|[acdfg]#|[0-9]+|[^\W\d]+|[^\w\s]"


def train_tokenizer(captions: Iterable[str]) -> Tokenizer:
    """Learn the merges. Ids: 0 pad, 1 unknown, 2 end of text; every encoding ends with 2."""
    whole = [*(str(number) for number in range(LOWEST_SAID, HIGHEST_SAID + 1)), *SHARPS, *MACHINES]
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN, fuse_unk=True, continuing_subword_prefix="##"))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace("♯", "#"),
            normalizers.Replace("♭", "b"),
            normalizers.Replace("’", "'"),
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"[-_]+"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PIECES), behavior="removed", invert=True)
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(whole) - len(DIGITS),
        # The trainer numbers letters inside words as they fall out of a hash table, unless they are named.
        special_tokens=[PAD, UNKNOWN, END, *(f"##{letter}" for letter in INNER)],
        initial_alphabet=[*ALPHABET, *EMOJI],
        limit_alphabet=128,
        continuing_subword_prefix="##",
        show_progress=False,
    )
    tokenizer.train_from_iterator((_without_digits(text) for text in captions), trainer)
    tokenizer = _with_whole(tokenizer, whole)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, tokenizer.token_to_id(END))]
    )
    return tokenizer


def _without_digits(text: str) -> str:
    """Numbers are no place to learn merges: "72" must come out whole, and 4711 as its digits."""
    return "".join(" " if letter.isdecimal() else letter for letter in text)


def _with_whole(tokenizer: Tokenizer, whole: list[str]) -> Tokenizer:
    """The tokenizer with more entries that are taken wherever a piece of text is exactly one of them."""
    stored = json.loads(tokenizer.to_str())
    vocabulary = stored["model"]["vocab"]
    for entry in [*whole, *DIGITS]:
        vocabulary.setdefault(entry, len(vocabulary))
    stored["model"]["ignore_merges"] = True
    # Letters inside words are no special tokens to look for in a text.
    stored["added_tokens"] = [each for each in stored["added_tokens"] if each["content"] in SPECIAL]
    return Tokenizer.from_str(json.dumps(stored))


def fingerprint(path: Path) -> str:
    """What a checkpoint remembers of its tokenizer: another one would scramble every prompt unseen."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def encode_prompt(tokenizer: Tokenizer, text: str, limit: int) -> list[int]:
    """Token ids of a prompt, at most `limit`; a longer one is cut and keeps the end token."""
    ids: list[int] = tokenizer.encode(text).ids
    return ids if len(ids) <= limit else [*ids[: limit - 1], ids[-1]]
