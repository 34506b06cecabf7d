"""An installer that is killed while its model takes the place of the installed one hides no model."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from lofi_common.exchange import settle_all
from lofi_worker.install.lock import model_lock
from tests.support.home import MODEL_TOML, Home
from tests.support.models import put_model, without_setting
from tests.support.shop import FIXTURE, Shop
from tests.support.stdio import Stdio

NAME = "mine"
EXCHANGE = """
import os, signal, sys
from pathlib import Path
from lofi_worker.install.places import Places

places = Places(Path(sys.argv[1]), sys.argv[2])
places.make()
places.model.mkdir()
(places.model / "model.toml").write_text(sys.argv[3])
rename = Path.rename

def die_at_the_second(path, target):
    if path == places.model:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(path, target)

Path.rename = die_at_the_second
places.exchange()
"""


def kill_between_the_renames(models: Path) -> Path:
    """The manifest of the installed model, which is gone from its place."""
    manifest = models / NAME / "model.toml"
    assert manifest.exists()
    new = MODEL_TOML.replace("test-model", NAME).replace("MIT", "BSD")
    done = subprocess.run([sys.executable, "-c", EXCHANGE, str(models), NAME, new], timeout=30)
    assert done.returncode == -signal.SIGKILL and not manifest.exists()
    return manifest


def test_the_next_broker_has_the_model_that_was_to_be_replaced(home: Home) -> None:
    without_setting(home)
    put_model(home, NAME)
    manifest = kill_between_the_renames(home.paths.models)
    with Stdio(home.environ) as broker:
        found = {model["name"]: model for model in broker.call("models_list")["models"]}
        assert found[NAME]["state"] == "installed" and found[NAME]["license"] == "MIT"
    assert "MIT" in manifest.read_text()


def test_the_installer_of_another_model_puts_it_back(shop: Shop) -> None:
    folder = shop.models / NAME
    folder.mkdir(parents=True)
    (folder / "model.toml").write_text("old")
    manifest = kill_between_the_renames(shop.models)
    run = shop.install(str(FIXTURE))
    assert run.process.returncode == 0, run.stderr
    assert manifest.read_text() == "old"


def test_one_that_an_installer_works_on_is_left_to_it(tmp_path: Path) -> None:
    folder = tmp_path / NAME
    folder.mkdir(parents=True)
    (folder / "model.toml").write_text("old")
    manifest = kill_between_the_renames(tmp_path)
    with model_lock(tmp_path, NAME):
        settle_all(tmp_path)
        assert not manifest.exists()
    settle_all(tmp_path)
    assert manifest.read_text() == "old"
    settle_all(tmp_path / "nowhere")
