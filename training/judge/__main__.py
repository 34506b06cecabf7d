"""`python -m training.judge`: measures a model folder; with `--float32` its unquantised twin beside it.

Writes judge.json, judge.md and spectrograms into `--out`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from lofi_common.manifest import read_model
from training.judge import goals, pictures
from training.judge.crew import Crew
from training.judge.endurance import endurance_controls
from training.judge.engine import same_as_engine
from training.judge.judged import (
    SECONDS,
    SEEDS,
    copied_leads,
    fresh_tracks,
    judge_model,
    music_controls,
    spectral_basis,
    training_leads,
)  # fmt: skip
from training.judge.prompts import FREEHAND, read_freehand
from training.judge.report import Section, write
from training.judge.speed import measure_speed, sizes
from training.judge.twin import compare

PICTURES = 10
ENGINE_TAKES = 6
PROMPTS_NOTE = (
    "Takes of one prompt (three of each free-hand one) are not independent, so that the intervals are "
    "narrow; chance: each header against what the next prompt asks for."
)


def judge(folder: Path, float32: Path | None, work: Path, out: Path, freehand: Path, workers: int) -> None:
    """Run all measures and write the report."""
    started = time.monotonic()

    def log(what: str) -> None:
        print(f"seconds={time.monotonic() - started:.0f} {what}", flush=True)

    by_hand = read_freehand(freehand)
    leads = training_leads(work)
    with Crew(folder, workers) as crew:
        basis = spectral_basis(crew)
        shipped = judge_model(crew, by_hand, basis, log)
        music, long = {"int8": shipped.music}, {"int8": shipped.long}
        music |= music_controls(crew, shipped.takes, basis)
        long |= endurance_controls(crew, shipped.long_takes)
        log("controls")
    own = [take.codes for take in (*shipped.takes, *shipped.long_takes)]
    music["int8"]["copied_leads"] = copied_leads(own, leads)
    music["real"]["copied_leads"] = copied_leads(fresh_tracks(), leads)
    prompts = {"int8": shipped.prompts, "chance": shipped.by_chance}
    files = measure_speed(folder) | sizes(folder)
    files["same_audio_from_engine"] = same_as_engine(folder, shipped.takes[:ENGINE_TAKES], SECONDS)
    log("files")
    details = {"model": read_model(folder).version, "freehand": freehand.name, **shipped.details}
    if float32 is not None:
        with Crew(float32, workers) as crew:
            twin = judge_model(crew, by_hand, basis, log)
        music["float32"], prompts["float32"], long["float32"] = twin.music, twin.prompts, twin.long
        files["within_3_percent"], details["far_from_float32"] = compare(
            shipped.music | shipped.prompts | shipped.long,
            twin.music | twin.prompts | twin.long,
            goals.MUSIC | goals.PROMPTS | goals.LONG,
        )
    sections = [
        Section("Music", music, goals.MUSIC),
        Section("Prompts", prompts, goals.PROMPTS, PROMPTS_NOTE),
        Section("Two minutes", long, goals.LONG),
        Section("Files", {"int8": files}, goals.FILES | (goals.TWIN if float32 is not None else {})),
    ]
    pictures.draw(shipped.takes[::SEEDS][:PICTURES], out)
    for name in write(out, details, sections):
        log(f"short of its goal: {name}")
    log("done")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("lofi_worker/models/lofi-tiny"))
    parser.add_argument("--float32", type=Path, default=None, help="folder of the unquantised export")
    parser.add_argument("--work", type=Path, default=Path("build/training"), help="where the tracks are")
    parser.add_argument("--out", type=Path, default=Path("docs/judge"))
    parser.add_argument("--freehand", type=Path, default=FREEHAND, help="prompts with their expectations")
    parser.add_argument("--workers", type=int, default=2, help="processes that play and listen")
    options = parser.parse_args()
    judge(options.model, options.float32, options.work, options.out, options.freehand, options.workers)


if __name__ == "__main__":
    main()
