"""`python -m training.judge`: measures a model folder; with `--float32` its unquantised twin beside it.

Writes judge.json, judge.md and spectrograms into `--out`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.judge import goals, notes, pictures, report, statistics
from training.judge.controls import altered, chance, real, reference, shuffled
from training.judge.crew import Crew
from training.judge.endurance import judge_endurance
from training.judge.engine import same_as_engine
from training.judge.faultless import clicking, strange
from training.judge.music import judge_music
from training.judge.obeys import captions_obeyed, freehand_obeyed, stated_tempo_heard
from training.judge.openness import openness
from training.judge.order import opposites_ordered
from training.judge.prompts import FREEHAND, Freehand, Held, every_statement, held_out, read_freehand
from training.judge.speed import measure_speed, sizes
from training.judge.statistics import Figure, single
from training.judge.takes import Take
from training.judge.twin import compare

PROMPTS, SEEDS, SECONDS = 40, 3, 20
TEMPO_PROMPTS = 60  # that state a bpm and drums; one take each
TEMPO_SEED = 5_000
CAPTIONS, CASES = 600, 60  # of which only headers are made, at least; how often each attribute is stated
PICTURES = 10
ENGINE_TAKES = 6

Figures = dict[str, Figure]


def jobs_for(held: Sequence[Held]) -> list[tuple[str, int]]:
    """A seed of its own for each take: equal seeds draw alike what prompts leave open."""
    return [(each.text, i * SEEDS + seed) for i, each in enumerate(held) for seed in range(SEEDS)]


def music(
    crew: Crew, takes: Sequence[Take], one_each: Sequence[Take], basis: NDArray[np.float64], tracker: bool
) -> Figures:
    """Figures of a set as music; `one_each`: one take a prompt, for the Fréchet distance to `basis`."""
    distance = statistics.frechet(basis, statistics.spectral_statistics([take.audio for take in one_each]))
    figures = judge_music(crew, takes, tracker)
    return figures | {"clicks": clicking(crew, one_each, SECONDS), "frechet": single(distance, len(one_each))}


def prompts(
    crew: Crew, held: Sequence[Held], takes: Sequence[Take], freehand: Sequence[Freehand]
) -> tuple[Figures, list[str]]:
    """All that asks whether the prompt was obeyed, and the free-hand expectations that were missed."""
    timed = [
        each for each in held_out(TEMPO_PROMPTS, frozenset(("bpm", "drums"))) if each.wanted.drums != "none"
    ]
    more = crew.takes([(each.text, TEMPO_SEED + i) for i, each in enumerate(timed)], SECONDS)
    by_hand, missed = freehand_obeyed(crew, freehand)
    figures = captions_obeyed(crew, every_statement(CAPTIONS, CASES))
    figures |= stated_tempo_heard(crew, [*held, *timed], [*takes, *more])
    return figures | by_hand | opposites_ordered(crew) | openness(crew), missed


def bars_shared(first: Sequence[Take], second: Sequence[Take]) -> Figure:
    """Share of bars that tracks of the same description have in common."""
    return statistics.mean([notes.bars_shared(a.codes, b.codes) for a, b in zip(first, second, strict=True)])


def copied_leads(takes: Sequence[Take], known: set[bytes]) -> Figure:
    """Share of lead phrases that a training track has note for note."""
    copies, phrases = notes.copied([take.codes for take in takes], known)
    return statistics.share([i < copies for i in range(phrases)])


def training_leads(work: Path) -> set[bytes]:
    """The lead phrases of all training tracks."""
    tracks = np.load(work / "tracks.npy", mmap_mode="r")
    return {phrase for track in tracks for phrase in notes.lead_phrases(np.asarray(track))}


def judge(folder: Path, float32: Path | None, work: Path, out: Path, freehand: Path, workers: int) -> None:
    """Run all measures and write the report."""
    started = time.monotonic()

    def log(what: str) -> None:
        print(f"seconds={time.monotonic() - started:.0f} {what}", flush=True)

    by_hand = read_freehand(freehand)
    held = held_out(PROMPTS)
    with Crew(folder, workers) as crew:
        takes = crew.takes(jobs_for(held), SECONDS)
        log("takes")
        ones = takes[::SEEDS]
        described, composed = (
            reference(crew, [each.wanted for each in held], SECONDS),
            real(crew, ones, SECONDS),
        )
        basis = statistics.spectral_statistics([take.audio for take in described])
        sets = {"int8": music(crew, takes, ones, basis, tracker=True)}
        sets["real"] = music(crew, composed, composed, basis, tracker=True)
        for name, change in (("shuffled", shuffled), ("chance", chance)):
            control = altered(crew, composed, change, SECONDS)
            sets[name] = music(crew, control, control, basis, tracker=False)
        sets["int8"]["bars_shared"] = bars_shared(ones, takes[1::SEEDS])
        known = training_leads(work)
        sets["int8"]["copied_leads"] = copied_leads(takes, known)
        sets["real"]["copied_leads"] = copied_leads(composed, known)
        log("music")
        obeyed, missed = prompts(crew, held, takes, by_hand)
        log("prompts")
        odd, odd_rows = strange(crew)
        long, long_rows = judge_endurance(crew)
        log("endurance")
    columns = {"int8": obeyed | odd}
    files = measure_speed(folder) | sizes(folder)
    files["same_audio_from_engine"] = same_as_engine(folder, takes[:ENGINE_TAKES], SECONDS)
    log("files")
    far: dict[str, float] = {}
    if float32 is not None:
        with Crew(float32, workers) as crew:
            twins = crew.takes(jobs_for(held), SECONDS)
            sets["float32"] = music(crew, twins, twins[::SEEDS], basis, tracker=False)
            columns["float32"] = prompts(crew, held, twins, by_hand)[0]
        files["within_3_percent"], far = compare(
            sets["int8"] | obeyed, sets["float32"] | columns["float32"], goals.MUSIC | goals.PROMPTS
        )
        log("float32")
    order = [name for name in ("int8", "float32", "real", "shuffled", "chance") if name in sets]
    sections = [
        report.Section("Music", {name: sets[name] for name in order}, goals.MUSIC),
        report.Section("Prompts", columns, goals.PROMPTS),
        report.Section("Two minutes", long, goals.LONG),
        report.Section("Files", {"int8": files}, goals.FILES),
    ]
    results = {
        "model": crew.folder.name, "freehand": freehand.name, "missed_freehand": missed, "strange": odd_rows,
        "long": long_rows, "far_from_float32": far,
    }  # fmt: skip
    pictures.draw(ones[:PICTURES], out)
    for name in report.write(out, results, sections):
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
