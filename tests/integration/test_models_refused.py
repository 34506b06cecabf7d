"""What can't be done with a model: the words that say so, the way out, and nothing left half-done."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.test_models_install import model, until
from tests.support.home import Home
from tests.support.hub import FakeHub
from tests.support.models import FIXTURE, NAME, put_model, with_hub, without_setting
from tests.support.shop import REPO, WEIGHTS
from tests.support.stdio import Stdio

# Root may write anywhere, unless it gives that up.
_AS_OTHERS = [
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
]


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        yield hub


@pytest.fixture
def bound(home: Home) -> Home:
    """A home whose commands, and the broker that they start, are bound by permissions."""
    without_setting(home)
    if os.geteuid() != 0:
        return home
    home.wrapper = _AS_OTHERS
    if shutil.which("setpriv") is None or subprocess.run([*_AS_OTHERS, "true"]).returncode != 0:
        pytest.skip("this root can't give up its rights")
    return home


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("action", ["use", "verify"])
def test_a_model_of_the_catalogue_that_is_not_installed(home: Home, action: str) -> None:
    without_setting(home)
    submitted = home.submit("x", "-d", "5", "--model", "musicgen-small")
    done = home.lofi("models", action, "musicgen-small")
    assert (done.returncode, done.stderr) == (submitted.returncode, submitted.stderr)
    assert done.returncode == 5 and "musicgen-small is not installed" in done.stderr
    assert "about 2.4 GB" in done.stderr and "`lofi models pull musicgen-small`" in done.stderr


def test_where_the_settings_decide_nobody_is_sent_to_pull_a_model(home: Home) -> None:
    used = home.lofi("models", "use", "musicgen-small")
    assert used.returncode == 2 and "model.folder" in used.stderr


def test_a_model_of_the_catalogue_that_is_not_installed_can_t_be_removed(home: Home) -> None:
    done = without_setting(home).lofi("models", "rm", "musicgen-small")
    assert done.returncode == 5 and "musicgen-small is not installed" in done.stderr
    assert "`lofi models pull musicgen-small`" in done.stderr


def test_an_unfinished_model_is_not_unknown(home: Home, hub: FakeHub) -> None:
    fault = hub.fail(WEIGHTS, then="stall", after=200_000)
    with Stdio(with_hub(home, hub).environ) as broker:
        broker.call("model_download", model=REPO, consent=True)
        assert fault.reached.wait(20)
        for method in ("model_select", "model_verify"):
            assert "still being installed" in broker.error(method, model=NAME)["message"]
        assert "being installed" in broker.error("model_remove", model=NAME)["message"]
        broker.call("model_cancel", model=NAME)
        until(broker, "cancelled")
        assert model(broker)["state"] == "partial"
        for method in ("model_select", "model_verify"):
            error = broker.error(method, model=NAME)
            assert error["data"]["error_code"] == "MODEL_NOT_FOUND"
            assert "was interrupted" in error["message"] and "lofi models list" in error["data"]["recovery"]


def test_a_model_of_the_catalogue_is_joined_by_its_name_and_by_its_repository(
    home: Home, hub: FakeHub
) -> None:
    files = {path.name: path.read_bytes() for path in FIXTURE.iterdir() if path.is_file()}
    hub.add("facebook/musicgen-small", files)
    fault = hub.fail(WEIGHTS, then="stall", after=1000)
    with Stdio(with_hub(home, hub).environ) as broker:
        broker.call("model_download", model="facebook/musicgen-small", consent=True)
        assert fault.reached.wait(20)
        same = {"model": "musicgen-small", "state": "installing"}
        assert broker.call("model_download", model="musicgen-small") == same
        assert broker.call("model_download", model="facebook/musicgen-small") == same
        other = broker.error("model_download", model="musicgen-small", precision="fp32")
        assert "is being installed" in other["message"]
        broker.call("model_cancel", model="musicgen-small")
        while broker.notices("model_status")[-1]["state"] != "cancelled":
            broker.take()


def test_a_folder_of_models_that_can_t_be_written_to(bound: Home, hub: FakeHub) -> None:
    with_hub(bound, hub)
    put_model(bound, "mine")
    models = bound.paths.models
    models.chmod(0o500)
    try:
        for action, words in (
            (("use", "mine"), "the choice can't be saved"),
            (("rm", "mine", "--yes"), "mine can't be deleted"),
            (("pull", REPO, "--yes"), "no model can be put into"),
            (("import", str(FIXTURE)), "no model can be put into"),
        ):
            done = bound.lofi("models", *action)
            assert done.returncode == 1 and words in done.stderr, done
            assert str(models) in done.stderr and "Look into the log" not in done.stderr
        assert names(models) == {"mine"} and names(models / "mine") == {"model.toml"}
        assert hub.seen == []  # nobody is asked for a yes that could not be kept
        assert bound.lofi("models", "list").stdout.startswith("* lofi-tiny")
    finally:
        models.chmod(0o700)
    assert bound.lofi("models", "use", "mine").returncode == 0


def test_a_folder_of_models_that_can_t_be_read_is_found_by_the_doctor(bound: Home) -> None:
    put_model(bound, "mine")
    bound.paths.models.chmod(0)
    try:
        examined = bound.lofi("doctor")
        listed = bound.lofi("models", "list")
    finally:
        bound.paths.models.chmod(0o700)
    assert examined.returncode == 1 and f"problem {bound.paths.models} is no folder" in examined.stdout
    assert listed.returncode != 0 and str(bound.paths.models) in listed.stderr
    assert bound.lofi("models", "use", "lofi-tiny").returncode == 0


def test_a_model_that_nobody_may_look_into_is_damaged_and_stops_nothing(bound: Home) -> None:
    put_model(bound, "mine")
    (bound.paths.models / "mine").chmod(0)
    try:
        listed = bound.lofi("models", "list", "--json").stdout
        made = bound.submit("x", "-d", "5")
    finally:
        (bound.paths.models / "mine").chmod(0o700)
    assert '"damaged"' in listed and made.returncode == 0, made.stderr


def test_half_made_models_that_nobody_may_look_into_stop_no_track(bound: Home) -> None:
    partial = bound.paths.models / ".partial"
    partial.mkdir(parents=True)
    partial.chmod(0)
    try:
        made = bound.submit("x", "-d", "5")
        listed = bound.lofi("models", "list")
    finally:
        partial.chmod(0o700)
    assert (made.returncode, listed.returncode) == (0, 0), made.stderr
    assert "partials_not_read" in (bound.paths.logs / "broker.log").read_text()


def test_what_a_removal_can_t_delete_is_removed_all_the_same(bound: Home) -> None:
    put_model(bound, "mine")
    (bound.paths.models / "mine").chmod(0o500)
    removed = bound.lofi("models", "rm", "mine", "--yes")
    assert removed.returncode == 0, removed.stderr
    (rest,) = bound.paths.models.glob(".removed-*")
    rest.chmod(0o700)
    assert bound.lofi("broker", "stop").returncode == 0
    assert bound.lofi("models", "list").returncode == 0
    assert not rest.exists()


@pytest.mark.parametrize("action", [("pull", REPO, "--yes"), ("import", str(FIXTURE)), ("use", "lofi-tiny")])
def test_a_file_in_the_place_of_the_folder_of_models(home: Home, hub: FakeHub, action: tuple[str]) -> None:
    with_hub(home, hub)
    home.paths.models.parent.mkdir(parents=True, exist_ok=True)
    home.paths.models.write_text("mine")
    assert home.lofi("broker", "start").returncode == 0
    done = home.lofi("models", *action)
    assert done.returncode == 1 and str(home.paths.models) in done.stderr
    assert "Traceback" not in done.stderr and "Look into the log" not in done.stderr
    assert home.paths.models.read_text() == "mine" and hub.seen == []


def test_a_choice_that_can_t_be_written_or_read(home: Home) -> None:
    without_setting(home)
    put_model(home, "mine")
    (home.paths.models / "selected").mkdir()
    used = home.lofi("models", "use", "mine")
    assert used.returncode == 1 and "the choice can't be saved" in used.stderr
    assert names(home.paths.models) == {"mine", "selected"}
    submitted = home.submit("x", "-d", "5")
    assert submitted.returncode == 5 and "selected can't be read: Is a directory" in submitted.stderr
    assert "take it away" in submitted.stderr


def test_a_yes_that_can_t_be_kept_fetches_nothing(home: Home, hub: FakeHub) -> None:
    with_hub(home, hub)
    (home.paths.models / "consents.json").mkdir(parents=True)
    done = home.lofi("models", "pull", REPO, "--yes")
    assert done.returncode == 1 and "consents.json" in done.stderr and "Look into the log" not in done.stderr
    assert not hub.gets(WEIGHTS)
    assert {name for name in names(home.paths.models) if name[0] != "."} == {"consents.json"}


def test_a_removal_that_was_cut_off_ends_with_the_next_broker(home: Home) -> None:
    without_setting(home)
    put_model(home, "mine").rename(home.paths.models / ".removed-mine-1")
    assert "mine" not in home.lofi("models", "list").stdout
    assert names(home.paths.models) == set()


def test_a_lock_that_can_t_be_taken(home: Home) -> None:
    without_setting(home)
    put_model(home, "mine")
    (home.paths.models / ".lock").write_text("")
    removed = home.lofi("models", "rm", "mine", "--yes")
    assert removed.returncode == 1 and "mine can't be deleted" in removed.stderr
    assert names(home.paths.models) == {"mine", ".lock"}
