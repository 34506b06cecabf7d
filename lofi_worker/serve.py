"""One inference process, from its greeting to its end."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import psutil

from lofi_common import PROTOCOL
from lofi_common.errors import MORE_MEMORY_TO_LOAD, LofiError, ModelLoadFailed
from lofi_common.logs import logging_to
from lofi_common.manifest import select_model
from lofi_common.messages import Hello, LoadFailed, Ready
from lofi_worker.link import BrokerLink
from lofi_worker.memory import bound_memory, offer_to_the_kernel
from lofi_worker.orphan import follow_stdin

EXIT_LOAD_FAILED = 4


def serve() -> None:
    """Obey the broker that started this process, until it says so or ends. Raises SystemExit."""
    arguments = _parser().parse_args()
    os.umask(0o077)
    os.nice(arguments.nice)
    with logging_to(arguments.log_level, None, stderr=True):
        offer_to_the_kernel()
        _run(arguments)


def _run(arguments: argparse.Namespace) -> None:
    link = BrokerLink(arguments.connect, f"{arguments.worker}.g{arguments.generation}")
    follow_stdin(link.orders)
    link.send(
        Hello(
            protocol=PROTOCOL,
            worker=arguments.worker,
            generation=arguments.generation,
            pid=os.getpid(),
        )
    )
    try:
        _serve(arguments, link)
    finally:
        link.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lofi-worker", description="Started by the broker; leaves when its stdin is closed."
    )
    parser.add_argument("--connect", required=True, help="the broker's endpoint for workers")
    parser.add_argument("--worker", required=True, help="worker name, such as w0")
    parser.add_argument("--generation", type=int, required=True, help="which process of that name this is")
    parser.add_argument("--model", type=Path, required=True, help="model folder")
    parser.add_argument("--spool", type=Path, required=True, help="folder for finished tracks")
    parser.add_argument("--engine", choices=["onnx", "fake"], default="onnx")
    parser.add_argument("--slots", type=int, default=1, help="jobs decoded side by side")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or coreml (metal)")
    parser.add_argument("--threads", type=int, required=True, help="inference threads")
    parser.add_argument("--spin", action="store_true", help="threads spin while they wait")
    parser.add_argument("--max-rss", type=int, required=True, help="bytes of memory to take at most")
    parser.add_argument("--nice", type=int, default=0, help="niceness to take, 0 to 19")
    parser.add_argument("--log-level", default="info")
    return parser


def _too_large(model: Path) -> ModelLoadFailed:
    return ModelLoadFailed(f"out of memory while {model} was loaded", recovery=MORE_MEMORY_TO_LOAD)


def _serve(arguments: argparse.Namespace, link: BrokerLink) -> None:
    # What is multiplied outside of ONNX Runtime is small: more threads of OpenBLAS would only take memory.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Imported after the greeting: numpy and ONNX Runtime take longer to import than to greet.
    import numpy as np

    from lofi_worker.agent import Agent
    from lofi_worker.engine import Engine
    from lofi_worker.loudness import Meter

    began = time.monotonic()
    engine: Engine
    try:
        model = select_model(arguments.model, arguments.engine)
        if arguments.engine == "fake":
            from lofi_worker.fake import FakeEngine

            engine = FakeEngine(model, arguments.slots)
        else:
            from lofi_worker.musicgen.device import device_called
            from lofi_worker.musicgen.load import load_engine
            from lofi_worker.musicgen.settings import RunSettings

            settings = RunSettings(
                threads=arguments.threads, device=device_called(arguments.device), spin=arguments.spin
            )
            engine = load_engine(model, slots=arguments.slots, settings=settings)
    except (LofiError, MemoryError) as error:
        told = error if isinstance(error, LofiError) else _too_large(arguments.model)
        print(told, file=sys.stderr)
        link.send(LoadFailed(error=told.info()))
        sys.exit(EXIT_LOAD_FAILED)
    # OpenBLAS takes its memory with the first product, and where it gets none it ends the process.
    Meter(engine.sample_rate, engine.channels).add(np.zeros((engine.sample_rate, engine.channels), np.int16))
    bound_memory(arguments.max_rss)
    link.send(
        Ready(
            model_version=engine.model_version,
            device=engine.device,
            slots=engine.slots,
            load_sec=round(time.monotonic() - began, 3),
            rss=psutil.Process().memory_info().rss,
        )
    )
    link.on_cancel = engine.interrupt
    Agent(engine, link, arguments.spool).run()
