"""`model.toml`: what a model folder holds and how the engine runs it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from lofi_common.errors import LofiError, ModelLoadFailed, ModelNotFound
from lofi_common.jobs import MAX_DURATION_SEC, JobSpec
from lofi_common.paths import MODELS, starter_folder

MANIFEST_NAME = "model.toml"
PROMPTS_NAME = "prompts.json"
"""The words that the model was taught, for people; a model may come without."""
LAYOUT = 1
CHUNK_BYTES = 2**20

WINDOW_SEC, STRIDE_SHARE = 30, (3, 5)
"""Of audiocraft's windows: what MusicGen was trained on, and how far each lies behind the one before."""

Count = Annotated[int, Meta(ge=1, le=2**20)]
CountOrNone = Annotated[int, Meta(ge=0, le=2**20)]
Rate = Annotated[float, Meta(gt=0, le=1000)]
Share = Annotated[float, Meta(ge=0, le=1)]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class TextSpec(_Section, frozen=True, kw_only=True):
    max_tokens: Count


class DecoderSpec(_Section, frozen=True, kw_only=True):
    layers: Count
    heads: Count
    head_dim: Count
    codebooks: Count
    codebook_size: Annotated[int, Meta(ge=1, le=2**16 - 1)]
    """Ids 0 … codebook_size−1 may be sampled; codebook_size itself is the special token."""
    delays: list[CountOrNone]
    """Of each codebook, in steps."""
    max_steps: Count
    """Longest sequence of decoder steps: the position table's and the KV cache's capacity."""


class CodecSpec(_Section, frozen=True, kw_only=True):
    sample_rate: Annotated[int, Meta(ge=1000, le=384_000)]
    channels: Annotated[int, Meta(ge=1, le=2)]
    chunk_frames: Count
    header_frames: CountOrNone = 0
    """Frames at the start that make no sound."""
    frames_per_second: Rate | None = None
    """Fixed-rate codecs only."""
    max_frames_per_second: Rate | None = None
    """Upper bound, for codecs whose graph decides how many samples a frame gives."""


class WindowSpec(_Section, frozen=True, kw_only=True):
    """How a track that is longer than the model's sequences is made: a window slides over its frames."""

    frames: Count
    """Of one window, the header's included."""
    stride: Count
    """How many frames behind the header a window leaves behind; the rest is the next one's prompt."""
    bar_frames: Count | None = None
    """Frames of a bar, where frames are musical time; the first bar begins behind the header."""
    rest: list[CountOrNone] | None = None
    """The codes of a frame in which nothing begins and all that sounds is let go."""


class SamplingSpec(_Section, frozen=True, kw_only=True):
    """The model's own defaults."""

    temperature: Annotated[float, Meta(ge=0, le=10)]
    top_k: CountOrNone
    top_p: Share
    guidance_scale: Annotated[float, Meta(ge=0, le=100)]


class AgreementSpec(_Section, frozen=True, kw_only=True):
    """How close the stored weights come to those of float32, after guidance, early and late in a track."""

    top1: Share
    """Share of the codes for which both have the same favourite."""
    kl: Annotated[float, Meta(ge=0)]
    """Mean Kullback-Leibler divergence of a code's distribution from that of float32, in nats."""


class FileSpec(_Section, frozen=True, kw_only=True):
    bytes: Annotated[int, Meta(ge=0, le=2**50)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Manifest(_Section, frozen=True, kw_only=True):
    layout: int
    name: str
    license: str
    description: str
    text: TextSpec
    decoder: DecoderSpec
    codec: CodecSpec
    sampling: SamplingSpec
    files: dict[str, FileSpec]
    window: WindowSpec | None = None
    """None: audiocraft's for a fixed rate; else a track is one sequence, and ends with the steps."""
    precision: str | None = None
    """How an importer stored the weights."""
    agreement: AgreementSpec | None = None

    def frames_expected(self, duration_sec: float) -> int:
        """Frames that a track of this length takes; an upper bound where the codec graph decides."""
        rate = self.codec.frames_per_second or self.codec.max_frames_per_second
        assert rate is not None
        return self.codec.header_frames + -int(-duration_sec * rate // 1)

    @property
    def most_frames(self) -> int:
        """That one sequence of the decoder has room for, the header's included."""
        return self.decoder.max_steps - max(self.decoder.delays)

    def windows(self) -> WindowSpec | None:
        """The windows that long tracks are made in; None for a model whose tracks are one sequence."""
        rate, header = self.codec.frames_per_second, self.codec.header_frames
        if self.window is not None or rate is None or self.most_frames <= header:
            return self.window
        frames = max(1, int(min(WINDOW_SEC * rate, self.most_frames - header)))
        return WindowSpec(frames=header + frames, stride=max(1, frames * STRIDE_SHARE[0] // STRIDE_SHARE[1]))

    def longest_sec(self) -> int | None:
        """The longest track that the decoder's steps surely cover, in whole seconds; None: any length."""
        if self.windows() is not None:
            return None
        rate = self.codec.frames_per_second or self.codec.max_frames_per_second
        assert rate is not None
        return int(min(MAX_DURATION_SEC, max(0, self.most_frames - self.codec.header_frames) / rate))


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model folder whose manifest was read and whose files are there."""

    folder: Path
    manifest: Manifest
    version: str
    """`<name>-<first 8 hex digits of the manifest's SHA-256>`: names the content of all files."""

    def job(self, prompt: str, duration_sec: int, seed: int) -> JobSpec:
        """A track with the model's own sampling."""
        return JobSpec(
            prompt=prompt,
            duration_sec=duration_sec,
            seed=seed,
            model_version=self.version,
            **msgspec.structs.asdict(self.manifest.sampling),
        )


def how_to_mend(folder: Path) -> str:
    """What to do about a model folder that is not whole."""
    if folder == starter_folder():
        return "Reinstall the package: the starter model is a part of it."
    if folder.parent.name == MODELS:
        return f"`lofi models rm {folder.name}`, then pull or import it again."
    return f"Put a whole model folder in the place of {folder}."


def read_model(folder: Path) -> Model:
    """Read a model folder's manifest and check that its files are there, without reading them.

    Raises ModelNotFound when the manifest or a file is missing, ModelLoadFailed when the manifest is
    no manifest or a file's size is wrong. Content is checked by whoever loads it (`check_file`).
    """
    model = read_manifest(folder)
    for name in model.manifest.files:
        check_size(model, name)
    return model


def read_manifest(folder: Path) -> Model:
    """`read_model` without a look at the files: what a check of each of them begins with."""
    try:
        return _read_manifest(folder)
    except LofiError as error:
        error.recovery = how_to_mend(folder)
        raise


def _read_manifest(folder: Path) -> Model:
    path = folder / MANIFEST_NAME
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ModelNotFound(f"the model's manifest can't be read: {path} ({error.strerror})") from error
    try:
        manifest = msgspec.toml.decode(raw, type=Manifest)
    except RecursionError as error:
        raise ModelLoadFailed(f"{path} is not a valid manifest: it is nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise ModelLoadFailed(f"{path} is not a valid manifest: {error}") from error
    if manifest.layout != LAYOUT:
        raise ModelLoadFailed(f"{path} has layout {manifest.layout}; this version reads layout {LAYOUT}")
    rates = (manifest.codec.frames_per_second, manifest.codec.max_frames_per_second)
    if sum(rate is not None for rate in rates) != 1:
        raise ModelLoadFailed(f"{path}: give exactly one of frames_per_second and max_frames_per_second")
    decoder = manifest.decoder
    if len(decoder.delays) != decoder.codebooks or max(decoder.delays) >= decoder.max_steps:
        raise ModelLoadFailed(
            f"{path}: the delays {decoder.delays} do not fit {decoder.codebooks} codebooks"
            f" and {decoder.max_steps} steps"
        )
    if manifest.window is not None:
        _check_window(path, manifest, manifest.window)
    for name in manifest.files:
        if Path(name).name != name or name in ("", "..") or "\0" in name:
            raise ModelLoadFailed(f"{path} names a file outside its folder: {name}")
    version = f"{manifest.name}-{hashlib.sha256(raw).hexdigest()[:8]}"
    return Model(folder=folder, manifest=manifest, version=version)


def _check_window(path: Path, manifest: Manifest, window: WindowSpec) -> None:
    """Raises ModelLoadFailed when the steps don't hold the window, or bars don't fill what it keeps."""
    music = window.frames - manifest.codec.header_frames
    if window.frames > manifest.most_frames or not window.stride <= music:
        raise ModelLoadFailed(
            f"{path}: windows of {window.frames} frames with a stride of {window.stride} do not fit"
            f" {manifest.most_frames} frames and {manifest.codec.header_frames} of the header"
        )
    if window.bar_frames is not None and (window.stride % window.bar_frames or music % window.bar_frames):
        raise ModelLoadFailed(f"{path}: a window and its stride are whole bars of {window.bar_frames} frames")
    if window.rest is not None and not (
        len(window.rest) == manifest.decoder.codebooks and max(window.rest) < manifest.decoder.codebook_size
    ):
        raise ModelLoadFailed(f"{path}: {window.rest} is no frame of {manifest.decoder.codebooks} codes")


def check_size(model: Model, name: str) -> None:
    """Raises ModelNotFound when the file is missing, ModelLoadFailed when its size is wrong."""
    path, wanted = model.folder / name, model.manifest.files[name].bytes
    recovery = how_to_mend(model.folder)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ModelNotFound(
            f"the model's file {path} is missing", details=str(error), recovery=recovery
        ) from error
    if size != wanted:
        raise ModelLoadFailed(
            f"{path} has {size} bytes instead of {wanted}: it is damaged", recovery=recovery
        )


def name_of(version: str) -> str:
    """The name of the model that a version belongs to."""
    return re.sub(r"-[0-9a-f]{8}(-fake)?$", "", version)


def select_model(folder: Path, engine: str) -> Model:
    """`read_model`, with a version of its own for the fake engine, whose tracks are no music."""
    return for_engine(read_model(folder), engine)


def for_engine(model: Model, engine: str) -> Model:
    """The fake engine's tracks get a version of their own."""
    if engine == "fake":
        return msgspec.structs.replace(model, version=f"{model.version}-fake")
    return model


def data_name(graph: str) -> str:
    """The file with the weights of a graph, which lies beside it: `decoder.onnx` has `decoder.data`."""
    return f"{Path(graph).stem}.data"


def check_large_file(model: Model, name: str) -> None:
    """`check_file` without holding the bytes. Raises ModelNotFound or ModelLoadFailed naming the file."""
    path = model.folder / name
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as file:
            buffer = bytearray(CHUNK_BYTES)
            while size := file.readinto(buffer):
                digest.update(memoryview(buffer)[:size])
    except OSError as error:
        raise ModelNotFound(
            f"the model's file {path} can't be read", details=str(error), recovery=how_to_mend(model.folder)
        ) from error
    _compare(model, name, digest.hexdigest())


def check_file(model: Model, name: str) -> bytes:
    """The bytes of one of the model's files, checked against its SHA-256.

    Raises ModelNotFound or ModelLoadFailed naming the file. ONNX Runtime loads some damaged graphs
    without complaint, so the hash is the only guard.
    """
    path = model.folder / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelNotFound(
            f"the model's file {path} can't be read", details=str(error), recovery=how_to_mend(model.folder)
        ) from error
    _compare(model, name, hashlib.sha256(data).hexdigest())
    return data


def _compare(model: Model, name: str, digest: str) -> None:
    spec = model.manifest.files.get(name)
    if spec is None:
        raise ModelLoadFailed(
            f"{model.folder / MANIFEST_NAME} does not list {name}", recovery=how_to_mend(model.folder)
        )
    if digest != spec.sha256:
        path = model.folder / name
        raise ModelLoadFailed(
            f"{path} is damaged: its SHA-256 is {digest} instead of {spec.sha256}",
            recovery=how_to_mend(model.folder),
        )
