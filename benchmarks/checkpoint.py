"""Makes a checkpoint of musicgen-small's exact shape with random weights, as one lies on the Hub.

    python -m benchmarks.checkpoint FOLDER          # needs torch and transformers; 2.4 GB

Writes config.json, generation_config.json, tokenizer.json and model.safetensors (float32). How fast a model
runs depends on its shape alone, so that a measurement needs no download. The shape is that of
facebook/musicgen-small: T5-base's encoder, 24 layers of width 1024, EnCodec for 32 kHz.
"""

import argparse
from pathlib import Path

import torch
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordLevel
from transformers import (
    EncodecConfig,
    MusicgenConfig,
    MusicgenDecoderConfig,
    MusicgenForConditionalGeneration,
    T5Config,
)

from benchmarks.task import PROMPT

SPECIAL = 2048
SEED = 4


def small_config() -> MusicgenConfig:
    """The sizes of musicgen-small, mono."""
    text = T5Config(vocab_size=32_128, d_model=768, d_kv=64, d_ff=3072, num_layers=12, num_heads=12)
    codec = EncodecConfig(
        target_bandwidths=[2.2],
        sampling_rate=32_000,
        hidden_size=128,
        num_filters=64,
        upsampling_ratios=[8, 5, 4, 4],
        use_causal_conv=False,
        use_conv_shortcut=False,
        codebook_size=2048,
        codebook_dim=128,
    )
    decoder = MusicgenDecoderConfig(
        vocab_size=2048,
        hidden_size=1024,
        num_hidden_layers=24,
        num_attention_heads=16,
        ffn_dim=4096,
        num_codebooks=4,
        max_position_embeddings=2048,
        pad_token_id=SPECIAL,
        bos_token_id=SPECIAL,
        tie_word_embeddings=False,
    )
    return MusicgenConfig.from_sub_models_config(text, codec, decoder)


def small_tokenizer() -> Tokenizer:
    """A token for each word of the prompt, and `</s>` at the end, as T5's tokenizer closes its texts."""
    normalizer, splitter = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    words = dict.fromkeys(word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(PROMPT)))
    vocabulary = {word: i for i, word in enumerate(["<pad>", "</s>", "<unk>", *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = splitter
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return tokenizer


def randomise(model: MusicgenForConditionalGeneration) -> None:
    """Weights that keep the signal's size through all layers, so that no value is extreme or denormal.

    Input channels differ in size, as in trained models: quantization meets what it will meet.
    """
    generator = torch.Generator().manual_seed(SEED)

    def noise(value: torch.Tensor) -> torch.Tensor:
        return torch.randn(value.shape, generator=generator)

    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.startswith("audio_encoder.") or value.dim() < 2:
                continue  # EnCodec's and the norms' own initial values serve
            if any(part in name for part in ("embed", "shared", "relative")):
                value.copy_(0.5 * noise(value))
                continue
            channels = torch.exp(0.4 * noise(value[0]))
            channels /= channels.square().sum().sqrt()
            gain = 0.3 if "SelfAttention.q" in name else 1.0  # T5 does not divide its scores by √d
            value.copy_(gain * channels * noise(value))
        for name, value in model.audio_encoder.named_buffers():
            if name.endswith("codebook.embed"):
                value.copy_(noise(value))


def write_checkpoint(folder: Path, config: MusicgenConfig, tokenizer: Tokenizer) -> None:
    """Writes the checkpoint's files into an existing folder."""
    torch.manual_seed(SEED)
    model = MusicgenForConditionalGeneration(config).eval()
    for key in ("decoder_start_token_id", "pad_token_id", "bos_token_id"):
        setattr(model.generation_config, key, config.decoder.pad_token_id)
    randomise(model)
    tokenizer.save(str(folder / "tokenizer.json"))
    model.save_pretrained(folder, safe_serialization=True, max_shard_size="100GB")
    model.config.to_json_file(folder / "config.json", use_diff=False)  # as on the Hub: all values are there


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    write_checkpoint(folder, small_config(), small_tokenizer())


if __name__ == "__main__":
    main()
