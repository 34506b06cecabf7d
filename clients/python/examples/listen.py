"""What the broker does, for whoever it does it: one line for each start and end, until it leaves.

python listen.py
"""

import contextlib

from lofi_client import (
    BrokerUnavailable,
    GenerationComplete,
    GenerationError,
    GenerationStart,
    Lofi,
    WorkerRestart,
)

with contextlib.suppress(KeyboardInterrupt), Lofi.connect() as lofi:
    events = lofi.listen()
    waiting = lofi.queue().pending
    print(f"{len(waiting)} tracks wait", flush=True)
    try:
        for event in events:
            match event:
                case GenerationStart(track_id=track_id, prompt=prompt):
                    print(f"{track_id} begins: {prompt}", flush=True)
                case GenerationComplete(track_id=track_id, path=path):
                    print(f"{track_id} is done: {path}", flush=True)
                case GenerationError(track_id=track_id, message=message):
                    print(f"{track_id} ended: {message}", flush=True)
                case WorkerRestart(worker=worker, reason=reason):
                    print(f"worker {worker} starts again: {reason}", flush=True)
    except BrokerUnavailable as error:
        print(error)
