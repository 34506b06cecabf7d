"""Opens a model folder."""

from tokenizers import Tokenizer

from lofi_common.errors import ModelLoadFailed
from lofi_common.manifest import Model, check_file
from lofi_worker.engine import Engine
from lofi_worker.musicgen.decoder import Decoder
from lofi_worker.musicgen.generate import MusicGenEngine
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.text import TextEncoder

# One step of a small decoder is over before a second thread has woken up: 5 layers of width 256 take 0.5 ms
# with one thread and 1.0 ms with two. The codec has more to do in a call, and gets all threads.
SMALL_GRAPH_BYTES = 64 * 2**20


def load_engine(model: Model, slots: int, threads: int) -> Engine:
    """An engine with all files checked and loaded; `threads` is what one run of a graph may use at most.

    `read_model` opens the folder. Raises ModelNotFound or ModelLoadFailed naming the file.
    """
    spec = model.manifest
    tokenizer = _read_tokenizer(model)
    text_session = Session(model, "text_encoder.onnx", _threads_for(model, "text_encoder.onnx", threads))
    decoder_session = Session(model, "decoder.onnx", _threads_for(model, "decoder.onnx", threads))
    codec_session = Session(model, "codec.onnx", threads)
    text = TextEncoder(tokenizer, text_session, spec.text.max_tokens)
    decoder = Decoder(decoder_session, spec.decoder, slots)
    return MusicGenEngine(model, text, decoder, codec_session, slots)


def _threads_for(model: Model, name: str, threads: int) -> int:
    file = model.manifest.files.get(name)
    return 1 if file is not None and file.bytes < SMALL_GRAPH_BYTES else threads


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
