"""Why a checkpoint is not imported: the errors of an installed model, with what to do about a checkpoint."""

from lofi_common.errors import ModelLoadFailed, ModelNotFound


class BadCheckpoint(ModelLoadFailed):
    """It is damaged, is no MusicGen, or does not fit together."""

    hint = "Fetch or export the checkpoint again, or import another one of MusicGen."


class IncompleteCheckpoint(ModelNotFound):
    """A file that it needs is not there, or can't be read."""

    hint = (
        "Give the whole folder of the checkpoint: config.json, tokenizer.json and its weights in safetensors"
        " or as an ONNX export by Optimum."
    )
