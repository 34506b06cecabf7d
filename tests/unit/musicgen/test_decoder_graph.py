"""decoder.onnx against plain numpy: cached steps, rows at different positions, runs of positions, options."""

from dataclasses import replace
from typing import Literal

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from lofi_worker.importer.decoder_graph import CacheScales, DecoderShape, build_decoder, sinusoidal_positions
from lofi_worker.importer.graph import MatrixFormat, Storage
from tests.unit.musicgen.decoder_reference import random_weights, reference_logits

PLAIN = DecoderShape(layers=2, hidden=48, heads=3, head_dim=16, ffn=80, codebooks=4, codebook_size=20)
ROTARY = replace(PLAIN, rotary_base=10_000.0)
CAPACITY = 24
TEXT = 32


class Rows:
    """The graph with its buffers; rows are fed at positions of their own."""

    def __init__(
        self,
        shape: DecoderShape,
        model_bytes: bytes,
        texts: list[int],
        nulls: int = 0,
        cache: type = np.float32,
    ) -> None:
        """texts: tokens of each row's prompt; nulls: rows behind them that have none."""
        self.session = ort.InferenceSession(model_bytes, providers=["CPUExecutionProvider"])
        random = np.random.default_rng(9)
        rows = len(texts)
        every = rows + nulls
        kinds = [f"{i}.{kind}" for i in range(shape.layers) for kind in ("key", "value")]
        self.cache = {k: np.zeros((every, shape.heads, CAPACITY, shape.head_dim), cache) for k in kinds}
        self.cross = {k: np.zeros((rows, shape.heads, TEXT, shape.head_dim), np.float32) for k in kinds}
        self.mask = np.zeros((rows, TEXT), np.int32)
        for row, tokens in enumerate(texts):
            self.mask[row, :tokens] = 1
            for buffer in self.cross.values():
                buffer[row, :, :tokens] = random.normal(size=(shape.heads, tokens, shape.head_dim))

    def run(
        self, tokens: NDArray[np.int64], last: list[int], left: list[int] | None = None
    ) -> NDArray[np.float32]:
        """Logits of tokens [rows, length, codebooks], whose last position is `last` in each row.

        left: the frames left at that position, for graphs that ask.
        """
        feeds = {
            **({"frames_left": np.array(left, np.int64)} if left is not None else {}),
            "tokens": tokens,
            "seqlens_k": np.array(last, np.int32),
            "total_sequence_length": np.array([max(last) + 1], np.int32),
            "cross_mask": self.mask,
            **{f"past.{kind}": value for kind, value in self.cache.items()},
            **{f"cross.{kind}": value for kind, value in self.cross.items()},
        }
        logits, *present = self.session.run(["logits", *(f"present.{kind}" for kind in self.cache)], feeds)
        self.cache = dict(zip(self.cache, present, strict=True))
        result: NDArray[np.float32] = logits
        return result

    def text(self, row: int) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        valid = self.mask[row] == 1
        pairs = [self.cross[kind][row][:, valid].astype(np.float64) for kind in self.cross]
        return list(zip(pairs[::2], pairs[1::2], strict=True))


def tokens_for(shape: DecoderShape, rows: int, length: int) -> NDArray[np.int64]:
    return np.random.default_rng(2).integers(0, shape.codebook_size + 1, (rows, length, shape.codebooks))


@pytest.mark.parametrize("shape", [PLAIN, ROTARY], ids=["plain", "rotary"])
def test_cached_steps_of_ragged_rows_are_the_whole_sequences(shape: DecoderShape) -> None:
    weights = random_weights(shape, 1)
    positions = sinusoidal_positions(CAPACITY, shape.hidden)
    rows = Rows(shape, build_decoder(weights, shape, positions).SerializeToString(), texts=[7, 0, 30])
    tokens = tokens_for(shape, 3, CAPACITY)
    begins = [0, 5, 2]  # the step at which each row starts
    seen: list[list[NDArray[np.float32]]] = [[], [], []]
    for step in range(16):
        places = [max(0, step - begin) for begin in begins]
        fed = np.stack([tokens[row, place : place + 1] for row, place in enumerate(places)])
        logits = rows.run(fed, places)
        for row, begin in enumerate(begins):
            if step >= begin:
                seen[row].append(logits[row, 0])
    for row in range(3):
        length = len(seen[row])
        expected = reference_logits(weights, shape, positions, tokens[row, :length], rows.text(row))
        assert np.abs(np.stack(seen[row]) - expected).max() < 1e-4
    assert np.abs(expected).max() > 1


@pytest.mark.parametrize("shape", [PLAIN, ROTARY], ids=["plain", "rotary"])
@pytest.mark.parametrize("lengths", [[12], [1, 11], [5, 1, 6], [8, 4]])
def test_positions_may_be_fed_in_runs(shape: DecoderShape, lengths: list[int]) -> None:
    weights = random_weights(shape, 3)
    positions = sinusoidal_positions(CAPACITY, shape.hidden)
    rows = Rows(shape, build_decoder(weights, shape, positions).SerializeToString(), texts=[4])
    tokens = tokens_for(shape, 1, 12)
    ends = np.cumsum(lengths)
    pieces = [
        rows.run(tokens[:, end - n : end], [int(end) - 1]) for n, end in zip(lengths, ends, strict=True)
    ]
    expected = reference_logits(weights, shape, positions, tokens[0], rows.text(0))
    assert np.abs(np.concatenate(pieces, axis=1)[0] - expected).max() < 1e-4


def test_logits_get_their_positions_bias_and_scale() -> None:
    shape = PLAIN
    weights = random_weights(shape, 4)
    positions = np.zeros((CAPACITY, shape.hidden), np.float32)
    random = np.random.default_rng(5)
    bias = random.normal(size=(3, shape.codebooks, shape.codebook_size)).astype(np.float32)
    bias[1, 2, 7] = -1e4
    scale = random.uniform(0.5, 2, size=(3, shape.codebooks)).astype(np.float32)
    model = build_decoder(weights, shape, positions, bias, scale)
    rows = Rows(shape, model.SerializeToString(), texts=[4])
    tokens = tokens_for(shape, 1, 6)
    logits = rows.run(tokens, [5])[0]
    raw = reference_logits(weights, shape, positions, tokens[0], rows.text(0))
    at = [0, 1, 2, 2, 2, 2]  # the last row of the tables holds for all later positions
    assert np.abs(logits - (raw + bias[at]) * scale[at][:, :, None]).max() < 2e-3
    assert logits[1, 2, 7] < -4000


def test_rows_are_told_how_many_frames_are_left() -> None:
    weights = random_weights(PLAIN, 6)
    positions = sinusoidal_positions(CAPACITY, PLAIN.hidden)
    endings = np.random.default_rng(7).normal(size=(4, PLAIN.hidden)).astype(np.float32)
    model = build_decoder(weights, PLAIN, positions, endings=endings)
    rows = Rows(PLAIN, model.SerializeToString(), texts=[4, 4])
    tokens = np.repeat(tokens_for(PLAIN, 1, 6), 2, axis=0)
    logits = rows.run(tokens, [5, 5], left=[1, 90])
    near = positions.copy()
    near[:6] += endings[[3, 3, 3, 3, 2, 1]]  # 6 5 4 3 2 1 frames left; the last row holds for 3 and more
    far = positions + endings[3]
    for row, table in enumerate((near, far)):
        expected = reference_logits(weights, PLAIN, table, tokens[row], rows.text(row))
        assert np.abs(logits[row] - expected).max() < 1e-4


def test_positions_are_those_of_transformers() -> None:
    table = sinusoidal_positions(3, 8)
    steps = 10_000 ** (-np.arange(4) / 3)
    assert table[0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    assert np.allclose(table[2], np.concatenate([np.cos(2 * steps), np.sin(2 * steps)]), atol=1e-6)


@pytest.mark.parametrize(("bits", "closeness"), [(8, 0.999), (4, 0.95)])
def test_quantised_decoders_stay_close(bits: Literal[4, 8], closeness: float) -> None:
    shape = replace(PLAIN, hidden=64, heads=4, ffn=128)
    weights = random_weights(shape, 6)
    positions = sinusoidal_positions(CAPACITY, shape.hidden)
    coded = Storage(lambda name, matrix: MatrixFormat(bits, 32))
    tokens = tokens_for(shape, 1, 3)
    exact, rounded = (
        Rows(shape, each.SerializeToString(), texts=[4]).run(tokens, [2])
        for each in (
            build_decoder(weights, shape, positions),
            build_decoder(weights, shape, positions, storage=coded),
        )
    )
    assert np.corrcoef(exact.ravel(), rounded.ravel())[0, 1] > closeness
    assert not np.array_equal(exact, rounded)


def test_rows_behind_those_with_prompts_attend_to_none() -> None:
    weights = random_weights(PLAIN, 8)
    graph = build_decoder(weights, PLAIN, sinusoidal_positions(CAPACITY, PLAIN.hidden)).SerializeToString()
    tokens = tokens_for(PLAIN, 4, 5)
    last = [4, 4, 4, 4]
    left_out = Rows(PLAIN, graph, texts=[7, 3], nulls=2).run(tokens, last)
    empty = Rows(PLAIN, graph, texts=[7, 3, 0, 0]).run(tokens, last)
    assert np.array_equal(left_out, empty)
    assert not np.array_equal(left_out[2], Rows(PLAIN, graph, texts=[7, 3, 5, 0]).run(tokens, last)[2])


def test_a_cache_of_codes_stays_close() -> None:
    shape = replace(PLAIN, hidden=64, heads=4, ffn=128)
    weights = random_weights(shape, 6)
    positions = sinusoidal_positions(CAPACITY, shape.hidden)
    exact = Rows(shape, build_decoder(weights, shape, positions).SerializeToString(), texts=[4])
    tokens = tokens_for(shape, 1, 9)
    for step in range(8):
        exact.run(tokens[:, step : step + 1], [step])
    size = {kind: np.abs(each).max(axis=(0, 2)).ravel() / 127 for kind, each in exact.cache.items()}
    scales = [CacheScales(size[f"{i}.key"], size[f"{i}.value"]) for i in range(shape.layers)]
    graph = build_decoder(weights, shape, positions, cache_scales=scales).SerializeToString()
    coded = Rows(shape, graph, texts=[4], cache=np.int8)
    for step in range(8):
        coded.run(tokens[:, step : step + 1], [step])
    for kind, codes in coded.cache.items():
        assert codes.dtype == np.int8
        scale = size[kind].reshape(shape.heads, 1, shape.head_dim)
        assert np.abs(codes * scale - exact.cache[kind])[:, :, :8].max() < 0.3
    last = [rows.run(tokens[:, 8:9], [8]) for rows in (exact, coded)]
    assert np.corrcoef(last[0].ravel(), last[1].ravel())[0, 1] > 0.999
    assert not np.array_equal(*last)
