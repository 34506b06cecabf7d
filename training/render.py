"""`python -m training.render`: composes the training tracks, writes the captions and learns the tokenizer.

Everything follows from `--seed`; the same seed gives the same files, bit for bit.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from training.data import PADDING
from training.draws import LONGEST_STEPS, TRAIN_SEED, caption, plan_beside, track
from training.obedience import STATABLE
from training.shape import MAX_TEXT_TOKENS
from training.tokenizer import encode_prompt, train_tokenizer
from training.tokens import CODEBOOKS, HEADER_FRAMES, SAYING_FRAMES, encode_header


def render(work: Path, tracks: int, captions: int, seed: int) -> None:
    """Write tracks.npy, captions.npz and tokenizer.json into `work`."""
    work.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    codes = np.full((tracks, CODEBOOKS, HEADER_FRAMES + LONGEST_STEPS), PADDING, np.int16)
    for i in range(tracks):
        drawn = track(seed, i)[1]
        codes[i, :, : drawn.shape[1]] = drawn
    np.save(work / "tracks.npy", codes)
    print(f"tracks={tracks} seconds={time.monotonic() - started:.0f}", flush=True)

    drawn = [caption(seed, i) for i in range(captions)]
    texts = [text for text, _, _ in drawn]
    tokenizer = train_tokenizer(texts[:60_000])
    tokenizer.save(str(work / "tokenizer.json"))
    ids = [encode_prompt(tokenizer, text, MAX_TEXT_TOKENS) for text in texts]
    lengths = np.array([len(row) for row in ids], np.int32)
    headers = np.stack(
        [
            encode_header(attributes, plan_beside(seed, i, attributes))[:, :SAYING_FRAMES]
            for i, (_, attributes, _) in enumerate(drawn)
        ]
    ).astype(np.int16)
    states = np.array([[name in said for name in STATABLE] for _, _, said in drawn])
    stored = np.concatenate(ids).astype(np.int16)
    np.savez(work / "captions.npz", ids=stored, lengths=lengths, headers=headers, states=states)
    print(
        f"captions={captions} distinct={len(set(texts)) / captions:.3f} tokens_mean={lengths.mean():.1f} "
        f"tokens_99={np.percentile(lengths, 99):.0f} tokens_max={lengths.max()} "
        f"vocabulary={tokenizer.get_vocab_size()} seconds={time.monotonic() - started:.0f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/training"))
    parser.add_argument("--tracks", type=int, default=30_000)
    parser.add_argument("--captions", type=int, default=500_000)
    parser.add_argument("--seed", type=int, default=TRAIN_SEED)
    options = parser.parse_args()
    render(options.work, options.tracks, options.captions, options.seed)


if __name__ == "__main__":
    main()
