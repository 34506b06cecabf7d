"""Turns a MusicGen checkpoint, in any of its published forms, into a model folder."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lofi_common.cores import inference_threads, usable_cores
from lofi_common.manifest import AgreementSpec, CodecSpec, DecoderSpec, SamplingSpec, TextSpec
from lofi_worker.importer.build import Shapes
from lofi_worker.importer.compose import LanguageModel
from lofi_worker.importer.manifest import FILES, OPTIONAL_FILES, write_manifest
from lofi_worker.importer.precision import DEFAULT_PRECISION, Precision
from lofi_worker.importer.sources.config import ModelConfig
from lofi_worker.importer.sources.source import open_source
from lofi_worker.importer.sources.weights import StoredWeights
from lofi_worker.importer.write_graphs import REFERENCE, write_graphs
from lofi_worker.musicgen.settings import RunSettings

MAX_TEXT_TOKENS = 256
CHUNK_FRAMES = 50  # one second: the few frames of context that the codec computes again cost little beside it
SAMPLING = SamplingSpec(temperature=1.0, top_k=250, top_p=0.0, guidance_scale=3.0)  # audiocraft's defaults

Report = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """A report that nobody reads."""


def convert_checkpoint(
    folder: Path,
    out_folder: Path,
    name: str,
    *,
    license: str,
    description: str,
    precision: Precision = DEFAULT_PRECISION,
    threads: int = 0,
    report: Report = silent,
) -> str:
    """Writes the model folder `out_folder` and returns its model version.

    threads: what the models that are run on the way may use; 0 leaves it to the number of cores.
    report: called with the stage (those of `write_graphs`), how many weights were taken since the beginning,
    and how many will be. Raises ModelNotFound when a file is missing, ModelLoadFailed when the checkpoint
    is damaged, is no MusicGen or does not fit together; no file of the model is left then.
    """
    source = open_source(folder)
    config = source.config
    max_steps = config.decoder.max_position_embeddings
    shapes = Shapes(config.text_shape(), config.decoder_shape(), config.codec_shape(), max_steps)
    weights = _Watched(source.weights, precision, report)
    out_folder.mkdir(parents=True, exist_ok=True)
    with _all_or_none(out_folder):
        spec = _decoder_spec(config)
        model = LanguageModel(out_folder, source.tokenizer, MAX_TEXT_TOKENS, spec)
        threads = threads or inference_threads(usable_cores())
        # An import takes minutes beside somebody who works: it does not spin, whatever a worker may.
        settings = RunSettings(threads=threads, device="cpu", spin=False)
        agreement = write_graphs(model, weights, shapes, precision, weights.begin, settings)
        (out_folder / "tokenizer.json").write_bytes(source.tokenizer)
        return _write_manifest(out_folder, config, spec, name, license, description, precision, agreement)


class _Watched(Mapping[str, NDArray[np.float32]]):
    """Weights that report how many were taken: the reference takes those of the language model once more."""

    def __init__(self, weights: StoredWeights, precision: Precision, report: Report) -> None:
        self._stage = ""
        self._weights = weights
        again = 0 if precision == "fp32" else sum(not name.startswith("audio_encoder.") for name in weights)
        self._total = len(weights) + again
        self._report = report
        self._taken: set[tuple[bool, str]] = set()

    def begin(self, stage: str) -> None:
        """What is taken from now on, is taken for this stage."""
        self._stage = stage
        self._report(stage, len(self._taken), self._total)

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        array = self._weights[name]
        self._taken.add((self._stage == REFERENCE, name))
        self._report(self._stage, len(self._taken), self._total)
        return array

    def __contains__(self, name: object) -> bool:
        return name in self._weights

    def __iter__(self) -> Iterator[str]:
        return iter(self._weights)

    def __len__(self) -> int:
        return len(self._weights)


@contextmanager
def _all_or_none(folder: Path) -> Iterator[None]:
    """Takes the model's files away when not all of them could be written."""
    try:
        yield
    except BaseException:
        for name in (*FILES, *OPTIONAL_FILES, "model.toml"):
            (folder / name).unlink(missing_ok=True)
        raise


def _decoder_spec(config: ModelConfig) -> DecoderSpec:
    decoder, channels = config.decoder_shape(), config.codec_shape().channels
    return DecoderSpec(
        layers=decoder.layers,
        heads=decoder.heads,
        head_dim=decoder.head_dim,
        codebooks=decoder.codebooks,
        codebook_size=decoder.codebook_size,
        delays=[q // channels for q in range(decoder.codebooks)],
        max_steps=config.decoder.max_position_embeddings,
    )


def _write_manifest(
    folder: Path,
    config: ModelConfig,
    spec: DecoderSpec,
    name: str,
    license: str,
    description: str,
    precision: Precision,
    agreement: AgreementSpec,
) -> str:
    codec = config.codec_shape()
    sample_rate = config.audio_encoder.sampling_rate
    return write_manifest(
        folder,
        name=name,
        license=license,
        description=description,
        text=TextSpec(max_tokens=MAX_TEXT_TOKENS),
        decoder=spec,
        codec=CodecSpec(
            sample_rate=sample_rate,
            channels=codec.channels,
            frames_per_second=sample_rate / codec.hop,
            chunk_frames=CHUNK_FRAMES,
        ),
        sampling=SAMPLING,
        precision=precision,
        agreement=agreement,
    )
