"""The plugin's pure Lua, tested by busted inside the editor."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.home import Home
from tests.support.nvim import PLUGIN, environment, nvim_path

HERE = Path(__file__).parent
BUSTED = Path("/usr/share/lua/5.1/busted")


@pytest.mark.skipif(not BUSTED.exists(), reason="busted is not there (apt install lua-busted)")
@pytest.mark.parametrize("spec", sorted(path.name for path in (HERE / "spec").glob("*_spec.lua")))
def test_spec(spec: str, home: Home) -> None:
    done = subprocess.run(
        [
            *(nvim_path(), "--clean", "-l", str(HERE / "run_specs.lua")),
            *(str(PLUGIN), str(HERE / "spec" / spec)),
        ],
        env=environment(home.root, home.environ),
        capture_output=True,
        text=True,
        timeout=30,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failures / 0 errors" in done.stdout and not done.stdout.startswith("0 successes"), done.stdout
