"""Builds codec.onnx from an EnCodec decoder, as a stream.

Source: "High Fidelity Neural Audio Compression" (Défossez et al., 2022), transformers `EncodecDecoder`.

The network has three stages: codes are summed to embeddings and pass a convolution; an LSTM runs over the
frames; a stack of transposed convolutions makes `hop` samples of each frame. Only the true ends of a track
may be padded by reflection, so each convolutional stage works on a window of frames:

    past      frames whose output was given before, context on the left
    pending   frames that still waited for context on the right
    new       frames of this call

It runs over the whole window, as if that were the whole track, and gives the output of the frames that have
all their context. What the padding at the window's ends spoils is never given, but for the track's own ends.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
import onnx
from numpy.typing import NDArray

from lofi_worker.importer.graph import BOOL, FLOAT, IN_FULL, INT64, GraphBuilder, Storage, Weights

PREFIX = "audio_encoder.decoder.layers"


@dataclass(frozen=True)
class EncodecShape:
    """The sizes of an EnCodec decoder. `codebooks` counts one channel's; a stereo model has twice as many."""

    codebooks: int
    codebook_size: int
    channels: int
    filters: int
    ratios: tuple[int, ...]
    kernel: int
    last_kernel: int
    residual_kernel: int
    residual_layers: int
    dilation_growth: int
    lstm_layers: int

    @property
    def hop(self) -> int:
        """Samples per frame."""
        return prod(self.ratios)

    @property
    def width(self) -> int:
        """Channels of the LSTM."""
        return self.filters << len(self.ratios)


def context_frames(shape: EncodecShape) -> tuple[int, int]:
    """How many frames to the left and to the right the upsampling stack sees around those it gives.

    Follows the first and last sample that are needed, layer by layer, from the output back to the frames.
    """
    frames = 1000  # enough that neither end reaches the other
    first, last = 0, frames * shape.hop - 1
    first, last = _seen_by_convolution(first, last, shape.last_kernel, 1)
    for ratio in reversed(shape.ratios):
        for j in reversed(range(shape.residual_layers)):
            first, last = _seen_by_convolution(first, last, shape.residual_kernel, shape.dilation_growth**j)
        trimmed = ratio - ratio // 2
        first, last = (first + trimmed) // ratio - 1, (last + trimmed) // ratio
    return max(0, -first), max(0, last - (frames - 1))


def _seen_by_convolution(first: int, last: int, kernel: int, dilation: int) -> tuple[int, int]:
    left, right = _padding(kernel, dilation)
    return first - left, last + right


def _padding(kernel: int, dilation: int) -> tuple[int, int]:
    """Left and right padding that keeps the length, the odd one left (transformers `EncodecConv1d`)."""
    total = (kernel - 1) * dilation
    return total - total // 2, total // 2


def build_encodec(weights: Weights, shape: EncodecShape, storage: Storage = IN_FULL) -> onnx.ModelProto:
    """The graph `codes, last, state.* -> audio, next_state.*`.

    codes: int64 [1, codebooks * channels, n], the channels interleaved (even: left); n may be 0, but not
    in the first call. last: bool []; audio: float [1, channels, samples].
    A track has at least kernel // 2 + 1 frames.
    """
    graph = GraphBuilder("codec", storage)
    codes = graph.input("codes", INT64, [1, shape.codebooks * shape.channels, "frames"])
    graph.input("last", BOOL, [])
    hidden = _lstm(graph, weights, shape, _first_convolution(graph, weights, shape, codes))
    _upsampling(graph, weights, shape, hidden)
    return graph.model()


@dataclass(frozen=True)
class _Window:
    """past + pending + new along the last axis; `begin` and `end` (int64 [1]) mark the frames to give now."""

    tensor: str
    begin: str
    end: str


def _window(
    graph: GraphBuilder, name: str, new: str, dims: tuple[int, int], dtype: int, context: tuple[int, int]
) -> _Window:
    """Joins the state `name` with the new frames and hands on the next state; axis 2 is time.

    dims: the first two dimensions; context: the frames that an output sees to its left and right.
    """
    left, right = context
    past = graph.input(f"state.{name}.past", dtype, [*dims, f"{name}.past"])
    pending = graph.input(f"state.{name}.pending", dtype, [*dims, f"{name}.pending"])
    window = graph.node("Concat", [past, pending, new], axis=2)
    size = graph.node("Shape", [window], start=2, end=3)
    begin = graph.node("Shape", [past], start=2, end=3)
    ready = graph.node("Max", [begin, graph.node("Sub", [size, graph.constant([right])])])
    end = graph.node("Where", ["last", size, ready])
    kept = graph.node("Max", [graph.constant([0]), graph.node("Sub", [end, graph.constant([left])])])
    for part, start, stop in (("past", kept, end), ("pending", end, size)):
        place = f"next_state.{name}.{part}"
        tensor = graph.node("Slice", [window, start, stop, graph.constant([2])], output=place)
        graph.output(tensor, dtype, [*dims, f"next_{name}.{part}"])
    return _Window(window, begin, end)


def _first_convolution(graph: GraphBuilder, weights: Weights, shape: EncodecShape, codes: str) -> str:
    """Codes to embeddings to the first convolution: [channels, width, frames given]."""
    left, right = _padding(shape.kernel, 1)
    dims = (1, shape.codebooks * shape.channels)
    window = _window(graph, "codes", codes, dims, INT64, (left, right))
    tables = [weights[f"audio_encoder.quantizer.layers.{q}.codebook.embed"] for q in range(shape.codebooks)]
    split = graph.node("Reshape", [window.tensor, graph.constant([shape.codebooks, shape.channels, -1])])
    by_channel = graph.node("Transpose", [split], perm=[1, 0, 2])
    offsets = np.arange(shape.codebooks, dtype=np.int64)[:, None] * shape.codebook_size
    rows = graph.node("Add", [by_channel, graph.weight("codebook_offsets", offsets)])
    vectors = graph.rows("codebooks", np.concatenate(tables), rows)
    summed = graph.node("ReduceSum", [vectors, graph.constant([1])], keepdims=0)
    embedded = graph.node("Transpose", [summed], perm=[0, 2, 1])
    padded = _reflect(graph, embedded, left, right)
    convolved = _convolve(graph, weights, f"{PREFIX}.0.conv", padded)
    return graph.node("Slice", [convolved, window.begin, window.end, graph.constant([2])])


def _reflect(graph: GraphBuilder, x: str, left: int, right: int) -> str:
    """Reflection along axis 2, by a Gather: `Pad` refuses a window that is shorter than the padding.

    In such a window only frames that are not given yet see the wrong values.
    """
    top = graph.node("Sub", [graph.dim(x, 2), graph.constant(1)])
    stop = graph.node("Add", [top, graph.constant(right + 1)])
    places = graph.node("Range", [graph.constant(-left), stop, graph.constant(1)])
    from_left = graph.node("Abs", [places])
    from_right = graph.node("Abs", [graph.node("Sub", [top, from_left])])
    inside = graph.node("Sub", [top, from_right])
    return graph.node("Gather", [x, graph.node("Max", [inside, graph.constant(0)])], axis=2)


def _convolve(graph: GraphBuilder, weights: Weights, name: str, x: str, dilation: int = 1) -> str:
    kernel = graph.stored(f"{name}.weight", weights[f"{name}.weight"])
    bias = graph.weight(f"{name}.bias", weights[f"{name}.bias"])
    return graph.node("Conv", [x, kernel, bias], dilations=[dilation])


def _lstm(graph: GraphBuilder, weights: Weights, shape: EncodecShape, x: str) -> str:
    """The LSTM with its residual connection: [channels, width, frames]; h and c are carried between calls."""
    sequence = graph.node("Transpose", [x], perm=[2, 0, 1])
    stream = sequence
    ran = graph.node("Greater", [graph.node("Shape", [x], start=2, end=3), graph.constant([0])])
    for i in range(shape.lstm_layers):
        state = [f"lstm.{i}.{part}" for part in "hc"]
        dims = [1, shape.channels, shape.width]
        for name in state:
            graph.input(f"state.{name}", FLOAT, dims)
            graph.output(f"next_state.{name}", FLOAT, dims)
        source = f"{PREFIX}.1.lstm"
        matrices = [_gates(weights[f"{source}.weight_{side}_l{i}"])[None] for side in ("ih", "hh")]
        biases = [_gates(weights[f"{source}.bias_{side}_l{i}"]) for side in ("ih", "hh")]
        parameters = [
            graph.stored(f"lstm.{i}.input", matrices[0]),
            graph.stored(f"lstm.{i}.recurrent", matrices[1]),
            graph.weight(f"lstm.{i}.bias", np.concatenate(biases)[None]),
        ]
        y, *after = graph.nodes(
            "LSTM",
            [stream, *parameters, "", *(f"state.{name}" for name in state)],
            ["*", "*", "*"],
            hidden_size=shape.width,
        )
        for name, value in zip(state, after, strict=True):  # ONNX Runtime leaves them unset when no frame ran
            graph.node("Where", [ran, value, f"state.{name}"], output=f"next_state.{name}")
        stream = graph.node("Squeeze", [y, graph.constant([1])])
    added = graph.node("Add", [stream, sequence])
    return graph.node("Transpose", [added], perm=[1, 2, 0])


def _gates(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reorders torch's gates (input, forget, cell, output) to those of ONNX (input, output, forget, cell)."""
    i, f, c, o = np.split(matrix, 4)
    return np.concatenate([i, o, f, c])


def _upsampling(graph: GraphBuilder, weights: Weights, shape: EncodecShape, hidden: str) -> None:
    """Hidden frames to samples: the graph output `audio`, [1, channels, samples]."""
    dims = (shape.channels, shape.width)
    window = _window(graph, "hidden", hidden, dims, FLOAT, context_frames(shape))
    x = _never_empty(graph, window.tensor, shape)
    layer = 2
    for ratio in shape.ratios:
        x = _upsample(graph, weights, f"{PREFIX}.{layer + 1}.conv", x, ratio)
        layer += 2
        for j in range(shape.residual_layers):
            x = _residual_block(graph, weights, f"{PREFIX}.{layer}.block", x, shape, shape.dilation_growth**j)
            layer += 1
    x = _padded_convolution(graph, weights, f"{PREFIX}.{layer + 1}.conv", x, shape.last_kernel, 1)
    hop = graph.constant([shape.hop])
    first, last = (graph.node("Mul", [frame, hop]) for frame in (window.begin, window.end))
    given = graph.node("Slice", [x, first, last, graph.constant([2])])
    graph.node("Reshape", [given, graph.constant([1, shape.channels, -1])], output="audio")
    graph.output("audio", FLOAT, [1, shape.channels, "samples"])


def _never_empty(graph: GraphBuilder, window: str, shape: EncodecShape) -> str:
    """The window, or one silent frame in place of an empty one, which a convolution would refuse."""
    size = graph.node("Shape", [window], start=2, end=3)
    missing = graph.node("Max", [graph.constant([0]), graph.node("Sub", [graph.constant([1]), size])])
    dims = graph.node("Concat", [graph.constant([shape.channels, shape.width]), missing], axis=0)
    silence = graph.node("Expand", [graph.weight("silence", np.zeros(1, np.float32)), dims])
    return graph.node("Concat", [window, silence], axis=2)


def _upsample(graph: GraphBuilder, weights: Weights, name: str, x: str, ratio: int) -> str:
    """ELU and a transposed convolution of kernel 2 * ratio, trimmed to `ratio` samples per input sample."""
    kernel = graph.stored(f"{name}.weight", weights[f"{name}.weight"])
    bias = graph.weight(f"{name}.bias", weights[f"{name}.bias"])
    trimmed = [ratio - ratio // 2, ratio // 2]
    return graph.node("ConvTranspose", [graph.node("Elu", [x]), kernel, bias], strides=[ratio], pads=trimmed)


def _residual_block(
    graph: GraphBuilder, weights: Weights, name: str, x: str, shape: EncodecShape, dilation: int
) -> str:
    inner = _padded_convolution(graph, weights, f"{name}.1.conv", x, shape.residual_kernel, dilation)
    inner = _convolve(graph, weights, f"{name}.3.conv", graph.node("Elu", [inner]))
    return graph.node("Add", [x, inner])


def _padded_convolution(
    graph: GraphBuilder, weights: Weights, name: str, x: str, kernel: int, dilation: int
) -> str:
    """ELU, reflection at both ends and a convolution: the length stays."""
    left, right = _padding(kernel, dilation)
    pads = graph.constant([0, 0, left, 0, 0, right])
    padded = graph.node("Pad", [graph.node("Elu", [x]), pads], mode="reflect")
    return _convolve(graph, weights, name, padded, dilation)
