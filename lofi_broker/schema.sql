-- queue.sqlite: jobs on their way to tracks, what happened to them, and the library's index.

CREATE TABLE IF NOT EXISTS jobs (
    track_id     TEXT PRIMARY KEY,
    state        TEXT NOT NULL,        -- queued -> generating -> complete | failed | cancelled; see lofi_common/jobs.py
    priority     TEXT NOT NULL,
    "order"      INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,     -- rises with each hand-over to a worker, never falls
    deaths       INTEGER NOT NULL,
    spec         TEXT NOT NULL,        -- JobSpec as JSON
    outputs      TEXT NOT NULL,        -- list of Output as JSON
    submitted_at REAL NOT NULL,
    error        TEXT                  -- ErrorInfo as JSON
) STRICT;

CREATE INDEX IF NOT EXISTS jobs_order ON jobs ("order");
CREATE INDEX IF NOT EXISTS jobs_state ON jobs (state, priority, "order");

CREATE TABLE IF NOT EXISTS job_events (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    track_id TEXT NOT NULL,
    at       REAL NOT NULL,
    state    TEXT NOT NULL,
    attempt  INTEGER NOT NULL,
    deaths   INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS job_events_track ON job_events (track_id, seq);

-- One row: what is left of jobs that were forgotten.
CREATE TABLE IF NOT EXISTS forgotten (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    attempt INTEGER NOT NULL           -- the highest of all of them: whoever comes back goes on from there
) STRICT;

CREATE TABLE IF NOT EXISTS tracks (
    track_id   TEXT PRIMARY KEY,
    created_at REAL NOT NULL,
    prompt     TEXT NOT NULL,
    bytes      INTEGER NOT NULL,
    track      TEXT NOT NULL           -- api.Track as JSON, without its path
) STRICT;

CREATE INDEX IF NOT EXISTS tracks_created ON tracks (created_at DESC);
