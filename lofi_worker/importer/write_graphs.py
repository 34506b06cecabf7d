"""From weights to the graphs of a model folder: in which formats, and how close they stay to float32."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from lofi_common.manifest import AgreementSpec
from lofi_worker.importer.agreement import compare, refer
from lofi_worker.importer.build import Shapes, Stage, write_codec, write_language_model
from lofi_worker.importer.calibrate import cache_scales
from lofi_worker.importer.compose import LanguageModel
from lofi_worker.importer.graph import Weights
from lofi_worker.importer.mixed import Meter
from lofi_worker.importer.precision import Precision, formats_for
from lofi_worker.musicgen.settings import RunSettings

REFERENCE = "reference"


def write_graphs(
    model: LanguageModel,
    weights: Weights,
    shapes: Shapes,
    precision: Precision,
    stage: Stage,
    settings: RunSettings,
) -> AgreementSpec:
    """Writes the graphs into the model's folder and returns how close they are to float32.

    A float32 model beside it serves as the measure, and is gone at the end. The stages are "reference" (its
    graphs), "calibration" (it runs), "text_encoder", "decoder", "codec" and "agreement" (the model runs);
    float32 itself needs but the middle three.
    Raises ModelLoadFailed or ModelInferenceFailed.
    """
    if precision == "fp32":
        exact = formats_for("fp32", frozenset())
        write_language_model(model.folder, weights, shapes, exact, None, stage)
        write_codec(model.folder, weights, shapes, exact, stage)
        return AgreementSpec(top1=1.0, kl=0.0)
    with TemporaryDirectory(dir=model.folder, prefix=".float32-") as place:
        measure = replace(model, folder=Path(place))
        meter = Meter()
        exact = replace(formats_for("fp32", frozenset()), matrix=meter)
        stage(REFERENCE)
        write_language_model(measure.folder, weights, shapes, exact, None, lambda name: None)
        stage("calibration")
        reference = refer(measure, settings)
        formats = formats_for(precision, meter.worst())
        scales = cache_scales(measure, settings) if formats.codes else None
    write_language_model(model.folder, weights, shapes, formats, scales, stage)
    write_codec(model.folder, weights, shapes, formats, stage)
    stage("agreement")
    return compare(model, reference, settings)
