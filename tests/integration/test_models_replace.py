"""A name that is taken: replaced on demand only, joined by the same request only, the catalogue's own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import psutil
import pytest

from tests.integration.test_models_install import model, until
from tests.support.home import Home
from tests.support.hub import FakeHub
from tests.support.models import FIXTURE, NAME, put_model, with_hub, without_setting
from tests.support.shop import REPO, WEIGHTS, wait_until
from tests.support.stdio import Stdio


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        yield hub


def test_an_installed_model_is_replaced_only_on_demand_and_when_no_track_needs_it(
    home: Home, hub: FakeHub
) -> None:
    with Stdio(with_hub(home, hub).environ) as broker:
        before = put_model(home, NAME)
        fault = hub.fail(WEIGHTS, then="stall", after=200_000)
        refused = broker.error("model_download", model=REPO, consent=True)
        assert refused["message"] == f"{NAME} is installed" and "--replace" in refused["data"]["recovery"]
        slow = broker.call("generate", prompt="slow 600", duration_sec=5, model=NAME)["track_id"]
        needed = broker.error("model_download", model=REPO, consent=True, replace=True)
        assert "tracks that wait or run" in needed["message"]
        broker.call("queue_cancel", track_id=slow)
        broker.wait("generation_error", slow)
        broker.call("model_download", model=REPO, consent=True, replace=True)
        assert fault.reached.wait(20)
        assert (model(broker)["state"], model(broker)["being_replaced"]) == ("installed", True)
        late = broker.error("generate", prompt="x", duration_sec=5, model=NAME)
        assert f"{NAME} is being replaced" in late["message"]
        broker.call("model_cancel", model=NAME)
        until(broker, "cancelled")
        assert (before / "model.toml").is_file() and "being_replaced" not in model(broker)
        assert broker.call("models_list")["ended"] == [{"model": NAME, "state": "cancelled"}]


def test_a_name_of_the_catalogue_is_its_own_model_s(home: Home, hub: FakeHub) -> None:
    with Stdio(with_hub(home, hub).environ) as broker:
        put_model(home, "musicgen-small")
        answer = broker.call("model_download", model="musicgen-small")
        assert answer == {"model": "musicgen-small", "state": "installed"}
        for wanted in (
            {"model": REPO, "name": "musicgen-medium"},
            {"model": str(FIXTURE), "name": "musicgen-small", "replace": True},
            {"model": "musicgen-medium", "name": "musicgen-large"},
        ):
            refused = broker.error("model_download", **wanted)
            assert "of the catalogue" in refused["message"], refused
        own = broker.error("model_download", model="facebook/musicgen-small")
        assert own["message"] == "musicgen-small is installed"
        other = broker.error("model_download", model="musicgen-small", precision="fp16")
        assert "--replace" in other["data"]["recovery"]


def test_only_the_same_request_joins_an_installation(home: Home, hub: FakeHub) -> None:
    fault = hub.fail(WEIGHTS, then="stall", after=200_000)
    with Stdio(with_hub(home, hub).environ) as broker:
        broker.call("model_download", model=REPO, consent=True, precision="int8")
        assert fault.reached.wait(20)
        same = broker.call("model_download", model=REPO, precision="int8")
        assert same["state"] == "installing"
        for wanted in ({"model": REPO}, {"model": str(FIXTURE), "precision": "int8"}):
            refused = broker.error("model_download", **wanted, name=NAME)
            assert refused["message"] == f"{NAME} is being installed from {REPO} (int8)"
        broker.call("model_cancel", model=NAME)
        until(broker, "cancelled")
        found = model(broker)
        assert (found["source"], found["precision"]) == (REPO, "int8")


def test_an_import_whose_installer_is_killed_leaves_no_scratch(home: Home) -> None:
    with Stdio(without_setting(home).environ) as broker:
        broker.call("model_download", model=str(FIXTURE))
        scratch = home.paths.models / ".partial" / NAME / "model"
        wait_until(scratch.exists)
        for child in _installers(broker.process.pid):
            os.kill(child, signal.SIGKILL)
        until(broker, "install_failed")
        assert not scratch.parent.exists()


def _installers(parent: int) -> list[int]:
    return [each.pid for each in psutil.Process(parent).children() if "lofi_worker.install" in each.cmdline()]
