"""The benchmark: what it makes of measurements, and a whole run on a tiny checkpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks.candidates import CANDIDATES
from benchmarks.compare import Bench, choose
from benchmarks.figures import Figures, Plan, figures, slot_speed
from benchmarks.goals import DEFAULT, judged
from benchmarks.machine import Machine
from benchmarks.outcome import Outcome
from benchmarks.prepare import CHECKPOINT, Making, PreparationFailed, Prepared, make, place_of
from benchmarks.report import markdown
from benchmarks.task import Measurement, Task, Track, Window
from benchmarks.weights import checkpoint_step_bytes, onnx_step_bytes

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests/fixtures/tiny_musicgen"
PLAN = Plan(short=2, long=4)


def track(seconds: int, step: float, total: float | None = None) -> Track:
    times = [step] * (50 * seconds + 3)
    return Track(
        seconds=seconds,
        total=sum(times) + 1.0 if total is None else total,
        first_audio=0.5,
        step_times=times,
        codec=0.25,
    )


def measurement(*tracks: Track, window: Window | None = None, slots: int = 1) -> Measurement:
    return Measurement(
        candidate="ours-int8",
        versions={},
        imports=1.0,
        load=0.5,
        peak_mib=100.0,
        tracks=list(tracks),
        window=window,
        slots=slots,
    )


def outcome(**speeds: float) -> Outcome:
    """An outcome in which `name` (with _ for -) made a short track at this many times real time."""
    found = {
        name.replace("_", "-"): Figures(
            rounds=1,
            short_speed=speed,
            short_speeds=[speed],
            long_speed=speed / 2,
            long_is_estimate="transformers" in name,
            step_ms={50: 10.0, 500: 12.0, 1500: 14.0},
            first_audio=1.0,
            codec=0.0,
            imports=1.0,
            load=1.0,
            peak_mib=900.0,
        )
        for name, speed in speeds.items()
    }
    prepared = Prepared(folder="x", bytes=450_000_000, step_bytes=360_000_000)
    return Outcome(
        date="2026-01-01 00:00 UTC",
        machine=Machine(
            cpu="A processor",
            cores=4,
            used_cores=[0, 1],
            flags=["avx2"],
            memory_gib=16.0,
            system="Linux",
            load_average=0.0,
        ),
        threads=2,
        checkpoint="a model",
        standard=True,
        plan=Plan(),
        bandwidth={1: 30.0, 2: 60.0},
        versions={"torch": "2.13.0"},
        prepared={name: prepared for name in found},
        figures=found,
        slots={},
        missing={"js-int8": ["node"]},
        failed={"onnx-int8": "RuntimeError: no such file"},
    )


def test_figures_are_medians_over_the_rounds() -> None:
    rounds = [measurement(track(2, 0.0, total), track(4, 0.0, 4 * total)) for total in (1.0, 4.0, 2.0)]
    found = figures(rounds, PLAN)
    assert found.short_speed == 1.0 and found.short_speeds == [2.0, 0.5, 1.0]
    assert found.long_speed == 0.5
    assert not found.long_is_estimate


def test_a_step_time_is_the_median_of_the_steps_that_end_there() -> None:
    short, long = track(2, 0.010), track(4, 0.010)
    short.step_times[30:50] = [0.020] * 20
    short.step_times[80:100] = [0.030] * 20
    long.step_times[180:200] = [0.040] * 20
    long.step_times[185] = 9.0  # one slow step, as one that also decodes
    assert figures([measurement(short, long)], PLAN).step_ms == pytest.approx({50: 20, 100: 30, 200: 40})


def test_a_long_track_is_estimated_from_its_end() -> None:
    window = Window(frames=200, step_times=[0.030] * 19, codec=0.7)
    found = figures([measurement(track(2, 0.010), window=window)], PLAN)
    first = 0.010
    flat = 99 * 0.010  # steps 2 to 100
    rising = sum(0.010 + 0.020 * (step - 100) / 100 for step in range(101, 201))
    after = 3 * 0.030
    overhead = 1.0 - 0.25  # of the short track, without its decoding
    assert found.long_is_estimate
    assert found.long_speed == pytest.approx(4 / (overhead + first + flat + rising + after + 0.7))


def test_tracks_side_by_side_add_up() -> None:
    assert slot_speed(measurement(track(2, 0.0, 4.0), slots=4)) == 2.0


def test_goals_are_judged_where_their_candidates_were_measured() -> None:
    ours = {DEFAULT.replace("-", "_"): 2.0}
    texts = {goal.text: goal.reached(value) for goal, value in judged(outcome(**ours, transformers_fp32=0.2))}
    assert texts["default beside transformers fp32, ×"] is False
    assert texts["default precision, short track, × real time"] is True
    assert texts["default, load, s"] is True
    assert not any("bf16" in text for text in texts)


def test_the_page_says_what_was_estimated_left_out_and_failed() -> None:
    page = markdown(outcome(ours_int4=2.0, transformers_fp32=0.2))
    assert "| ours-int4 | 2.00 (2.00–2.00) | 1.00 | 10.0 | 12.0 | 14.0 |" in page
    assert "| transformers-fp32 | 0.20 (0.20–0.20) | ≈ 0.10 |" in page
    assert "60 % |" in page  # 360 MB in 10 ms of 60 GB/s
    assert "js-int8: not measured, this machine has no node" in page
    assert "onnx-int8: failed: RuntimeError: no such file" in page
    assert "int4 beside plain" not in page


def test_an_import_is_on_the_page_with_its_agreement() -> None:
    found = outcome(ours_int4=2.0)
    made = Making(seconds=12.4, peak_mib=300.0, agreement=None)
    found.prepared["ours-int4"] = Prepared(folder="x", bytes=1, step_bytes=1, making=made)
    assert "| ours-int4 | 12 | 300 |" in markdown(found)


def tensor(name: str, array: np.ndarray) -> TensorProto:
    return numpy_helper.from_array(array, name)


def test_only_weights_that_every_step_reads_count(tmp_path: Path) -> None:
    table = tensor("table", np.zeros((10, 4), np.float32))
    matrix = tensor("matrix", np.zeros((4, 4), np.float32))
    half = tensor("half", np.zeros((4, 4), np.float16))
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("MatMul", ["rows", "matrix"], ["middle"]),
        helper.make_node("Cast", ["half"], ["whole"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["middle", "whole"], ["out"]),
    ]
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 4])
    graph = helper.make_graph(nodes, "g", [ids], [out], [table, matrix, half])
    onnx.save(helper.make_model(graph), tmp_path / "plain.onnx")
    assert onnx_step_bytes(tmp_path / "plain.onnx") == 64 + 64

    first_only = tensor("first_only", np.zeros((99, 99), np.float32))
    later = helper.make_graph(nodes, "later", [], [out], [half])
    first = helper.make_graph([helper.make_node("Identity", ["first_only"], ["out"])], "first", [], [out])
    branch = helper.make_node("If", ["cached"], ["result"], then_branch=later, else_branch=first)
    cached = helper.make_tensor_value_info("cached", TensorProto.BOOL, [1])
    result = helper.make_tensor_value_info("result", TensorProto.FLOAT, ["n", 4])
    merged = helper.make_graph([branch], "merged", [ids, cached], [result], [table, matrix, first_only])
    onnx.save(helper.make_model(merged), tmp_path / "merged.onnx")
    assert onnx_step_bytes(tmp_path / "merged.onnx") == 64 + 64


def test_a_checkpoints_step_reads_its_decoder_without_tables() -> None:
    layer = (
        4 * 48 * 48 + 2 * 48 * 48 + 2 * 48 * 96 + 3 * 2 * 48
    )  # attention, q and out of the text's, ffn, norms
    assert checkpoint_step_bytes(TINY / "model.safetensors", 2) == 2 * (2 * layer + 4 * 64 * 48 + 2 * 48)


def test_what_fails_to_be_made_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PreparationFailed, match="out of luck"):
        make(tmp_path, "thing", [sys.executable, "-c", "import sys; sys.exit('out of luck')"])
    assert not (tmp_path / "thing").exists()
    script = "import sys; open(sys.argv[1] + '/made', 'w')"
    assert (make(tmp_path, "thing", [sys.executable, "-c", script, "{}"]) / "made").exists()


def test_each_checkpoint_has_a_place_of_its_own(tmp_path: Path) -> None:
    work, one, other = (tmp_path / name for name in ("work", "one/model", "other/model"))
    for folder in (one, other):
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(b"weights")
    os.utime(other / "model.safetensors", (1, 1))
    places = [place_of(work, each) for each in (work / CHECKPOINT, one, other)]
    assert places[0] == work and len(set(places)) == 3
    assert place_of(work, one) == places[1]
    (one / "model.safetensors").write_bytes(b"other weights")
    assert place_of(work, one) not in places


def test_a_candidate_that_fails_is_told_and_runs_no_more(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tmp_path, PLAN, 1, TINY)
    ours = next(each for each in CANDIDATES if each.name == "ours-int4")
    bench.prepared[ours.name] = Prepared(folder=str(tmp_path / "no_model"), bytes=1, step_bytes=1)
    bench.measure(ours)
    assert "ModelNotFound: " in bench.failed[ours.name]
    bench.failed[ours.name] = "told before"
    bench.measure(ours)
    assert bench.failed[ours.name] == "told before"
    assert bench.measured == {}


def test_a_candidate_whose_program_is_not_there_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    chosen, lacking = choose(None)
    assert {"node", "npm"} <= set(lacking["js-int8"])
    assert DEFAULT in [each.name for each in chosen]
    with pytest.raises(SystemExit, match=r"js-int8 needs .*node"):
        choose(["js-int8"])


@pytest.mark.timeout(180)
def test_a_whole_run_on_a_tiny_checkpoint(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.compare", "--rounds", "1", "--threads", "1"]
    command += ["--only", "ours-fp32,ours-int4", "--seconds", "1,2", "--checkpoint", str(TINY)]
    command += ["--work", str(tmp_path / "work"), "--results", str(tmp_path / "results")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "results").iterdir()
    found = json.loads((folder / "results.json").read_text())
    assert list(found["figures"]) == ["ours-fp32", "ours-int4"]
    assert found["figures"]["ours-fp32"]["short_speed"] > 0
    assert sorted(found["slots"]["ours-int4"]) == ["1", "2", "4", "8"]
    assert (folder / "results.md").read_text() == done.stdout[: done.stdout.rindex("\n")]
    assert (folder / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert len((folder / "runs.jsonl").read_text().splitlines()) == 2 + 4


@pytest.mark.timeout(180)
def test_a_peer_measures_a_track_and_the_end_of_another(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    task = Task(
        candidate="transformers-bf16",
        files=str(TINY),
        threads=1,
        prompt_ids=[3, 4, 5, 1],
        special=64,
        tracks=[1],
        window_frames=100,
    )
    (tmp_path / "task.json").write_bytes(msgspec.json.encode(task))
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.peers.torch_transformers"]
    done = subprocess.run([*command, str(tmp_path / "task.json")], cwd=ROOT, capture_output=True, timeout=170)
    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(done.stdout.splitlines()[-1], type=Measurement)
    assert len(found.tracks[0].step_times) == 53
    assert found.tracks[0].total >= sum(found.tracks[0].step_times) + found.tracks[0].codec
    assert found.window is not None and len(found.window.step_times) == 19
