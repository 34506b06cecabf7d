"""The worker's IO thread when it can't go on."""

from __future__ import annotations

import subprocess
import sys

NO_ROOM = """
import psutil
from lofi_common.messages import Heartbeat
from lofi_worker.link import BrokerLink

def no_room(process):
    raise MemoryError("no room")

psutil.Process.memory_info = no_room
link = BrokerLink("ipc:///nowhere", "w0.g1")
while True:
    link.send(Heartbeat(rss=1))
"""


def test_a_worker_whose_link_fails_leaves_and_says_why() -> None:
    ended = subprocess.run([sys.executable, "-c", NO_ROOM], capture_output=True, text=True, timeout=10)
    assert ended.returncode == 1
    assert ended.stderr == "the link to the broker failed: MemoryError('no room')\n"
