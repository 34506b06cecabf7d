"""A hub with one small model that can be imported in a moment, and a folder to install it into."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Unpack

from lofi_common.installs import ORDER_FILE, Download, Line
from lofi_common.manifest import check_file, read_model
from tests.support.hub import FakeHub
from tests.support.installer import Installer, Options

FIXTURE = Path(__file__).parents[1] / "fixtures/tiny_musicgen"
WEIGHTS = "model.safetensors"
FILES = {name: (FIXTURE / name).read_bytes() for name in ("config.json", "tokenizer.json", WEIGHTS)}
REPO = "owner/Tiny_MusicGen"
NAME = "tiny_musicgen"


class Shop:
    """A hub with one small model, and a folder to install into."""

    def __init__(self, hub: FakeHub, root: Path) -> None:
        self.hub = hub
        self.repo = hub.add(REPO, FILES)
        self.models = root / "models"
        self.cache = root / "hf"
        self.environ = hub.environ(self.cache)
        self.last: Installer | None = None

    @property
    def partial(self) -> Path:
        return self.models / ".partial" / NAME

    @property
    def part(self) -> Path:
        return self.partial / "fetch" / f"{WEIGHTS}.part"

    def installer(self, source: str = REPO, **options: Unpack[Options]) -> Installer:
        return Installer(source, self.models, self.environ, **options)

    def install(self, source: str = REPO, **options: Unpack[Options]) -> Installer:
        """Run one to its end."""
        with self.installer(source, **options) as run:
            run.end()
        self.last = run
        return run

    def assert_installed(self, name: str = NAME) -> None:
        assert self.last is not None and self.last.process.returncode == 0, self.last and self.last.stderr
        model = read_model(self.models / name)
        assert model.manifest.name == name
        for file in model.manifest.files:
            check_file(model, file)
        assert not (self.models / ".partial" / name).exists()

    def assert_only_useful_leftovers(self) -> None:
        assert not (self.models / NAME).exists()
        left = {path.name for path in self.partial.rglob("*") if path.is_file()}
        assert left <= {
            ORDER_FILE,
            *FILES,
            *(f"{name}.json" for name in FILES),
            *(f"{name}.part" for name in FILES),
        }


def wait_until(condition: Callable[[], bool]) -> None:
    while not condition():  # the test's own timeout ends it
        time.sleep(0.002)


def downloads(lines: list[Line]) -> list[Download]:
    return [line for line in lines if isinstance(line, Download)]
