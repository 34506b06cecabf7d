"""`python -m training.train`: trains the starter for a given time, resumes where it stopped.

Each step: notes of a few crops, plus twice the header loss of a batch of captions, plus the loss of the
text probe. One step in four, from a fifth of the time on, sees whole tracks: where motifs return and sections
follow one another. Log lines are key=value. With `--device cuda` the same run takes a GPU.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.data import Corpus, Crops, Prompts, crop, pad
from training.draws import HELD_OUT_SEED, caption, plan_beside, track
from training.model import Starter
from training.obedience import score
from training.objective import header_logits, header_losses, mean_header_loss, music_loss
from training.shape import DECODER, MAX_STEPS, MAX_TEXT_TOKENS, TEXT
from training.tokenizer import encode_prompt, fingerprint
from training.tokens import CODEBOOKS, HEADER_STARTS, SAYING_FRAMES, decode_header, encode_header
from training.words import learn_word_vectors

RATE = 1.2e-3


@dataclass(frozen=True, slots=True)
class Recipe:
    """How long, how much, how fast. `minutes` of training, not counting evaluation; crops: (rows, steps)."""

    minutes: float
    short: tuple[int, int] = (14, 64)
    middle: tuple[int, int] = (5, 256)
    long: tuple[int, int] = (2, 768)
    long_from: float = 0.2
    header_rows: int = 160
    header_tokens: int = 3000
    header_weight: float = 2.0
    dropout: float = 0.1
    rate: float = RATE
    weight_decay: float = 0.05
    warmup: int = 100
    seed: int = 0

    def rate_at(self, step: int, progress: float) -> float:
        cosine = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
        return self.rate * min(1.0, (step + 1) / self.warmup) * (0.02 + 0.98 * cosine)

    def crops_at(self, step: int, progress: float) -> tuple[int, int]:
        """(rows, steps) of the music batch: every other one short, where the header decides."""
        if step % 2 == 0:
            return self.short
        return self.long if progress > self.long_from and step % 4 == 1 else self.middle


def new_model(vocabulary: int) -> Starter:
    return Starter(TEXT, DECODER, vocabulary, MAX_TEXT_TOKENS, MAX_STEPS)


def new_optimizer(model: Starter, recipe: Recipe) -> torch.optim.AdamW:
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.95))


class HeldOut:
    """Prompts and tracks of another seed, for the log."""

    def __init__(self, corpus: Corpus, device: torch.device, prompts: int = 256, tracks: int = 16) -> None:
        drawn = [caption(HELD_OUT_SEED, i, noise=False) for i in range(prompts)]
        self._wanted = [(attributes, states) for _, attributes, states in drawn]
        headers = [
            encode_header(a, plan_beside(HELD_OUT_SEED, i, a))[:, :SAYING_FRAMES]
            for i, (a, _) in enumerate(self._wanted)
        ]
        self._headers = torch.from_numpy(np.stack(headers)).to(device)
        encode = [np.array(encode_prompt(corpus.tokenizer, text, MAX_TEXT_TOKENS)) for text, _, _ in drawn]
        self._prompts = pad(encode).to(device)
        self._crops = self._take(tracks, 192).to(device)
        self._long_crops = self._take(4, 768).to(device)

    @staticmethod
    def _take(tracks: int, steps: int) -> Crops:
        drawn = [track(HELD_OUT_SEED, i, bars=48)[1] for i in range(tracks)]
        codes = torch.from_numpy(np.stack([crop(each, 0, steps) for each in drawn]))
        return Crops(codes, torch.zeros(tracks, dtype=torch.long), torch.tensor([d.shape[1] for d in drawn]))

    @torch.no_grad()
    def report(self, model: Starter) -> str:
        model.eval()
        # Notes are scored without a prompt: the header is given, and says all.
        music, long = (self._music(model, crops) for crops in (self._crops, self._long_crops))
        with torch.autocast(self._headers.device.type, dtype=torch.bfloat16):
            text = model.text_encoder(self._prompts.ids, self._prompts.mask)
        logits = header_logits(model, text, self._headers, self._prompts)
        best = np.zeros((len(self._headers), CODEBOOKS, SAYING_FRAMES), np.int64)
        for frame in range(SAYING_FRAMES):
            for q in range(CODEBOOKS):
                found = logits[frame * CODEBOOKS + q].argmax(-1).cpu().numpy()
                best[:, q, frame] = found + HEADER_STARTS[frame][q]
        cases = [(a, s, decode_header(codes)) for (a, s), codes in zip(self._wanted, best, strict=True)]
        loss = mean_header_loss(logits, self._headers)
        model.train()
        right = " ".join(f"{name}={share:.2f}" for name, (share, _) in score(cases).items())
        return f"held_music={music} held_long={long} held_header={loss:.3f} {right}"

    def _music(self, model: Starter, crops: Crops) -> str:
        rows = len(crops.codes)
        empty = Prompts(self._prompts.ids[:rows] * 0, self._prompts.mask[:rows] * 0)
        return _join(music_loss(model, crops, empty, dropout=0.0))


def _join(values: Tensor) -> str:
    return "/".join(f"{v:.3f}" for v in values.tolist())


def train(work: Path, recipe: Recipe, name: str, device: torch.device) -> None:
    """Train until `recipe.minutes` are over; `<name>.pt` in `work` holds everything to go on from."""
    torch.manual_seed(recipe.seed)
    corpus = Corpus(work)
    model = new_model(corpus.tokenizer.get_vocab_size()).to(device)
    optimizer = new_optimizer(model, recipe)
    held_out = HeldOut(corpus, device)
    step, spent = _restore(work, name, model, optimizer)
    if step == 0:
        vectors = learn_word_vectors(corpus, corpus.tokenizer.get_vocab_size(), recipe.seed).to(device)
        model.text_encoder.shared.weight.data[:, : vectors.shape[1]] += vectors
    # A run that goes on must not draw what it drew before.
    torch.manual_seed(recipe.seed + step)
    rng = np.random.default_rng((recipe.seed, step))
    parameters = sum(p.numel() for p in model.parameters())
    print(f"parameters={parameters} step={step} spent_min={spent / 60:.1f}", flush=True)

    recent_music: list[Tensor] = []
    recent_header: list[float] = []
    last_save = spent
    model.train()
    while spent < recipe.minutes * 60:
        began = time.monotonic()
        progress = spent / (recipe.minutes * 60)
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate_at(step, progress)
        music, header = _learn(model, optimizer, corpus, recipe, recipe.crops_at(step, progress), rng)
        step += 1
        spent += time.monotonic() - began
        recent_music.append(music)
        recent_header.append(header)
        if step % 300 == 0 or step == 10:
            print(
                f"step={step} min={spent / 60:.1f} music={_join(torch.stack(recent_music).mean(0))} "
                f"header={np.mean(recent_header):.3f} {held_out.report(model)}",
                flush=True,
            )
            recent_music, recent_header = [], []
        if spent - last_save > 180:
            _save(work, name, model, optimizer, step, spent)
            last_save = spent
    _save(work, name, model, optimizer, step, spent)
    print(f"done step={step} min={spent / 60:.1f} {held_out.report(model)}", flush=True)


def _learn(
    model: Starter,
    optimizer: torch.optim.AdamW,
    corpus: Corpus,
    recipe: Recipe,
    crops: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[Tensor, float]:
    """One step of training; the music loss of each codebook and the header loss."""
    device = model.cos.device
    cuts, prompts = corpus.music(*crops, rng)
    music = music_loss(model, cuts.to(device), prompts.to(device), recipe.dropout)
    headers, captions = corpus.headers(recipe.header_tokens, recipe.header_rows, rng)
    header, probe = header_losses(model, headers.to(device), captions.to(device), recipe.dropout)
    optimizer.zero_grad()
    torch.autograd.backward(music.mean() + recipe.header_weight * header + probe)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return music.detach(), header.item()


def read_checkpoint(work: Path, name: str) -> dict[str, Any]:
    """What `_save` wrote, on the CPU. Raises ValueError where the folder's tokenizer is another than then."""
    saved: dict[str, Any] = torch.load(work / f"{name}.pt", weights_only=True, map_location="cpu")
    if saved["tokenizer"] != fingerprint(work / "tokenizer.json"):
        raise ValueError(f"{name}.pt was trained with another tokenizer.json than the one in {work}")
    return saved


def _restore(work: Path, name: str, model: Starter, optimizer: torch.optim.AdamW) -> tuple[int, float]:
    """Steps and seconds behind a checkpoint, which is loaded; zeros where there is none."""
    if not (work / f"{name}.pt").exists():
        return 0, 0.0
    saved = read_checkpoint(work, name)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    return saved["step"], saved["spent"]


def _save(
    work: Path, name: str, model: Starter, optimizer: torch.optim.AdamW, step: int, spent: float
) -> None:
    """Replace the checkpoint in one go, so that a kill leaves the old one."""
    path = work / f"{name}.pt"
    fresh = path.with_suffix(".new")
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
        "spent": spent,
        "tokenizer": fingerprint(work / "tokenizer.json"),
    }
    torch.save(state, fresh)
    fresh.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/training"))
    parser.add_argument("--name", default="starter")
    parser.add_argument("--minutes", type=float, default=96.0)
    parser.add_argument("--rate", type=float, default=RATE, help="the highest learning rate")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu, or cuda for a GPU")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    recipe = Recipe(minutes=options.minutes, rate=options.rate)
    train(options.work, recipe, options.name, torch.device(options.device))


if __name__ == "__main__":
    main()
