"""`python -m training.judge`: measures a model folder; with `--float32` its unquantised twin beside it.

Writes judge.json, judge.md and spectrograms into `--out`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.judge import notes, pictures, report, statistics
from training.judge.controls import altered, real
from training.judge.endurance import judge_endurance
from training.judge.engine import same_as_engine
from training.judge.features import faults
from training.judge.music import judge_music
from training.judge.obeys import (
    captions_obeyed,
    freehand_obeyed,
    openness,
    opposites_ordered,
    stated_tempo_heard,
)
from training.judge.prompts import STRANGE, Held, held_out
from training.judge.speed import measure_speed, sizes
from training.judge.statistics import Figure
from training.judge.takes import Player, Take

PROMPTS, SEEDS, SECONDS = 40, 3, 20
CAPTIONS = 600  # of which only headers are made
PICTURES = 10

Figures = dict[str, Figure]


def obedience(player: Player, held: list[Held], takes: list[Take]) -> tuple[Figures, list[str]]:
    """All that asks whether the prompt was obeyed, and the free-hand expectations that were missed."""
    freehand, missed = freehand_obeyed(player)
    figures = {f"stated_{k}": v for k, v in captions_obeyed(player, held_out(CAPTIONS)).items()}
    figures["stated_bpm_heard"] = stated_tempo_heard(held, takes, SEEDS)
    return figures | freehand | opposites_ordered(player) | openness(player), missed


def music(
    takes: Sequence[Take], one_each: Sequence[Take], basis: NDArray[np.float64], tracker: bool
) -> Figures:
    """Figures of a set as music; `one_each`: one take a prompt, for the Fréchet distance to `basis`."""
    distance = statistics.frechet(basis, statistics.spectral_statistics([take.audio for take in one_each]))
    return judge_music(takes, tracker) | {"frechet": Figure(distance, distance, distance, len(one_each))}


def bars_shared(first: Sequence[Take], second: Sequence[Take]) -> Figure:
    """Share of bars that tracks of the same description have in common."""
    return statistics.mean([notes.bars_shared(a.codes, b.codes) for a, b in zip(first, second, strict=True)])


def copied_leads(takes: Sequence[Take], work: Path) -> Figure:
    """Share of lead phrases that a training track has note for note."""
    tracks = np.load(work / "tracks.npy", mmap_mode="r")
    known = {phrase for track in tracks for phrase in notes.lead_phrases(np.asarray(track))}
    copies, phrases = notes.copied([take.codes for take in takes], known)
    return statistics.share([i < copies for i in range(phrases)])


def strange(player: Player) -> tuple[Figures, list[dict[str, Any]]]:
    """Whether strange prompts still give music."""
    rows = []
    for take in player.takes([(text, 1) for text in STRANGE], SECONDS):
        found = faults(take.audio) if take.header else ["illegal header"]
        rows.append({"prompt": take.prompt[:80], "faults": found})
    return {"strange_prompts_are_music": statistics.share([not row["faults"] for row in rows])}, rows


def judge(folder: Path, float32: Path | None, work: Path, out: Path) -> None:
    """Run all measures and write the report; six minutes on one core with a twin."""
    started = time.monotonic()

    def log(what: str) -> None:
        print(f"seconds={time.monotonic() - started:.0f} {what}", flush=True)

    held = held_out(PROMPTS)
    # A seed of its own for each take: equal seeds draw alike what prompts leave open.
    jobs = [(each.text, i * SEEDS + seed) for i, each in enumerate(held) for seed in range(SEEDS)]
    player = Player(folder)
    takes = player.takes(jobs, SECONDS)
    log("takes")
    wanted = [each.wanted for each in held]
    reference, composed = real(player, wanted, SECONDS, 0), real(player, wanted, SECONDS, 1)
    basis = statistics.spectral_statistics([take.audio for take in reference])
    sets = {"int8": music(takes, takes[::SEEDS], basis, tracker=True)}
    sets["real"] = music(composed, composed, basis, tracker=True)
    for how in ("shuffled", "chance"):
        control = altered(player, composed, how, SECONDS)
        sets[how] = music(control, control, basis, tracker=False)
    sets["int8"]["bars_shared"] = bars_shared(takes[::SEEDS], takes[1::SEEDS])
    sets["real"]["bars_shared"] = bars_shared(reference, composed)
    sets["int8"]["copied_leads"] = copied_leads(takes, work)
    log("music")
    figures, missed = obedience(player, held, takes)
    prompts = {"int8": figures}
    log("prompts")
    endurance, long_rows = judge_endurance(player)
    odd, odd_rows = strange(player)
    endurance |= odd
    endurance["same_audio_from_engine"] = same_as_engine(folder, takes[: 2 * SEEDS], SECONDS)
    log("endurance")
    if float32 is not None:
        twin = Player(float32)
        twins = twin.takes(jobs, SECONDS)
        sets["float32"] = music(twins, twins[::SEEDS], basis, tracker=False)
        prompts["float32"] = obedience(twin, held, twins)[0]
        log("float32")
    results = {
        "model": player.model.version, "music": sets, "prompts": prompts, "long_figures": endurance,
        "long": long_rows, "strange": odd_rows, "missed_freehand": missed, "bytes": sizes(folder),
        "speed": measure_speed(folder),
    }  # fmt: skip
    pictures.draw(takes[::SEEDS][:PICTURES], out)
    order = [name for name in ("int8", "float32", "real", "shuffled", "chance") if name in sets]
    tables = {
        "Music": report.table({name: sets[name] for name in order}),
        "Prompts": report.table(prompts),
        "Two minutes, strange prompts, engine": report.table({"int8": endurance}),
    }
    report.write(out, results, tables)
    log("done")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("lofi_worker/models/lofi-tiny"))
    parser.add_argument("--float32", type=Path, default=None, help="folder of the unquantised export")
    parser.add_argument(
        "--work", type=Path, default=Path("build/training"), help="where the training tracks are"
    )
    parser.add_argument("--out", type=Path, default=Path("docs/judge"))
    options = parser.parse_args()
    judge(options.model, options.float32, options.work, options.out)


if __name__ == "__main__":
    main()
