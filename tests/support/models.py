"""Model folders for brokers with the scripted engine, and a hub for their installers."""

from __future__ import annotations

from pathlib import Path

from tests.support.home import MODEL_TOML, Home
from tests.support.hub import FakeHub
from tests.support.shop import FILES, REPO

FIXTURE = Path(__file__).parents[1] / "fixtures/tiny_musicgen"
NAME = "tiny_musicgen"


def put_model(home: Home, name: str, text: str = "") -> Path:
    """An installed model without files; `text` takes the place of the whole manifest."""
    folder = home.paths.models / name
    folder.mkdir(parents=True)
    (folder / "model.toml").write_text(text or MODEL_TOML.replace("test-model", name))
    return folder


def without_setting(home: Home) -> Home:
    """A home in which the starter is selected, as in a fresh installation."""
    home.environ.pop("LOFI_MODEL_FOLDER", None)
    return home


def with_hub(home: Home, hub: FakeHub) -> Home:
    """The home's installers take this for the Hub. It has the tiny checkpoint as REPO."""
    hub.add(REPO, FILES)
    home.environ |= hub.environ(home.root / "hf")
    return without_setting(home)
