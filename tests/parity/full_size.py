"""Parity at the size of a published model, against transformers on weights that both read from the same file.

    python -m tests.parity.full_size [--shape small] [--layers 24] [--seconds 10] [--work DIR]

Needs torch 2.13.0 (CPU) and transformers 4.57.6, about 4 GB of memory, 5 GB of disk, and minutes. Builds a
random checkpoint, saves it as safetensors, imports it in float32 with the importer, and compares: greedy
tokens for three prompts at guidance scale 3 over the whole length, the audio that comes of them, and the text
encoder's states. Exits with 1 when a token differs, or an error exceeds 1e-4.

Random weights give near-ties: of 2048 codes the best two are often alike to the last bits of a float. The
rows of the heads are scaled by powers drawn from a normal distribution, so that a few codes stand out in each
step; the smallest distance between the best two, and the largest error of the logits, are printed.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from lofi_worker.importer.convert import convert_checkpoint
from lofi_worker.importer.sources.source import open_source
from lofi_worker.importer.text_graph import build_text_encoder
from lofi_worker.musicgen.track import FADE_SECONDS
from tests.parity.engine_runs import audio_of, load, record_codes, record_logits, run, spec

PROMPTS = [
    "a slow lofi beat with soft piano",
    "fast jazz drums and a warm bass",
    "rain on the keys , night guitar",
]
SHAPES: dict[str, dict[str, int]] = {
    "small": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "ffn_dim": 4096},
    "medium": {"hidden_size": 1536, "num_hidden_layers": 48, "num_attention_heads": 24, "ffn_dim": 6144},
    "large": {"hidden_size": 2048, "num_hidden_layers": 48, "num_attention_heads": 32, "ffn_dim": 8192},
}
TOLERANCE = 1e-4


def reference(work: Path, sizes: dict[str, int], channels: int, seconds: int, threads: int) -> None:
    """Writes `work`/checkpoint, and what transformers makes of it into `work`/golden.npz."""
    import torch

    from tests.fixtures.tiny_musicgen import make

    torch.set_num_threads(threads)
    tokenizer = make.make_tokenizer()
    model = _model(sizes, channels)
    folder = work / "checkpoint"
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))

    ids = torch.tensor([tokenizer.encode(prompt).ids for prompt in PROMPTS])
    golden: dict[str, NDArray[Any]] = {}
    with torch.no_grad():
        golden["states"] = model.text_encoder(input_ids=ids[:1]).last_hidden_state[0].numpy()
    codes = []
    decode = model.audio_encoder.decode

    def spy(audio_codes: torch.Tensor, audio_scales: list[None]) -> object:
        codes.append(audio_codes)
        return decode(audio_codes, audio_scales)

    model.audio_encoder.decode = spy
    started = time.monotonic()
    made = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        guidance_scale=3.0,
        max_new_tokens=50 * seconds + 3,
        return_dict_in_generate=True,
        output_scores=True,
    )
    print(f"transformers: {time.monotonic() - started:.0f} s for {len(PROMPTS)} prompts", flush=True)
    codebooks = 4 * channels
    tokens = torch.stack([each[0] for each in codes], 2).reshape(len(PROMPTS), codebooks, -1)
    best = torch.stack(made.scores[codebooks // channels :]).topk(2).values
    print(
        f"logits: standard deviation {float(made.scores[0].std()):.3f}, smallest distance of the best two"
        f" {float((best[..., 0] - best[..., 1]).min()):.6f}; different codes {len(tokens.unique())}",
        flush=True,
    )
    logits = torch.stack(made.scores, 1).reshape(len(PROMPTS), codebooks, len(made.scores), -1)
    golden |= {"tokens": tokens.numpy(), "audio": made.sequences.numpy(), "logits": logits.numpy()}
    np.savez(work / "golden.npz", **golden)


def _model(sizes: dict[str, int], channels: int) -> Any:
    """MusicGen with random weights: T5-base, a decoder of these sizes, the 32 kHz EnCodec."""
    import torch
    from transformers import (
        EncodecConfig,
        MusicgenConfig,
        MusicgenDecoderConfig,
        MusicgenForConditionalGeneration,
        T5Config,
    )

    text = T5Config(vocab_size=32_128, d_model=768, d_kv=64, d_ff=3072, num_layers=12, num_heads=12)
    codec = EncodecConfig(
        target_bandwidths=[2.2],
        sampling_rate=32_000,
        num_filters=64,
        upsampling_ratios=[8, 5, 4, 4],
        use_causal_conv=False,
        use_conv_shortcut=False,
        codebook_size=2048,
    )
    decoder = MusicgenDecoderConfig(
        vocab_size=2048,
        num_codebooks=4 * channels,
        audio_channels=channels,
        pad_token_id=2048,
        bos_token_id=2048,
        tie_word_embeddings=False,
        **sizes,
    )
    model = MusicgenForConditionalGeneration(MusicgenConfig.from_sub_models_config(text, codec, decoder))
    for name in ("decoder_start_token_id", "pad_token_id", "bos_token_id"):
        setattr(model.generation_config, name, 2048)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if not value.is_floating_point() or name.endswith(("inited", "cluster_size")):
                continue
            value.normal_(generator=generator)
            if "norm.weight" in name or name.endswith(("original0", "weight_g")):
                value.mul_(0.2).add_(1.0)
            elif value.dim() == 1:
                value.mul_(0.1)
            elif not any(part in name for part in ("embed", "shared", "relative")):
                value.div_(value.shape[1:].numel() ** 0.5)
            if name.endswith("SelfAttention.q.weight"):
                value.div_(text.d_kv**0.5)  # T5 leaves the scores as they are
            if "lm_heads" in name:
                value.mul_((0.5 * torch.randn(value.shape[0], 1, generator=generator)).exp())
    return model.eval()


def compare(work: Path, seconds: int, threads: int) -> list[str]:
    """What differs from transformers, empty when nothing does."""
    with np.load(work / "golden.npz") as file:
        golden = dict(file)
    wrong = []
    error = np.abs(text_states(work / "checkpoint", PROMPTS[0]) - golden["states"]).max()
    print(f"text encoder: largest error {error:.2e}", flush=True)
    if error >= TOLERANCE:
        wrong.append("text encoder")
    engine = load(work / "model", threads=threads)
    for i, prompt in enumerate(PROMPTS):
        with pytest.MonkeyPatch.context() as patch:
            chunks, logits = record_codes(patch), record_logits(patch)
            audio = audio_of(run(engine, spec(prompt, seconds, temperature=0.0)))
        tokens, expected = np.concatenate(chunks).T, golden["tokens"][i]
        same = np.array_equal(tokens, expected)
        kept = audio.shape[1] - round(FADE_SECONDS * 32_000)
        error = np.abs(audio[:, :kept] - golden["audio"][i][:, :kept]).max()
        agreement = np.mean(tokens == expected)
        apart = [np.abs(ours - golden["logits"][i][:, step]).max() for step, ours in enumerate(logits)]
        print(
            f"{prompt!r}: {tokens.shape[1]} frames, tokens equal: {same} ({agreement:.2%}), audio's largest"
            f" error {error:.2e} of {np.abs(golden['audio'][i]).max():.2f}, logits' {max(apart):.2e} in"
            f" {len(apart)} steps, {apart[0]:.2e} in the first",
            flush=True,
        )
        if not same or error >= TOLERANCE:
            wrong.append(prompt)
    return wrong


def text_states(checkpoint: Path, prompt: str) -> NDArray[np.float32]:
    """The text encoder's states [tokens, width]: the keys of one layer as wide as it, with the identity."""
    from tokenizers import Tokenizer

    source = open_source(checkpoint)
    text = source.config.text_shape()
    identity = np.eye(text.hidden, dtype=np.float32)
    layer = "decoder.model.decoder.layers.0.encoder_attn"
    weights = {name: source.weights[name] for name in source.weights if name.startswith("text_encoder.")}
    weights |= {f"{layer}.{part}_proj.weight": identity for part in ("k", "v")}
    decoder = replace(
        source.config.decoder_shape(), layers=1, hidden=text.hidden, heads=1, head_dim=text.hidden
    )
    graph = build_text_encoder(weights, text, decoder)
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    ids = np.array([Tokenizer.from_buffer(source.tokenizer).encode(prompt).ids])
    keys: NDArray[np.float32] = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]
    return keys[0, 0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--layers", type=int, help="fewer layers than the shape has")
    parser.add_argument("--stereo", action="store_true")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path("build/full_size"))
    parser.add_argument("--step", choices=["reference", "import", "compare"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step == "reference":
        layers = {} if options.layers is None else {"num_hidden_layers": options.layers}
        sizes, channels = SHAPES[options.shape] | layers, 2 if options.stereo else 1
        reference(options.work, sizes, channels, options.seconds, options.threads)
    elif options.step == "import":
        convert_checkpoint(
            options.work / "checkpoint",
            options.work / "model",
            "random",
            license="none",
            description="random weights",
            precision="fp32",
        )
    elif options.step == "compare":
        wrong = compare(options.work, options.seconds, options.threads)
        print(f"different: {json.dumps(wrong)}", flush=True)
        return 1 if wrong else 0
    else:
        return _in_processes(options.work)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{options.step}: {time.process_time():.0f} s of processor time, peak {peak:.2f} GiB", flush=True)
    return 0


def _in_processes(work: Path) -> int:
    """Each step in a process of its own, so that none keeps another's memory."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for step in ("reference", "import", "compare"):
        done = subprocess.run(
            [sys.executable, "-m", "tests.parity.full_size", *sys.argv[1:], "--step", step], check=False
        )
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
