"""What a type checker knows of the Python client. Never run: the checker is the test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import assert_never, assert_type

from lofi_client import (
    AsyncGeneration,
    AsyncLofi,
    GenerateParams,
    GenerateResult,
    Generation,
    GenerationComplete,
    GenerationProgress,
    GenerationStart,
    InstallEvent,
    Lofi,
    ModelDownloadParams,
    ModelStatus,
    Track,
    TrackEvent,
    WorkerRestart,
)


def waiting() -> None:
    with Lofi.connect(start=False) as lofi:
        generation = lofi.generate("x", duration_sec=20, seed=1, format="flac", output=Path("x.flac"))
        assert_type(generation, Generation)
        for event in generation:
            match event:
                case GenerateResult(position=position):
                    assert_type(position, int | None)
                case GenerationProgress(percent=percent):
                    assert_type(percent, int)
                case GenerationComplete(path=path):
                    assert_type(path, str)
                case GenerationStart() | ModelStatus() | WorkerRestart():
                    pass
                case _:
                    assert_never(event)
        assert_type(lofi.make("x", timeout_sec=5), GenerationComplete)
        assert_type(lofi.track("0"), Track)
        assert_type(lofi.tracks(limit=3, query="rain").tracks, list[Track])
        assert_type(lofi.submit(GenerateParams(prompt="x")), GenerateResult)
        assert_type(lofi.follow(generation.accepted), Iterator[TrackEvent])
        assert_type(lofi.follow_install("x"), Iterator[InstallEvent])
        lofi.track(3)  # type: ignore[arg-type]
        lofi.generate("x", duraton_sec=3)  # type: ignore[call-arg]
        lofi.generate("x", format="m4a")  # type: ignore[arg-type]
        lofi.status("x")  # type: ignore[call-arg]


async def in_tasks() -> None:
    lofi = await AsyncLofi.connect()
    assert_type(lofi, AsyncLofi)
    async with AsyncLofi.connect() as lofi:
        assert_type(lofi, AsyncLofi)
        generation = lofi.generate("x")
        assert_type(generation, AsyncGeneration)
        assert_type(await generation, AsyncGeneration)
        async for event in generation:
            if isinstance(event, GenerationComplete):
                assert_type(event.path, str)
        assert_type(await lofi.make("x"), GenerationComplete)
        assert_type(await lofi.track("0"), Track)
        assert_type(lofi.follow(generation.accepted), AsyncIterator[TrackEvent])
        await lofi.download_model(ModelDownloadParams(model="x"), asking=lambda status: None)
        await lofi.track()  # type: ignore[call-arg]
        await lofi.make("x", seed="1")  # type: ignore[arg-type]
