"""The starter's sizes, shared by training and export."""

from __future__ import annotations

from lofi_worker.importer.decoder_graph import DecoderShape
from lofi_worker.importer.text_graph import TextShape
from training.tokens import CODEBOOK_SIZE, CODEBOOKS

TEXT = TextShape(layers=3, hidden=192, heads=6, head_dim=32, ffn=512)
DECODER = DecoderShape(
    layers=5, hidden=192, heads=3, head_dim=64, ffn=768, codebooks=CODEBOOKS, codebook_size=CODEBOOK_SIZE,
    rotary_base=10_000.0,
)  # fmt: skip
MAX_STEPS = 1024
MAX_TEXT_TOKENS = 256
SPECIAL = CODEBOOK_SIZE  # pad = start: fed where a codebook has no frame, never sampled
