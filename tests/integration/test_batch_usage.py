"""What `lofi-batch` refuses before it makes anything, in words and in JSON."""

from __future__ import annotations

import json

from tests.support.batch import manifest, run
from tests.support.home import Home


def test_what_is_asked_for_wrongly_is_told_once_and_in_words(home: Home) -> None:
    folder = home.root / "out"
    told = json.loads(run(home, "-", folder, "--json", text="prompt,duration\nb,x\n").stderr)["error"]
    assert told["exit_code"] == 2
    assert told["recovery"] == "line 2: duration: must be a whole number"
    assert run(home, "-", folder, "-d", "3", text="a\nb\n").stderr.count("must be a whole number") == 1
    (home.root / "file").touch()
    in_a_file = run(home, "-", home.root / "file" / "out", text="a\n")
    assert in_a_file.returncode == 2 and "a file is in its place" in in_a_file.stderr
    folder.mkdir()
    (folder / "manifest.jsonl").write_text("x\n")
    for more in ([], ["--dry-run"]):
        done = run(home, "-", folder, *more, text="rain\n")
        assert done.returncode == 2 and "manifest.jsonl, line 1" in done.stderr


def test_wrong_rows_are_all_named_and_nothing_is_made(home: Home) -> None:
    folder = home.root / "out"
    wrong = run(home, "-", folder, text="prompt,duration\na,5\nb,4\nc,x\n")
    assert wrong.returncode == 2 and "2 wrong rows" in wrong.stderr
    assert "line 3: duration" in wrong.stderr and "line 4: duration" in wrong.stderr
    (home.root / "bytes").write_bytes(b"fine\n\xff\n")
    assert "line 2: not UTF-8" in run(home, home.root / "bytes", folder).stderr
    for arguments in (["--slots", "65"], ["--shard", "3/2"], ["-d", "4"]):
        assert run(home, "-", folder, *arguments, text="a\n").returncode == 2
    assert run(home, "-", folder, text="# nothing\n").returncode == 2
    assert run(home, home.root / "none.txt", folder).returncode == 2
    assert not folder.exists()


def test_what_is_over_the_limit_is_refused_at_once_with_what_allows_it(home: Home) -> None:
    folder = home.root / "out"
    table = "prompt,duration\na,121\nb,5\nc,300\n"
    for more in ([], ["--dry-run"]):
        done = run(home, "-", folder, *more, text=table)
        assert done.returncode == 2 and "2 wrong rows" in done.stderr
        assert "line 2: duration: 121 s is over the limit of 120 s" in done.stderr
        assert "line 4: duration: 300 s" in done.stderr
        assert done.stderr.count("`lofi config set queue.max_duration_sec 300 && lofi broker stop`") == 1
    told = json.loads(run(home, "-", folder, "--json", text=table).stderr)["error"]
    assert "line 4: duration: 300 s" in told["recovery"]
    assert "queue.max_duration_sec 300 " in told["recovery"]
    for asked, advice in {
        "4": "The shortest track has 5 s.",
        "121": "`lofi config set queue.max_duration_sec 121 && lofi broker stop`",
        "3601": "at most 3600 s can be allowed",
    }.items():
        done = run(home, "-", folder, "-d", asked, "-n", text="a\nb\n")
        assert done.returncode == 2 and advice in done.stderr and f"not {asked}" in done.stderr, done.stderr
        assert ("config set" in done.stderr) == (asked == "121") and "wrong row" not in done.stderr
    assert not folder.exists()
    assert home.lofi("config", "set", "queue.max_duration_sec", "300").returncode == 0
    assert run(home, "-", folder, "--dry-run", text=table).returncode == 0


def test_a_limit_under_the_default_length_holds_for_the_rows_that_need_it(home: Home) -> None:
    assert home.lofi("config", "set", "queue.max_duration_sec", "10").returncode == 0
    fine = run(home, "-", home.root / "out", "--dry-run", text="prompt,duration\na,10\n")
    assert fine.returncode == 0, fine.stderr
    done = run(home, "-", home.root / "out", "--dry-run", text="prompt,duration\na,10\nb,\n")
    assert done.returncode == 2 and "line 3: duration: 30 s is over the limit of 10 s" in done.stderr


def test_a_model_of_the_command_that_is_not_there_is_refused(home: Home) -> None:
    folder = home.root / "out"
    done = run(home, "-", folder, "--model", "nobody", text="a\nb\n")
    assert done.returncode == 5 and "nobody" in done.stderr and "2 rows are still to be made" in done.stderr
    assert manifest(folder) == []
