"""One example of every message that crosses a process."""

from __future__ import annotations

from lofi_common import messages as m
from lofi_common.errors import ErrorInfo
from lofi_common.jobs import AudioFormat, JobSpec

SPEC = JobSpec(
    prompt="rainy night ☔",
    duration_sec=20,
    seed=2**64 - 1,
    model_version="m-1",
    temperature=0.8,
    top_k=30,
    top_p=0.0,
    guidance_scale=1.0,
    format=AudioFormat.FLAC,
)
ERROR = ErrorInfo(code=-32003, name="MODEL_INFERENCE_FAILED", message="m", details="d", recovery="r")
EXAMPLES = (
    m.Hello(protocol=1, worker="w0", generation=3, pid=42),
    m.Ready(model_version="m-1", device="cpu", slots=2, load_sec=0.5, rss=10**9),
    m.LoadFailed(error=ERROR),
    m.Heartbeat(rss=10**9),
    m.Started(job_id="a", attempt=1),
    m.Progress(job_id="a", attempt=1, done=5, total=100, audio_sec=0.5),
    m.Done(
        job_id="a",
        attempt=1,
        path="/spool/a.1.wav",
        sha256="ab" * 32,
        bytes=44,
        sample_rate=32_000,
        samples=160_000,
        generation_sec=1.5,
        peak=0.5,
        loudness_lufs=-14.5,
        bar_sec=2.5,
        bar_offset_sec=0.25,
        tokens_sha256="cd" * 32,
        tokens_bytes=800,
    ),
    m.Failed(job_id="a", attempt=1, error=ERROR),
    m.Run(job_id="a", attempt=1, spec=SPEC, past="/tracks/0123456789abcdef.tokens"),
    m.Cancel(job_id="a", attempt=1),
    m.Shutdown(reason="r"),
    m.Request(id=7, method="status", params={"list": [1, -2.5, "x", None, True, {"k": "v"}]}),
    m.Response(id=7, result={"ok": True}),
    m.Response(id=8, error=ERROR),
    m.Event(seq=9, method="model_status", params={"state": "ready"}),
)
