"""The benchmark's processes, and whole runs of it on a tiny checkpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from benchmarks.bench import PRODUCT, Bench, run_rounds
from benchmarks.candidates import CANDIDATES, Candidate
from benchmarks.compare import choose, parse
from benchmarks.figures import Plan
from benchmarks.goals import DEFAULT
from benchmarks.peers import ours
from benchmarks.prepare import CHECKPOINT, Making, Prepared, import_name, make, place_of
from benchmarks.processes import ProcessFailed, answer_of, run_process
from benchmarks.task import Measurement, Span, Task, peak_mb
from lofi_common.config import WorkerConfig
from lofi_common.paths import starter_folder
from lofi_worker.musicgen.settings import RunSettings

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests/fixtures/tiny_musicgen"
PLAN = Plan(short=2, long=5)


def candidate(name: str) -> Candidate:
    return next(each for each in CANDIDATES if each.name == name)


def run(program: str, timeout_sec: float = 30.0) -> str:
    return run_process([sys.executable, "-c", program], timeout_sec=timeout_sec, environ={"GIVEN": "1"})


def test_a_process_that_fails_says_why_in_one_line() -> None:
    with pytest.raises(ProcessFailed, match=r"^ValueError: out of luck$") as caught:
        run("print('before'); raise ValueError('out of luck')")
    assert "before" in caught.value.output and "Traceback" in caught.value.output
    with pytest.raises(ProcessFailed, match=r"^the last words$"):
        run("import sys; sys.exit('first words\\nthe last words')")
    with pytest.raises(ProcessFailed, match=r"^exit status 3$"):
        run("raise SystemExit(3)")
    with pytest.raises(ProcessFailed, match=r"^died of signal 9$"):
        run("import os; os.kill(os.getpid(), 9)")
    with pytest.raises(ProcessFailed, match=r"^gave no answer within 0.5 s$"):
        run("import threading; threading.Event().wait()", timeout_sec=0.5)
    with pytest.raises(ProcessFailed, match="no-such-program can't be started"):
        run_process(["/no-such-program"], timeout_sec=5.0, environ={})
    for printed in ("", "no answer\n"):
        with pytest.raises(ProcessFailed, match="printed no Making"):
            answer_of(printed, Making)


def test_settings_of_the_users_own_lofi_reach_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOFI_WORKER_SPIN", "false")
    printed = run(
        "import os; print(sorted(name for name in os.environ if name in ('GIVEN', 'LOFI_WORKER_SPIN')))"
    )
    assert printed == "['GIVEN']\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system counts right")
def test_the_memory_of_whoever_started_a_process_does_not_count() -> None:
    ballast = b"1" * 400_000_000
    found = float(run("from benchmarks.task import peak_mb; print(peak_mb())"))
    assert 0 < found < 200 < len(ballast) / 1e6 < peak_mb()


def test_lofi_is_measured_with_its_workers_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[str, object] = {}
    monkeypatch.setattr(ours, "WorkerConfig", lambda: WorkerConfig(nice=7, spin=False))
    monkeypatch.setattr(ours.os, "nice", lambda niceness: taken.update(nice=niceness))
    monkeypatch.setattr(ours, "load_engine", lambda model, slots, settings: taken.update(settings=settings))
    ours.Ours(task(str(starter_folder()), tracks=[1]))
    assert taken == {"nice": 7, "settings": RunSettings(threads=1, device="cpu", spin=False)}


def test_what_fails_to_be_made_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailed, match="out of luck"):
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
    int4 = candidate("ours-int4")
    bench.prepared[int4.name] = Prepared(folder=str(tmp_path / "no_model"), bytes=1, step_bytes=1)
    bench.measure(int4)
    assert "measurement: " in bench.failed[int4.name] and "ModelNotFound: " in bench.failed[int4.name]
    assert "WORK/no_model" in bench.failed[int4.name] and str(tmp_path) not in bench.failed[int4.name]
    bench.failed[int4.name] = "told before"
    bench.measure(int4)
    bench.measure_slots(int4, 2)
    assert bench.failed == {int4.name: "told before"}
    assert bench.measured == {}


def test_a_product_that_fails_is_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tmp_path, PLAN, 1, TINY)
    bench.prepared[DEFAULT] = Prepared(folder=str(tmp_path / "no_model"), bytes=1, step_bytes=1)
    bench.measure_product()
    assert "no_model" in bench.failed[PRODUCT] and str(tmp_path) not in bench.failed[PRODUCT]
    assert bench.product is None


def test_a_preparation_that_fails_leaves_the_others_alone(tmp_path: Path) -> None:
    (place_of(tmp_path, TINY) / "onnx").mkdir(parents=True)  # an export without its files
    bench = Bench(tmp_path, tmp_path, PLAN, 1, TINY)
    chosen = [candidate("onnx-int8"), candidate("ours-fp32")]
    for each in chosen:
        bench.prepare(each)
    assert bench.failed["onnx-int8"].startswith("preparation: text_encoder_quantized.onnx: No such file")
    run_rounds(bench, chosen, 2, 1)
    assert list(bench.failed) == ["onnx-int8"]
    assert {name: len(found) for name, found in bench.measured.items()} == {"ours-fp32": 2}


def test_a_candidate_whose_program_is_not_there_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    chosen, lacking = choose(None)
    assert {"node", "npm"} <= set(lacking["js-int8"])
    assert DEFAULT in [each.name for each in chosen]
    with pytest.raises(SystemExit, match=r"js-int8 needs .*node"):
        choose(["js-int8"])


@pytest.mark.parametrize(
    "arguments",
    [
        "--rounds 0",
        "--threads 0",
        "--seconds 2,4",
        "--seconds 10,5",
        "--only ours-int9",
        f"--checkpoint {ROOT}/configs",
    ],
)
def test_arguments_that_can_give_no_results_are_refused(
    arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["compare", "--work", "unused", *arguments.split()])
    with pytest.raises(SystemExit):
        parse()
    assert f"argument {arguments.split()[0]}: " in capsys.readouterr().err


def python(*arguments: str, timeout: float = 170.0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-m", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout)


def compare(tmp_path: Path, only: str, rounds: int) -> subprocess.CompletedProcess[str]:
    arguments = ["--rounds", str(rounds), "--threads", "1", "--only", only, "--seconds", "1,5"]
    arguments += ["--work", str(tmp_path / "work"), "--results", str(tmp_path / "results")]
    return python("benchmarks.compare", *arguments, "--checkpoint", str(TINY))


@pytest.mark.timeout(180)
def test_a_whole_run_on_a_tiny_checkpoint(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = compare(tmp_path, f"ours-fp32,{DEFAULT}", rounds=2)
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "results").iterdir()
    found = json.loads((folder / "results.json").read_text())
    assert list(found["figures"]) == ["ours-fp32", DEFAULT]
    assert found["figures"]["ours-fp32"]["short_speed"] > 0
    rounds = {slots: len(speeds) for slots, speeds in found["slots"][DEFAULT].items()}
    assert rounds == {"1": 2, "2": 2, "4": 2, "8": 2}
    assert found["product"]["candidate"] == DEFAULT and found["product"]["seconds"] == 5
    assert 10 < found["product"]["peak_mb"] < 500 and found["product"]["generation"] > 0
    assert [found["spin"], found["nice"]] == [WorkerConfig().spin, WorkerConfig().nice]
    assert str(tmp_path) not in (folder / "results.json").read_text()
    page = (folder / "results.md").read_text()
    assert page == done.stdout[: done.stdout.rindex("\n")]
    assert (folder / "plot.png").read_bytes().startswith(b"\x89PNG")
    turns = ["ours-fp32", DEFAULT, DEFAULT, DEFAULT, DEFAULT]
    runs = [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]
    assert [each["candidate"] for each in runs] == [*turns, *reversed(turns)]
    assert [each["slots"] for each in runs] == [1, 1, 2, 4, 8, 8, 4, 2, 1, 1]

    for name in ("results.md", "plot.png"):
        (folder / name).unlink()
    again = python("benchmarks.page", str(folder))
    assert again.returncode == 0, again.stderr
    assert (folder / "results.md").read_text() == page
    assert (folder / "plot.png").read_bytes().startswith(b"\x89PNG")
    (folder / "results.json").write_text("{}")
    refused = python("benchmarks.page", str(folder))
    assert refused.returncode == 1 and "results.json holds no results" in refused.stderr


@pytest.mark.timeout(180)
def test_a_run_in_which_something_fails_ends_with_its_page_and_status_1(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    work = tmp_path / "work"
    broken = place_of(work, TINY) / import_name(candidate("ours-int8"))
    broken.mkdir(parents=True)
    (broken / "printed.txt").write_text("no answer\n")
    done = compare(tmp_path, "ours-int8,ours-fp32", rounds=1)
    assert done.returncode == 1
    assert "| ours-int8 | failed in preparation: printed no Making" in done.stdout
    (folder,) = (tmp_path / "results").iterdir()
    found = json.loads((folder / "results.json").read_text())
    assert list(found["figures"]) == ["ours-fp32"] and list(found["failed"]) == ["ours-int8"]
    assert (folder / "plot.png").exists()

    nothing = compare(tmp_path, "ours-int8", rounds=1)
    assert nothing.returncode == 1
    assert "nothing was measured\nours-int8: preparation: printed no Making" in nothing.stderr
    assert [folder] == list((tmp_path / "results").iterdir())


def test_the_engine_alone_is_measured() -> None:
    arguments = [str(starter_folder()), "--seconds", "5", "--runs", "1", "--threads", "1", "--steps", "30"]
    done = python("benchmarks.engine", *arguments, timeout=50.0)
    assert done.returncode == 0, done.stderr
    named = {line[:15].strip(): line[15:].split()[0] for line in done.stdout.splitlines() if line}
    assert {"import", "load", "run", "step", "step 30", "real time", "memory, peak"} <= named.keys()
    assert float(named["memory, peak"]) > 20


@pytest.mark.skipif(sys.platform != "linux", reason="it keeps processes to cores")
def test_what_tracks_cost_is_measured() -> None:
    arguments = [str(starter_folder()), "--seconds", "5", "--least", "0", "--slots", "2", "--bytes"]
    done = python("benchmarks.cost", *arguments, timeout=50.0)
    assert done.returncode == 0, done.stderr
    header, row, files, *sizes = done.stdout.splitlines()
    assert "a core-hour" in header
    cells = row.split()
    assert cells[:5] == ["lofi-tiny", "-", "1", "2", "2"]
    by_clock, by_processor, real_time, _, peak, own, _ = map(float, cells[5:])
    assert 10 < by_clock <= 1.05 * by_processor
    assert real_time == pytest.approx(5 * by_processor / 3600, rel=0.01)
    assert 20 < own < peak < 1000
    assert files.split()[0].startswith("lofi-tiny-")
    found = {kind: int(size) for kind, size, *_ in map(str.split, sizes)}
    assert found["wav"] == 44 + 2 * 32_000 * 5
    assert found["mp3"] < found["flac"] < found["wav"]


def task(files: str, tracks: list[int], window: Span | None = None) -> Task:
    return Task(
        candidate="transformers-bf16",
        files=files,
        threads=1,
        prompt_ids=[3, 4, 5, 1],
        special=64,
        tracks=tracks,
        window=window,
    )


@pytest.mark.timeout(180)
def test_a_peer_measures_a_track_and_the_end_of_another(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    given = task(str(TINY), tracks=[1], window=Span(first=83, last=103))
    (tmp_path / "task.json").write_bytes(msgspec.json.encode(given))
    done = python("benchmarks.peers.torch_transformers", str(tmp_path / "task.json"))
    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(done.stdout.splitlines()[-1], type=Measurement)
    assert len(found.tracks[0].step_times) == 53
    assert found.tracks[0].total >= sum(found.tracks[0].step_times) + found.tracks[0].codec
    assert found.window is not None and len(found.window.step_times) == 19
