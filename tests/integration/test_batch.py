"""`lofi-batch` with a broker: what it makes, what it makes again, and what it leaves alone."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from lofi_client import GenerateParams, GenerationComplete, GenerationStart, Lofi
from lofi_client.launch import find_broker
from lofi_common.errors import QueueFull
from tests.integration.test_failing_disk import CAN_MOUNT
from tests.support.batch import Batch, all_there, command, manifest, run, times_made, write_prompts
from tests.support.home import Home
from tests.support.terminal import read


def params(prompt: str) -> GenerateParams:
    return GenerateParams(prompt=prompt, duration_sec=5)


def connect(home: Home) -> Lofi:
    return Lofi.connect(start=False, name="test", paths=home.paths)


def test_a_batch_and_the_same_once_more(home: Home) -> None:
    table = "prompt,duration,file\nrain,5,a/one.flac\nrain,6,\nrain,6,\n"
    folder = home.root / "out"
    done = run(home, "-", folder, "--slots", "2", text=table)
    assert (done.returncode, done.stdout) == (0, f"{folder}/manifest.jsonl\n"), done.stderr
    assert "3 of 3 rows there; 17 s of audio in" in done.stderr
    records = manifest(folder)
    assert [record["duration_sec"] for record in records] == [5, 6, 6]
    assert len({record["track_id"] for record in records}) == 3  # equal prompts get seeds of their own
    assert (folder / "a/one.flac").read_bytes()[:4] == b"fLaC"
    with connect(home) as lofi:
        assert lofi.worker_slots().before == 1  # given back
        assert {track.track_id for track in lofi.tracks().tracks} == {each["track_id"] for each in records}
    home.stop()
    again = run(home, "-", folder, "--slots", "2", text=table)
    assert again.returncode == 0 and "3 of 3 rows there, 3 of them before" in again.stderr
    assert manifest(folder) == records
    assert find_broker(home.paths) is None  # nobody needed one


def test_missing_and_damaged_files_are_made_again_and_nothing_else(home: Home) -> None:
    prompts, folder = write_prompts(home.root, "a", "b", "c"), home.root / "out"
    assert run(home, prompts, folder, "-d", "5").returncode == 0
    first = all_there(folder, 3)
    os.unlink(folder / first[0]["path"])
    with (folder / first[1]["path"]).open("r+b") as file:
        file.write(b"X")
    planned = run(home, prompts, folder, "-d", "5", "--dry-run", "--json")
    assert [json.loads(line)["there"] for line in planned.stdout.splitlines()] == [False, False, True]
    with Batch(home, prompts, folder, "-d", "5") as batch:
        assert [row["row"] for row in batch.rows(9)] == [1, 2]
    assert [each["sha256"] for each in all_there(folder, 3)] == [each["sha256"] for each in first]


def test_rows_that_fail_are_told_tried_and_tried_again_by_the_next_run(home: Home) -> None:
    prompts, folder = write_prompts(home.root, "fine", "fail@3", "fine too"), home.root / "out"
    for attempts in (2, 4):
        done = run(home, prompts, folder, "-d", "5", "--retries", "1")
        assert done.returncode == 1 and "2 of 3 rows there" in done.stderr and "1 failed" in done.stderr
        assert "\n      row 2: scripted failure at step 3\n" in done.stderr
        records = manifest(folder)
        assert [record["attempts"] for record in records] == [1, attempts, 1]
        assert records[1]["error"]["code"] == "MODEL_INFERENCE_FAILED"
        assert [record["error"] is None for record in records] == [True, False, True]


def test_rows_of_a_model_that_is_not_there_fail_with_the_reason_and_the_others_are_made(home: Home) -> None:
    folder = home.root / "out"
    table = "prompt,model\na,nobody\nb,\nc,nobody\n"
    done = run(home, "-", folder, "-d", "5", "--slots", "3", text=table)
    assert done.returncode == 1
    errors = [record["error"] and record["error"]["code"] for record in manifest(folder)]
    assert errors == ["MODEL_NOT_FOUND", None, "MODEL_NOT_FOUND"]


def test_a_changed_prompt_file_is_not_mixed_with_the_old_one(home: Home) -> None:
    folder = home.root / "out"
    assert run(home, write_prompts(home.root, "a", "b", "c"), folder, "-d", "5").returncode == 0
    before = manifest(folder)
    prompts = write_prompts(home.root, "a", "other", "c", "new")
    refused = run(home, prompts, folder, "-d", "5")
    assert (
        refused.returncode == 2
        and "row 2 (prompt b, now other)" in refused.stderr
        and "--force" in refused.stderr
    )
    assert manifest(folder) == before
    assert run(home, prompts, folder, "-d", "5", "--force").returncode == 0
    assert [record["prompt"] for record in all_there(folder, 4)] == ["a", "other", "c", "new"]
    fewer = write_prompts(home.root, "a")
    assert "row 2 (" in run(home, fewer, folder, "-d", "5").stderr
    assert run(home, fewer, folder, "-d", "5", "--force").returncode == 0
    all_there(folder, 1)


def test_other_people_s_files_are_left_alone(home: Home) -> None:
    folder = home.root / "out"
    folder.mkdir()
    (folder / "x.wav").write_bytes(b"mine")
    table = "prompt,file\na,x.wav\n"
    refused = run(home, "-", folder, "-d", "5", text=table)
    assert refused.returncode == 2 and "x.wav" in refused.stderr
    assert (folder / "x.wav").read_bytes() == b"mine" and find_broker(home.paths) is None
    assert run(home, "-", folder, "-d", "5", "--force", text=table).returncode == 0
    assert (folder / "x.wav").read_bytes()[:4] == b"RIFF"


def test_shards_work_in_one_folder_side_by_side_and_are_the_whole(home: Home) -> None:
    prompts = write_prompts(home.root, *(f"rain {number}" for number in range(10)))
    whole, parts = home.root / "whole", home.root / "parts"
    assert run(home, prompts, whole, "-d", "5").returncode == 0
    batches = [Batch(home, prompts, parts, "-d", "5", "--shard", f"{part}/3") for part in (1, 2, 3)]
    for batch in batches:
        with batch:
            code, told = batch.end()
            assert code == 0, told
    records = [record for part in (1, 2, 3) for record in manifest(parts, f"manifest.{part}-of-3.jsonl")]
    assert sorted(records, key=lambda record: record["row"]) == all_there(whole, 10)
    assert all((parts / record["path"]).is_file() for record in records)


def test_a_second_batch_in_the_folder_is_refused_and_ctrl_c_takes_back_what_waits(home: Home) -> None:
    prompts = write_prompts(home.root, "fast", *(f"slow 60 {number}" for number in range(30)))
    folder = home.root / "out"
    with Batch(home, prompts, folder, "-d", "5", "--slots", "2") as batch:
        (first,) = batch.rows(1)
        second = run(home, prompts, folder, "-d", "5")
        assert second.returncode == 2 and "another lofi-batch works in" in second.stderr
        with connect(home) as lofi:
            others = lofi.submit(params("of somebody else"))
            batch.process.send_signal(signal.SIGINT)
            code, told = batch.end()
            assert code == 130 and "interrupted: 30 rows are still to be made" in told, told
            *_, ended = lofi.follow(others, 30)
            assert isinstance(ended, GenerationComplete)
            assert lofi.queue().current is None and lofi.queue().pending == []
            assert lofi.worker_slots().before == 1
    assert [record["row"] for record in manifest(folder)] == [first["row"]] == [1]


def test_a_track_that_somebody_cancels_is_a_failed_row(home: Home) -> None:
    prompts = write_prompts(home.root, "fast", "slow 60", "fast too")
    with Batch(home, prompts, home.root / "out", "-d", "5") as batch:
        batch.rows(1)
        with connect(home) as lofi:
            queue = lofi.queue()
            ids = [job.track_id for job in (queue.current, *queue.pending) if job and job.prompt == "slow 60"]
            lofi.cancel(ids[0])
        assert batch.end()[0] == 1
    record = manifest(home.root / "out")[1]
    assert record["error"]["code"] == "GENERATION_CANCELLED" and record["attempts"] == 1


def test_a_queue_that_others_fill_is_waited_for(home: Home) -> None:
    """They are served in their turn, and nothing of either side fails."""
    home.environ["LOFI_QUEUE_MAX_PENDING"] = "3"
    home.lofi("broker", "start")
    prompts = write_prompts(home.root, *(f"rain {number}" for number in range(6)))
    with connect(home) as lofi:
        others = []
        with pytest.raises(QueueFull):
            for number in range(9):
                others.append(lofi.submit(params(f"slow 1 {number}")))
        with Batch(home, prompts, home.root / "out", "-d", "5", "--slots", "4") as batch:
            code, told = batch.end()
            assert code == 0, told
        for accepted in others:
            *_, ended = lofi.follow(accepted, 30)
            assert isinstance(ended, GenerationComplete)
    all_there(home.root / "out", 6)


def test_a_library_file_that_vanished_is_made_again_and_a_damaged_one_is_told(home: Home) -> None:
    prompts = write_prompts(home.root, "a", "b")
    assert run(home, prompts, home.root / "one", "-d", "5").returncode == 0
    first, second = (record["track_id"] for record in manifest(home.root / "one"))
    with (home.paths.tracks / f"{second}.wav").open("r+b") as file:
        file.seek(100)
        file.write(b"damage")
    (home.paths.tracks / f"{first}.wav").unlink()
    done = run(home, prompts, home.root / "two", "-d", "5")
    assert done.returncode == 1
    one, two = manifest(home.root / "two")
    assert one["error"] is None and two["error"]["code"] == "TRACK_LOST"
    assert os.listdir(home.root / "two").count(one["path"]) == 1


def test_without_a_broker_that_starts_the_exit_code_is_3(home: Home) -> None:
    home.environ["LOFI_WORKER_SLOTS"] = "nonsense"
    done = run(home, "-", home.root / "out", text="rain\n")
    assert done.returncode == 3 and "can't start" in done.stderr and "slots" in done.stderr


def test_the_folder_s_full_disk_ends_the_run_in_order_and_the_next_goes_on(home: Home) -> None:
    if not CAN_MOUNT or os.getuid() != 0:
        pytest.skip("nothing can be mounted here")
    folder = home.root / "out"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "lofi-batch", str(folder)])
    if mounted.returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        prompts = write_prompts(home.root, *(f"rain {number}" for number in range(8)))
        full = run(home, prompts, folder, "-d", "5")
        assert full.returncode == 1 and "No space left" in full.stderr, full.stderr
        assert "rows are still to be made" in full.stderr and "same command" in full.stderr
        assert not list(folder.glob(".*.part"))
        subprocess.run(["mount", "-o", "remount,size=8m", str(folder)], check=True)
        assert run(home, prompts, folder, "-d", "5").returncode == 0
        all_there(folder, 8)
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    assert set(times_made(home).values()) == {1}


def test_a_full_library_ends_the_run_in_order_and_the_next_goes_on(home: Home) -> None:
    prompts = write_prompts(home.root, "a", "b", "c")
    assert run(home, prompts, home.root / "one", "-d", "5").returncode == 0
    with connect(home) as lofi:
        lofi.clear_tracks()
    second = manifest(home.root / "one")[1]["track_id"]
    blocked = home.paths.tracks / f".{second}.json.part"
    blocked.symlink_to("/dev/full")
    full = run(home, prompts, home.root / "two", "-d", "5")
    assert full.returncode == 1 and "No space left" in full.stderr and "same command" in full.stderr
    blocked.unlink(missing_ok=True)
    assert run(home, prompts, home.root / "two", "-d", "5").returncode == 0
    all_there(home.root / "two", 3)


def test_progress_is_shown_on_a_terminal_with_a_rate_and_the_time_left(home: Home) -> None:
    prompts = write_prompts(home.root, *(f"rain {number}" for number in range(4)), "fail@3")
    ours, theirs = pty.openpty()
    batch = subprocess.Popen(
        command(prompts, home.root / "out", "-d", "5"),
        env={**os.environ, **home.environ, "TERM": "xterm", "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    while chunk := read(ours):
        shown += chunk
    os.close(ours)
    assert batch.communicate(timeout=30)[0].decode() == f"{home.root}/out/manifest.jsonl\n"
    for words in (b"4/5", b"a minute", "× real time".encode(), b"0 s left", b"1 failed"):
        assert words in shown, shown


def test_a_worker_that_was_there_before_is_replaced_and_all_slots_are_filled(home: Home) -> None:
    assert home.submit("warm", "-d", "5").returncode == 0
    prompts = write_prompts(home.root, *(f"slow 60 {number}" for number in range(9)))
    with Batch(home, prompts, home.root / "out", "-d", "5", "--slots", "4") as batch, connect(home) as lofi:
        started: set[str] = set()
        while len(started) < 4:
            event = lofi.next_event(30)
            assert event is not None, "not all slots are filled"
            if isinstance(event, GenerationStart):
                started.add(event.track_id)
        batch.process.send_signal(signal.SIGTERM)
        assert batch.end()[0] == 143


def test_equal_rows_are_one_track_and_a_file_each(home: Home) -> None:
    table = "prompt,seed\nrain,1\nrain,1\nsnow,1\nrain,1\n"
    for name, *more in (["one"], ["two", "--no-library"]):
        done = run(home, "-", home.root / name, "-d", "5", "--slots", "2", *more, text=table)
        assert done.returncode == 0, done.stderr
        ids = [record["track_id"] for record in all_there(home.root / name, 4)]
        assert len(set(ids)) == 2
    assert set(times_made(home).values()) == {1}  # what was in the library before stays there


def test_a_batch_keeps_to_the_model_that_it_was_begun_with(home: Home) -> None:
    prompts, folder = write_prompts(home.root, "rain", "fail@3"), home.root / "out"
    assert run(home, prompts, folder, "-d", "5", "--retries", "0").returncode == 1
    home.stop()
    model = Path(home.environ["LOFI_MODEL_FOLDER"]) / "model.toml"
    before = model.read_text()
    model.write_text(before.replace("temperature = 1.0", "temperature = 0.9"))
    assert run(home, prompts, folder, "-d", "5", "--retries", "0").returncode == 1
    rain, failed = manifest(folder)
    assert (
        failed["error"]["code"] == "MODEL_NOT_FOUND" and rain["model_version"] in failed["error"]["message"]
    )


def test_a_model_that_is_selected_meanwhile_is_not_mixed_in(home: Home) -> None:
    installed = home.paths.models / "test-model"
    installed.mkdir(parents=True)
    shutil.copy(Path(home.environ.pop("LOFI_MODEL_FOLDER")) / "model.toml", installed)
    prompts = write_prompts(home.root, *(f"slow 0.2 {number}" for number in range(9)))
    with Batch(home, prompts, home.root / "out", "-d", "5") as batch:
        (first,) = batch.rows(1)
        with connect(home) as lofi:
            assert lofi.select_model("test-model").model_version != first["model_version"]
        assert batch.end()[0] == 0
    assert {each["model_version"] for each in all_there(home.root / "out", 9)} == {first["model_version"]}


def test_more_slots_than_there_is_memory_for_are_refused_before_any_row(short_tmp: Path) -> None:
    home = Home(short_tmp, engine="onnx")
    home.environ["LOFI_WORKER_MAX_RSS_MB"] = "100"
    try:
        done = run(home, "-", home.root / "out", "--slots", "64", text="rain\nsnow\n")
        assert done.returncode == 2 and "has memory for" in done.stderr, done.stderr
        assert "2 rows are still to be made" in done.stderr and manifest(home.root / "out") == []
    finally:
        home.stop()
