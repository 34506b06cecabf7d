"""How much of the machine an installation takes from whoever works on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lofi_common.installs import INSTALLER
from tests.support.home import Home
from tests.support.hub import FakeHub
from tests.support.models import with_hub
from tests.support.shop import REPO, WEIGHTS, Shop
from tests.support.stdio import Stdio


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        yield hub


def test_the_worker_s_settings_hold_for_installers_too(home: Home, hub: FakeHub) -> None:
    with_hub(home, hub)
    home.environ |= {"LOFI_WORKER_NICE": "7", "LOFI_WORKER_THREADS": "3"}
    fault = hub.fail(WEIGHTS, then="stall", after=1000)
    with Stdio(home.environ) as broker:
        broker.call("model_download", model=REPO, consent=True)
        assert fault.reached.wait(20)
        children = {child: child.cmdline() for child in psutil.Process(broker.process.pid).children()}
        (installer,) = (child for child, command in children.items() if INSTALLER in command)
        assert installer.nice() == min(19, psutil.Process().nice() + 7)
        command = children[installer]
        assert command[command.index("--threads") + 1] == "3"


@pytest.mark.parametrize("threads", [1, 2])
def test_an_import_runs_models_with_the_threads_that_it_is_given(
    shop: Shop, tmp_path: Path, threads: int
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'install' in sys.orig_argv:\n"
        "    import onnxruntime\n"
        "    whole = onnxruntime.InferenceSession\n"
        "    def watched(graph, options, **more):\n"
        "        print(f'threads={options.intra_op_num_threads}', file=sys.stderr)\n"
        "        return whole(graph, options, **more)\n"
        "    onnxruntime.InferenceSession = watched\n"
    )
    shop.environ["PYTHONPATH"] = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    run = shop.install(precision="int8", extra=["--threads", str(threads)])
    shop.assert_installed()
    said = [line for line in run.stderr.splitlines() if line.startswith("threads=")]
    assert len(said) > 2 and set(said) == {f"threads={threads}"}
