"""Models from a script: the question before a download, the installation, the end of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec
import pytest

from lofi_client import (
    AsyncLofi,
    ConsentRequired,
    DownloadProgress,
    InstallEvent,
    InvalidParams,
    Lofi,
    ModelDownloadParams,
    ModelStatus,
)
from lofi_common.api_models import DownloadOffer
from tests.support.home import Home
from tests.support.hub import FakeHub
from tests.support.models import NAME, with_hub
from tests.support.shop import REPO

ASKED = ModelDownloadParams(model=REPO)
AGREED = ModelDownloadParams(model=REPO, consent=True)


@pytest.fixture
def home(home: Home) -> Iterator[Home]:
    """A broker runs, whose Hub has one small model."""
    with FakeHub() as hub:
        with_hub(home, hub)
        assert home.lofi("broker", "start").returncode == 0
        yield home


def check(asking: list[ModelStatus], refused: ConsentRequired, events: list[InstallEvent]) -> None:
    assert [status.state for status in asking] == ["asking"] and asking[0].model == NAME
    assert msgspec.json.decode(refused.details, type=DownloadOffer).repo == REPO
    assert any(isinstance(event, DownloadProgress) for event in events)
    assert {event.model for event in events} == {NAME}
    last = events[-1]
    assert isinstance(last, ModelStatus) and last.state == "installed"


def test_a_model_is_offered_then_installed(home: Home) -> None:
    asking: list[ModelStatus] = []
    with Lofi.connect(start=False, paths=home.paths) as lofi:
        with pytest.raises(ConsentRequired) as refused:
            lofi.download_model(ASKED, asking.append)
        accepted = lofi.download_model(AGREED)
        check(asking, refused.value, list(lofi.follow_install(accepted.model)))
        assert lofi.select_model(NAME).model == NAME
        with pytest.raises(InvalidParams):
            lofi.download_model(ModelDownloadParams(model="no source"))


def test_a_model_is_installed_beside_other_tasks(home: Home) -> None:
    async def scenario() -> None:
        asking: list[ModelStatus] = []
        async with AsyncLofi.connect(start=False, paths=home.paths) as lofi:
            with pytest.raises(ConsentRequired) as refused:
                await lofi.download_model(ASKED, asking.append)
            accepted = await lofi.download_model(AGREED)
            track = asyncio.create_task(lofi.make("x", duration_sec=5))
            events = [event async for event in lofi.follow_install(accepted.model)]
            check(asking, refused.value, events)
            assert (await track).duration_sec == 5

    asyncio.run(scenario())
