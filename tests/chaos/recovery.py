"""How soon work goes on after a kill of the worker, a kill of the broker, and a cancel."""

from __future__ import annotations

import signal
import time

from lofi_client.client import Lofi
from lofi_common.api import GenerateParams, GenerationStart
from lofi_common.api_models import ModelStatus
from lofi_common.errors import BrokerUnavailable
from tests.chaos.processes import BrokerProcess
from tests.chaos.stage import Stage, accepted

_EVENT_SEC = 30.0
_PAUSE_SEC = 0.01


def measure(engine: str, times: int) -> dict[str, list[float]]:
    """Seconds, each measured so often.

    `worker`: from the kill to the start of the job that had to run again. `load`: the part of it in which the
    model was loaded. `broker`: from the kill to a new broker's answer about the job. `cancel`: from the
    cancel of that job, while it runs, to the start of the next one in the same worker.
    """
    stage = Stage(engine, own=False)
    try:
        broker = stage.serve()
        found: dict[str, list[float]] = {"worker": [], "load": [], "broker": [], "cancel": []}
        for number in range(times):
            job = _long_job(engine, number)
            with stage.connect() as lofi:
                track_id = lofi.submit(job).track_id
                _started(lofi, track_id)
                waited, load = _kill_worker(lofi, broker, track_id)
            found["worker"].append(round(waited, 3))
            found["load"].append(load)
            began = time.monotonic()
            broker.id.send(signal.SIGKILL)
            broker.end()
            broker = stage.start()
            with _connected(stage) as lofi:
                assert not lofi.track(track_id).status.ended
                found["broker"].append(round(time.monotonic() - began, 3))
                _started(lofi, track_id)
                found["cancel"].append(round(_cancel(lofi, track_id, _long_job(engine, times + number)), 3))
        with stage.connect() as lofi:
            lofi.shutdown()
        broker.end()
    finally:
        stage.close(keep=False)
    return found


def _long_job(engine: str, seed: int) -> GenerateParams:
    """One that is still running when its worker is killed."""
    if engine == "fake":
        return GenerateParams(prompt="slow 60", duration_sec=5, seed=seed)
    return GenerateParams(prompt="mellow piano", duration_sec=120, seed=seed)


def _kill_worker(lofi: Lofi, broker: BrokerProcess, track_id: str) -> tuple[float, float]:
    """Until the job runs again, and the model's part of it, in seconds."""
    worker = broker.worker(_EVENT_SEC)
    assert worker is not None
    began = time.monotonic()
    with worker:
        worker.send(signal.SIGKILL)
        load = _started(lofi, track_id)
    return time.monotonic() - began, load


def _cancel(lofi: Lofi, track_id: str, following: GenerateParams) -> float:
    """Until the next job runs, in seconds."""
    next_id = lofi.submit(following).track_id
    began = time.monotonic()
    lofi.cancel(track_id)
    _started(lofi, next_id)
    waited = time.monotonic() - began
    lofi.cancel(next_id)
    return waited


def _started(lofi: Lofi, track_id: str) -> float:
    """Wait for the job's start; returns the seconds that a worker said it loaded its model for."""
    load = 0.0
    for told in lofi.follow(accepted(lofi, track_id), _EVENT_SEC):
        if isinstance(told, ModelStatus) and told.load_sec is not None:
            load = told.load_sec
        if isinstance(told, GenerationStart):
            return load
    raise AssertionError(f"{track_id} ended")


def _connected(stage: Stage) -> Lofi:
    """As soon as a broker answers."""
    while True:
        try:
            return stage.connect()
        except BrokerUnavailable:
            time.sleep(_PAUSE_SEC)
