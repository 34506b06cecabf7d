"""A home that is worth a look stays, and its disk does not."""

from __future__ import annotations

import os
import shutil

from tests.chaos.stage import Stage


def test_a_home_that_is_kept_is_copied_off_its_disk() -> None:
    stage = Stage("fake")
    assert stage.disk is not None
    (stage.home.root / "evidence").write_text("found")
    (stage.root / "journal.0").write_text("asked")
    stage.disk.fill([])
    kept = stage.close(keep=True)
    assert kept is not None
    try:
        assert (kept / "home/evidence").read_text() == "found" and (kept / "journal.0").read_text() == "asked"
        assert not os.path.ismount(kept / "home") and not (kept / "home/ballast").exists()
        assert not stage.root.exists()
    finally:
        shutil.rmtree(kept)
