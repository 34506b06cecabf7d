"""How a model's weights are stored: the precisions that an import offers."""

import re
from dataclasses import dataclass
from typing import Literal

from lofi_common import installs
from lofi_worker.importer.graph import FULL, MatrixFormat, MatrixFormats

Precision = Literal["fp32", "fp16", "int8", "int4", "mixed"]
DEFAULT_PRECISION: Precision = installs.DEFAULT_PRECISION

# A block has one scale. Fewer and larger ones are less to multiply with: on an AVX-512 VNNI processor int4
# takes 32 us per million weights in blocks of 256, 41 to 65 in blocks of 128 and 64 to 82 in blocks of 32,
# while its rounding error grows from 8.2 % (32) over 9.7 % (128) to 10.2 %. int8 takes 65 to 73 us (256)
# against 85 to 111 (32), with errors below 0.7 %.
INT8 = MatrixFormat(8, 256)
INT4 = MatrixFormat(4, 256)
HALF = MatrixFormat(16)


@dataclass(frozen=True)
class Formats:
    """What becomes of the weights.

    matrix: by a product's name in the graph and its weights [out, in]. table: the bits of embedding tables.
    codes: the KV cache holds int8 instead of float32.
    """

    matrix: MatrixFormats
    table: Literal[8, 16, 32]
    codes: bool


def formats_for(precision: Precision, in_int8: frozenset[str]) -> Formats:
    """The formats of a precision; `in_int8` names the matrices that `mixed` gives 8 bits.

    fp16 stores halves and computes with float32, since processors have no fast products of halves: it is as
    fast as fp32. int4 keeps the text encoder in int8: it runs once a track.
    """
    match precision:
        case "fp32":
            return Formats(lambda name, weight: FULL, table=32, codes=False)
        case "fp16":
            return Formats(lambda name, weight: HALF, table=16, codes=False)
        case "int8":
            return Formats(lambda name, weight: INT8, table=8, codes=True)
        case "int4":
            return Formats(lambda name, weight: INT4 if of_decoder(name) else INT8, table=8, codes=True)
        case "mixed":
            return Formats(lambda name, weight: INT8 if name in in_int8 else INT4, table=8, codes=True)


def of_decoder(name: str) -> bool:
    """Whether the product of this name runs in every step."""
    return name.startswith(("layers.", "lm_heads"))


def kind_of(name: str) -> str:
    """What a product does in its layer: "self_attn.qkv", "fc1", "k_proj", "SelfAttention.q", …"""
    return re.sub(r"^(layers|cross|block)\.\d+\.(layer\.\d\.)?", "", name)
