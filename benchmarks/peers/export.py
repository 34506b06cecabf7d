"""Exports a checkpoint with Optimum, as the ONNX files of MusicGen on the Hub were made.

    python -m benchmarks.peers.export CHECKPOINT FOLDER     # needs torch, transformers, optimum-onnx

Writes config.json and generation_config.json, and under onnx/, float32 and (`_quantized`) dynamic int8:
text_encoder, decoder_model_merged, and encodec_decode, which stays float32, as on the Hub: convolutions in
dynamic int8 are slower. The int8 recipe is that of transformers.js' own conversion script.
"""

import argparse
import shutil
from pathlib import Path

from onnxruntime.quantization import QuantType, quantize_dynamic
from optimum.exporters.onnx import main_export
from optimum.onnx import merge_decoders

KEPT = ("text_encoder", "decoder_model_merged", "encodec_decode")
QUANTIZED = ("text_encoder", "decoder_model_merged")


def export(checkpoint: Path, folder: Path) -> None:
    graphs = folder / "onnx"
    main_export(
        str(checkpoint),
        graphs,
        task="text-to-audio",
        framework="pt",
        library_name="transformers",
        do_validation=False,
    )
    # Two graphs become one with a branch for the first step and one for the others, that share their weights.
    merge_decoders(
        graphs / "decoder_model.onnx",
        graphs / "decoder_with_past_model.onnx",
        save_path=graphs / "decoder_model_merged.onnx",
        strict=False,
    )
    shutil.copyfile(checkpoint / "config.json", folder / "config.json")  # Optimum's leaves out the defaults
    shutil.move(graphs / "generation_config.json", folder / "generation_config.json")
    kept = {f"{name}.onnx" for name in KEPT}
    for path in graphs.iterdir():
        if path.name not in kept:
            path.unlink()
    for name in QUANTIZED:
        quantize_dynamic(
            graphs / f"{name}.onnx",
            graphs / f"{name}_quantized.onnx",
            weight_type=QuantType.QInt8,
            extra_options={"EnableSubgraph": True, "MatMulConstBOnly": True},
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    export(arguments.checkpoint, arguments.folder)


if __name__ == "__main__":
    main()
