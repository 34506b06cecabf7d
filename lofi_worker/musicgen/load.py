"""Opens a model folder."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from tokenizers import Tokenizer

from lofi_common.errors import ModelLoadFailed
from lofi_common.manifest import Model, check_file, data_name
from lofi_worker.engine import Engine
from lofi_worker.musicgen.decoder import Decoder
from lofi_worker.musicgen.device import choose_here
from lofi_worker.musicgen.generate import MusicGenEngine
from lofi_worker.musicgen.looping import LoopingEngine
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.settings import RunSettings
from lofi_worker.musicgen.text import TextEncoder

# One step of a small decoder is over before a second thread has woken up: 5 layers of width 256 take 0.5 ms
# with one thread and 1.0 ms with two. The codec has more to do in a call, and gets all threads.
SMALL_GRAPH_BYTES = 64 * 2**20


def load_engine(model: Model, slots: int, settings: RunSettings) -> Engine:
    """An engine with all files checked and loaded.

    `read_model` opens the folder. Raises ModelNotFound or ModelLoadFailed naming the file.
    """
    text = load_text_encoder(model, settings)
    decoder = load_decoder(model, slots, settings)
    beside = slots > 1 and choose_here(settings.device) == "cpu"
    codec = Session(model, "codec.onnx", replace(settings, threads=1) if beside else settings)
    # A thread for each track's codec gives more than several threads in one codec.
    threads = ThreadPoolExecutor(settings.threads, "codec") if beside else None
    engine = MusicGenEngine(model, text, decoder, codec, slots, threads)
    return LoopingEngine(engine, model.manifest, codec)


def load_text_encoder(model: Model, settings: RunSettings) -> TextEncoder:
    """Raises ModelNotFound or ModelLoadFailed naming the file."""
    tokenizer = _read_tokenizer(model)
    session = Session(model, "text_encoder.onnx", _settings_for(model, "text_encoder.onnx", settings))
    return TextEncoder(tokenizer, session, model.manifest.text.max_tokens)


def load_decoder(model: Model, slots: int, settings: RunSettings) -> Decoder:
    """Raises ModelNotFound or ModelLoadFailed naming the file."""
    session = Session(model, "decoder.onnx", _settings_for(model, "decoder.onnx", settings))
    return Decoder(session, model.manifest.decoder, slots)


def _settings_for(model: Model, name: str, settings: RunSettings) -> RunSettings:
    files = model.manifest.files
    size = sum(files[each].bytes for each in (name, data_name(name)) if each in files)
    return replace(settings, threads=1) if size < SMALL_GRAPH_BYTES else settings


def _read_tokenizer(model: Model) -> Tokenizer:
    name = "tokenizer.json"
    data = check_file(model, name)
    try:
        tokenizer = Tokenizer.from_buffer(data)
    except ValueError as error:
        path = model.folder / name
        raise ModelLoadFailed(f"{path} is not a tokenizer", details=str(error)) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
