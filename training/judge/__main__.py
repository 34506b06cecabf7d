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

from training.judge import notes, pictures, report, statistics
from training.judge.controls import altered, real
from training.judge.endurance import judge_endurance
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


def obedience(player: Player, held: list[Held], takes: list[Take]) -> tuple[dict[str, Figure], list[str]]:
    """All that asks whether the prompt was obeyed."""
    freehand, missed = freehand_obeyed(player)
    figures = {f"stated_{k}": v for k, v in captions_obeyed(player, held_out(CAPTIONS)).items()}
    figures["stated_bpm_heard"] = stated_tempo_heard(held, takes, SEEDS)
    return figures | freehand | opposites_ordered(player) | openness(player), missed


def variety(takes: Sequence[Take], known: set[bytes]) -> dict[str, Figure]:
    """Bars that two seeds of a prompt share, and phrases copied from training tracks."""
    shared = [notes.bars_shared(takes[i].codes, takes[i + 1].codes) for i in range(0, len(takes), SEEDS)]
    copies, phrases = notes.copied([take.codes for take in takes], known)
    rate = copies / phrases if phrases else float("nan")
    return {
        "bars_shared_by_two_seeds": statistics.mean(shared),
        "copied_leads": Figure(rate, rate, rate, phrases),
    }


def training_phrases(work: Path) -> set[bytes]:
    """Every lead phrase of the training tracks."""
    tracks = np.load(work / "tracks.npy", mmap_mode="r")
    return {phrase for track in tracks for phrase in notes.lead_phrases(np.asarray(track))}


def judge(folder: Path, float32: Path | None, work: Path, out: Path) -> None:
    started = time.monotonic()

    def log(what: str) -> None:
        print(f"seconds={time.monotonic() - started:.0f} {what}", flush=True)

    held = held_out(PROMPTS)
    jobs = [(each.text, seed) for each in held for seed in range(SEEDS)]
    player = Player(folder)
    takes = player.takes(jobs, SECONDS)
    log("takes")
    first = takes[::SEEDS]
    wanted = [each.wanted for each in held]
    reference, composed = real(player, wanted, SECONDS, 0), real(player, wanted, SECONDS, 1)
    sets = {
        "int8": takes,
        "real": composed,
        "shuffled": altered(player, composed, "shuffled", SECONDS),
        "random": altered(player, composed, "chance", SECONDS),
    }
    basis = statistics.spectral_statistics([take.audio for take in reference])
    music: dict[str, dict[str, Figure]] = {}
    for name, these in sets.items():
        music[name] = judge_music(these, tracker=name in ("int8", "real"))
        chosen = first if name == "int8" else these
        distance = statistics.frechet(basis, statistics.spectral_statistics([take.audio for take in chosen]))
        music[name]["frechet"] = Figure(distance, distance, distance, len(chosen))
        log(name)
    music["int8"] |= variety(takes, training_phrases(work))
    obeyed, missed = obedience(player, held, takes)
    log("obedience")
    prompts = {"int8": obeyed}
    endurance, long_rows = judge_endurance(player)
    log("endurance")
    odd = [
        {"prompt": take.prompt[:80], "faults": faults(take.audio) if take.header else ["illegal header"]}
        for take in player.takes([(text, 1) for text in STRANGE], SECONDS)
    ]
    endurance["strange_prompts_are_music"] = statistics.share([not row["faults"] for row in odd])
    results: dict[str, Any] = {
        "model": player.model.version,
        "missed_freehand": missed,
        "long": long_rows,
        "strange": odd,
    }
    if float32 is not None:
        twin = Player(float32)
        twin_takes = twin.takes(jobs, SECONDS)
        music["float32"] = judge_music(twin_takes)
        distance = statistics.frechet(
            basis, statistics.spectral_statistics([t.audio for t in twin_takes[::SEEDS]])
        )
        music["float32"]["frechet"] = Figure(distance, distance, distance, PROMPTS)
        prompts["float32"] = obedience(twin, held, twin_takes)[0]
        same = [bool((a.codes.shape == b.codes.shape) and (a.codes == b.codes).all()) for a, b in zip(
            takes, twin_takes, strict=True)]  # fmt: skip
        results["same_codes_as_float32"] = statistics.share(same)
        log("float32")
    results |= {"music": music, "prompts": prompts, "long_figures": endurance}
    results |= {"bytes": sizes(folder), "speed": measure_speed(folder)}
    pictures.draw(first[:PICTURES], out)
    tables = {
        "Music": report.table(
            {k: music[k] for k in ("int8", "float32", "real", "shuffled", "random") if k in music}
        ),
        "Prompts": report.table(prompts),
        "Two minutes, strange prompts": report.table({"int8": endurance}),
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
