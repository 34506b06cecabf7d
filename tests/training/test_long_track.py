"""Three windows of the model that ships: the music goes on as if there were none."""

from __future__ import annotations

import numpy as np

from lofi_common.manifest import read_model
from lofi_common.paths import starter_folder
from lofi_worker.musicgen.load import load_engine
from lofi_worker.musicgen.seam import Ear
from lofi_worker.musicgen.settings import RunSettings
from tests.parity.engine_runs import audio_of, run
from training.judge.endurance import endurance
from training.judge.notes import BAR, grid, legal_score
from training.judge.pitch import RATE
from training.judge.takes import STEP_SAMPLES_AT_1_BPM, Take, read_header
from training.tokens import HEADER_FRAMES

PROMPT, SEED, SECONDS = "lofi beat, jazzy guitar, 95 bpm", 3, 300


def test_five_minutes_keep_tempo_key_and_bars_and_have_no_seam() -> None:
    model = read_model(starter_folder())
    results = run(load_engine(model, 1, RunSettings(threads=2)), model.job(PROMPT, SECONDS, SEED))
    audio = audio_of(results)[0]
    codes = np.concatenate([result.codes for result in results if result.codes is not None]).T
    header = read_header(codes)
    assert len(audio) == SECONDS * RATE and header is not None and header.bpm == 95
    held = endurance(Take(PROMPT, SEED, codes, audio, header))
    assert held.holds, held
    assert legal_score(codes)[1] == 0
    assert all(share > 0.98 for share in grid(codes, header).values())

    bar = BAR * STEP_SAMPLES_AT_1_BPM / header.bpm
    lines = np.array([round(n * bar) for n in range(1, int((len(audio) - RATE) / bar))])
    jumps = Ear(RATE).jumps(audio, lines, lines)
    window = model.manifest.windows()
    assert window is not None
    first, more = (window.frames - HEADER_FRAMES) // BAR, window.stride // BAR
    joins = np.arange(first, len(lines), more) - 1  # where one window's frames end and the next one's begin
    assert len(joins) == 2  # three windows
    for jump in jumps:
        assert np.mean(jump[joins]) <= np.percentile(jump, 90)
