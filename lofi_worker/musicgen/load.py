"""Opens a model folder."""

from tokenizers import Tokenizer

from lofi_common.errors import ModelLoadFailed
from lofi_common.manifest import Model, check_file
from lofi_worker.engine import Engine
from lofi_worker.musicgen.decoder import Decoder
from lofi_worker.musicgen.generate import MusicGenEngine
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.text import TextEncoder


def load_engine(model: Model, slots: int, threads: int) -> Engine:
    """An engine with all files checked and loaded; `threads` is what one run of a graph may use.

    `read_model` opens the folder. Raises ModelNotFound or ModelLoadFailed naming the file.
    """
    spec = model.manifest
    tokenizer = _read_tokenizer(model)
    text = TextEncoder(tokenizer, Session(model, "text_encoder.onnx", threads), spec.text.max_tokens)
    decoder = Decoder(Session(model, "decoder.onnx", threads), spec.decoder, slots)
    return MusicGenEngine(model, text, decoder, Session(model, "codec.onnx", threads), slots)


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
