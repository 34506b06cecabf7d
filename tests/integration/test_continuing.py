"""Tracks that go on where others end."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from tests.support.home import Home
from tests.support.stdio import Stdio

RATE = 32_000


def make(broker: Stdio, **params: object) -> dict[str, Any]:
    """The finished track, with all that is known of it."""
    track_id = broker.call("generate", **params)["track_id"]
    broker.wait("generation_complete", track_id)
    return broker.call("track_get", track_id=track_id)


def pcm(track: dict[str, Any]) -> NDArray[np.int16]:
    samples: NDArray[np.int16] = soundfile.read(track["path"], dtype="int16")[0]
    return samples


def refused(broker: Stdio, **params: object) -> tuple[str, str]:
    error = broker.error("generate", **params)
    return error["data"]["error_code"], f"{error['message']} {error['data']['recovery']}"


def test_a_continuation_has_the_track_and_more(broker: Stdio, home: Home) -> None:
    base = make(broker, prompt="rain", duration_sec=6, seed=1, format="flac", temperature=0.5, top_k=7)
    assert base["tokens_bytes"] < 0.01 * 6 * RATE * 2 and base["samples"] == 6 * RATE
    longer = make(broker, continue_from=base["track_id"], duration_sec=1, seed=2)
    kept = ("prompt", "format", "temperature", "top_k", "top_p", "guidance_scale", "model_version")
    assert [longer[name] for name in kept] == [base[name] for name in kept]
    assert (longer["duration_sec"], longer["continue_from"]) == (7, base["track_id"])
    assert np.array_equal(pcm(longer)[: 6 * RATE], pcm(base)) and len(pcm(longer)) == 7 * RATE
    again = make(
        broker, continue_from=longer["track_id"], prompt="sun", duration_sec=5, seed=3, format="wav", top_k=9
    )
    assert (again["prompt"], again["format"], again["top_k"], again["duration_sec"]) == ("sun", "wav", 9, 12)
    assert np.array_equal(pcm(again)[: 7 * RATE], pcm(longer))
    same = broker.call("generate", continue_from=base["track_id"], duration_sec=1, seed=2)
    assert same["path"] == longer["path"]


def test_what_is_known_of_a_track(broker: Stdio) -> None:
    track = make(broker, prompt="rain", duration_sec=6, seed=1)
    assert track["peak"] == pytest.approx(0.1, abs=1e-3) and -30 < track["loudness_lufs"] < -18
    assert (track["bar_sec"], track["bar_offset_sec"]) == (2.0, 0.0)
    assert not {"continue_from", "loop", "segment"} & set(track)


def test_a_loop_has_as_many_samples_as_its_bars_take(broker: Stdio, home: Home) -> None:
    loop = make(broker, prompt="rain", duration_sec=7, seed=1, loop=True)
    assert loop["loop"] and loop["samples"] == len(pcm(loop)) == 8 * RATE
    told = broker.wait("generation_complete", loop["track_id"])
    assert (told["duration_sec"], told["samples"], told["sample_rate"]) == (7, 8 * RATE, RATE)
    assert "0:08 (8.00 s; 7 s were asked for)" in home.lofi("tracks", "show", loop["track_id"]).stdout
    assert "tokens_bytes" not in loop
    name, words = refused(broker, continue_from=loop["track_id"])
    assert name == "INVALID_TRACK_ID" and "is a loop" in words
    name, words = refused(broker, continue_from=make(broker, prompt="x")["track_id"], loop=True)
    assert name == "INVALID_PARAMS" and "can't be a loop" in words


def test_what_can_t_be_continued_is_told_with_what_to_do(broker: Stdio, home: Home) -> None:
    name, words = refused(broker, continue_from="0" * 16)
    assert name == "INVALID_TRACK_ID" and "no track 0000000000000000" in words
    slow = broker.call("generate", prompt="slow 60")["track_id"]
    assert "once it is complete" in refused(broker, continue_from=slow)[1]
    broker.call("queue_cancel", track_id=slow)
    base = make(broker, prompt="rain", duration_sec=60, seed=1)
    shutil.copy(base["path"], home.root / "mine.wav")
    with (home.root / "mine.wav").open("ab") as file:
        file.write(bytes(8))  # to be another file than the library has
    imported = broker.call("track_import", path=str(home.root / "mine.wav"))["track"]["track_id"]
    assert "was imported" in refused(broker, continue_from=imported)[1]
    name, words = refused(broker, continue_from=base["track_id"], duration_sec=61)
    assert name == "INVALID_DURATION" and "121 s" in words and "queue.max_duration_sec" in words
    kept = home.paths.tracks / f"{base['track_id']}.tokens"
    kept.write_bytes(kept.read_bytes()[:-1])
    assert "its tokens are missing or damaged" in refused(broker, continue_from=base["track_id"])[1]
    kept.unlink()
    name, words = refused(broker, continue_from=base["track_id"])
    assert name == "INVALID_TRACK_ID" and f"`lofi tracks rm {base['track_id']}`, then make it again" in words


def test_a_track_of_another_model_is_not_continued(home: Home) -> None:
    with Stdio(home.environ) as broker:
        base = make(broker, prompt="rain", seed=1)
    manifest = Path(home.environ["LOFI_MODEL_FOLDER"]) / "model.toml"
    manifest.write_text(manifest.read_text().replace("max_steps = 8192", "max_steps = 8191"))
    with Stdio(home.environ) as broker:
        name, words = refused(broker, continue_from=base["track_id"])
        assert name == "MODEL_NOT_FOUND" and base["model_version"] in words
        name, words = refused(broker, continue_from=base["track_id"], model="test-model")
        assert name == "MODEL_NOT_FOUND" and f"was made by {base['model_version']}" in words


def test_a_base_that_is_deleted_meanwhile_fails_the_job_in_words(broker: Stdio) -> None:
    base = make(broker, prompt="rain", seed=1)
    slow = broker.call("generate", prompt="slow 60")["track_id"]
    waiting = broker.call("generate", continue_from=base["track_id"])["track_id"]
    broker.call("cache_delete", track_id=base["track_id"])
    broker.call("queue_cancel", track_id=slow)
    error = broker.wait("generation_error", waiting)
    assert error["code"] == "MODEL_INFERENCE_FAILED" and "tokens of the track to continue" in error["message"]


def test_longer_tracks_where_the_setting_allows_them(home: Home) -> None:
    home.environ["LOFI_QUEUE_MAX_DURATION_SEC"] = "150"
    with Stdio(home.environ) as broker:
        assert make(broker, prompt="rain", duration_sec=150)["samples"] == 150 * RATE
        assert "limit of 150 s" in refused(broker, prompt="rain", duration_sec=151)[1]


def test_the_command_takes_the_beginning_of_an_id(home: Home) -> None:
    base = Path(home.submit("rain", "-d", "5", "--seed", "1", "--format", "flac").stdout.strip())
    done = home.submit("--continue", base.stem[:6], "-d", "2", "--seed", "2")
    assert done.returncode == 0 and done.stdout.endswith(".flac\n")
    assert soundfile.info(done.stdout.strip()).frames == 7 * RATE
    assert home.submit("sun", "--loop", "-d", "5").returncode == 0
    wrong = home.submit("--continue", "beefbeef")
    assert wrong.returncode == 2 and "no track's id begins with beefbeef" in wrong.stderr
