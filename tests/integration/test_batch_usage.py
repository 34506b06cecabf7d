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


def test_a_model_of_the_command_that_is_not_there_is_refused(home: Home) -> None:
    folder = home.root / "out"
    done = run(home, "-", folder, "--model", "nobody", text="a\nb\n")
    assert done.returncode == 5 and "nobody" in done.stderr and "2 rows are still to be made" in done.stderr
    assert manifest(folder) == []
