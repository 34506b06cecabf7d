"""How long a user waits: medians of interleaved runs, each with a home of its own.

    python benchmarks/startup.py [--runs 9]

lofi: `lofi --help`. help: `lofi-submit --help`. ready: from starting `lofi-broker` to its socket. load: the
starter model, as its worker measures it. cold: `lofi-submit` for 20 s with no broker running. warm: the same
once more.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(sys.executable).parent
PROMPT = "rainy night, mellow rhodes, slow"


def timed(*command: str, home: Path) -> float:
    began = time.perf_counter()
    environ = {**os.environ, "LOFI_HOME": str(home)}
    subprocess.run(command, check=True, capture_output=True, env=environ, stdin=subprocess.DEVNULL)
    return time.perf_counter() - began


def broker_ready(home: Path) -> float:
    """Seconds until a new broker says that it listens."""
    read_end, write_end = os.pipe()
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(BIN / "lofi-broker"), f"--ready-fd={write_end}"],
        env={**os.environ, "LOFI_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(write_end,),
    )
    os.close(write_end)
    os.read(read_end, 16)
    seconds = time.perf_counter() - began
    os.close(read_end)
    process.terminate()
    process.wait()
    return seconds


def one_round(number: int) -> dict[str, float]:
    home = Path(tempfile.mkdtemp(prefix="lofi-"))
    submit = str(BIN / "lofi-submit")
    try:
        found = {"lofi": timed(str(BIN / "lofi"), "--help", home=home)}
        found["help"] = timed(submit, "--help", home=home)
        found["ready"] = broker_ready(home)
        found["cold"] = timed(submit, PROMPT, "-d", "20", "--seed", str(2 * number), home=home)
        found["warm"] = timed(submit, PROMPT, "-d", "20", "--seed", str(2 * number + 1), home=home)
        timed(str(BIN / "lofi"), "broker", "stop", home=home)
        log = (home / "state/logs/broker.log").read_text()
        loads = re.findall(r"event=worker_ready .*load_sec=([\d.]+)", log)
        found["load"] = float(loads[-1])
    finally:
        shutil.rmtree(home)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    rounds = [one_round(number) for number in range(parser.parse_args().runs)]
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {len(rounds)} rounds")
    for name in ("lofi", "help", "ready", "load", "cold", "warm"):
        values = sorted(each[name] for each in rounds)
        print(f"{name:6} median {statistics.median(values):.3f} s   {values[0]:.3f} … {values[-1]:.3f}")


if __name__ == "__main__":
    main()
