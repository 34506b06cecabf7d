"""The benchmark: what it makes of measurements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks.figures import Figures, Plan, figures, throughput
from benchmarks.goals import DEFAULT, judged
from benchmarks.machine import Machine
from benchmarks.outcome import Outcome
from benchmarks.prepare import Making, Prepared
from benchmarks.product import Product
from benchmarks.report import markdown
from benchmarks.task import Measurement, Span, Track, Window
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
        peak_mb=100.0,
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
            peak_mb=900.0,
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
        spin=True,
        nice=5,
        checkpoint="a model",
        standard=True,
        plan=Plan(),
        bandwidth={1: 30.0, 2: 60.0},
        versions={"torch": "2.13.0"},
        prepared={name: prepared for name in found},
        figures=found,
        slots={name: {1: [1.0, 4.0, 2.0], 8: [5.0, 3.0, 4.0]} for name in found if "ours" in name},
        product=Product(candidate=DEFAULT, seconds=30, generation=20.0, peak_mb=1100.0),
        missing={"js-int8": ["node"]},
        failed={"onnx-int8": "preparation: RuntimeError: a|b", "ours-int4, 8 slots": "measurement: died"},
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
    window = Window(step_times=[0.030] * 19, codec=0.7)
    found = figures([measurement(track(2, 0.010), window=window)], PLAN)
    first = 0.010
    flat = 99 * 0.010  # steps 2 to 100
    rising = sum(0.010 + 0.020 * (step - 100) / 100 for step in range(101, 201))
    after = 3 * 0.030
    overhead = 1.0 - 0.25  # of the short track, without its decoding
    assert found.long_is_estimate
    assert found.long_speed == pytest.approx(4 / (overhead + first + flat + rising + after + 0.7))


def test_tracks_side_by_side_are_measured_by_the_steps_around_the_middle() -> None:
    assert Plan().stretch == Span(first=200, last=300)
    assert Plan(short=1, long=5).stretch == Span(first=0, last=50)
    alone, plan = track(4, 0.010), Plan(short=4, long=5)
    assert plan.stretch == Span(first=50, last=150)
    alone.step_times[50:150] = [0.040] * 100
    assert throughput(measurement(alone), plan) == pytest.approx(0.02 / 0.040)
    several = measurement(window=Window(step_times=[0.040] * 98 + [0.240] * 2, codec=0.0), slots=4)
    assert throughput(several, plan) == pytest.approx(4 * 2 / 4.4)


def test_throughput_is_the_median_over_the_rounds() -> None:
    found = outcome(**{DEFAULT.replace("-", "_"): 2.0})
    assert found.throughput(DEFAULT, 1) == 2.0
    goals = {goal.text: value for goal, value in judged(found)}
    assert goals["default, 8 slots beside one, ×"] == 2.0
    page = markdown(found)
    assert f"| {DEFAULT} | 2.00 (1.00–4.00) | 4.00 (3.00–5.00) |" in page
    assert "in the steps 201 to 300 alone" in page


def test_the_workers_peak_is_a_row_and_a_goal() -> None:
    found = outcome(**{DEFAULT.replace("-", "_"): 2.0})
    assert "| one track of 30 s | 1100 | 1.50 |" in markdown(found)
    verdicts = {goal.text: goal.reached(value) for goal, value in judged(found)}
    assert verdicts["default, the worker's peak memory in a long track, MB"] is False


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
    assert "| js-int8 | this machine has no node |" in page
    assert "| onnx-int8 | failed in preparation | |" in page.replace("  ", " ")
    assert "| onnx-int8 | failed in preparation: RuntimeError: a\\|b |" in page
    assert "| ours-int4, 8 slots | failed in measurement: died |" in page
    assert "2 threads each; lofi with its worker's defaults: spinning threads, niceness 5" in page
    assert "int4 beside plain" not in page


def test_an_import_is_on_the_page_with_its_agreement() -> None:
    found = outcome(ours_int4=2.0)
    made = Making(seconds=12.4, peak_mb=300.0, agreement=None)
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
