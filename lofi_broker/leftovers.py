"""What a broker that was killed left in the library's folder: swept before the next one runs any job."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from lofi_broker.store import Store
from lofi_common.jobs import JobState
from lofi_common.logs import fields

log = logging.getLogger(__name__)

_TRACK_FILE = re.compile(r"([0-9a-f]{16})\.(?:wav|flac|ogg|mp3|json)")
_PART = re.compile(r"\.[0-9a-f]{16}\.json\.part")

# Failed and cancelled jobs had no files when they ended.
_INTERRUPTED = (JobState.QUEUED, JobState.GENERATING, JobState.COMPLETE)


def sweep_library(folder: Path, store: Store) -> None:
    """Delete files that the index does not know: of tracks that were just being put there, whose jobs run
    again from their seeds, and of tracks that were just being deleted.

    Files of tracks that no job tells of are somebody else's and stay.
    """
    tracks, _ = store.tracks(limit=-1, offset=0, query="")
    indexed = {track.track_id for track in tracks}
    for path in folder.iterdir():
        track = _TRACK_FILE.fullmatch(path.name)
        if track is None or track[1] in indexed:
            wanted = _PART.fullmatch(path.name) is None
        else:
            job = store.job(track[1])
            wanted = job is None or job.state not in _INTERRUPTED
        if wanted:
            continue
        try:
            path.unlink()
        except OSError as error:  # a library that can't be written to can still be listened to
            log.warning(fields("leftover_stays", file=path, reason=error.strerror))
