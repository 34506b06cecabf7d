"""The starter's tokenizer: byte pairs learned on captions, lower case, one token a digit, takes any text."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

PAD, UNKNOWN, END = "<pad>", "<unk>", "</s>"
VOCABULARY = 1600


def train_tokenizer(captions: Iterable[str]) -> Tokenizer:
    """Learn the merges. Ids: 0 pad, 1 unknown, 2 end of text; every encoding ends with 2."""
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN, fuse_unk=True, continuing_subword_prefix="##"))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"[-_]+"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Digits(True)]
    )
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, UNKNOWN, END],
        initial_alphabet=list("abcdefghijklmnopqrstuvwxyz0123456789#"),
        limit_alphabet=64,
        continuing_subword_prefix="##",
        show_progress=False,
    )
    tokenizer.train_from_iterator(captions, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, tokenizer.token_to_id(END))]
    )
    return tokenizer


def encode_prompt(tokenizer: Tokenizer, text: str, limit: int) -> list[int]:
    """Token ids of a prompt, at most `limit`; a longer one is cut and keeps the end token."""
    ids: list[int] = tokenizer.encode(text).ids
    return ids if len(ids) <= limit else [*ids[: limit - 1], ids[-1]]
