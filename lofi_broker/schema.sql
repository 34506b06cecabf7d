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
    radio        INTEGER NOT NULL,     -- 1: asked for by the radio alone
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
    seq        INTEGER PRIMARY KEY,
    track_id   TEXT NOT NULL UNIQUE,
    created_at REAL NOT NULL,
    used_at    REAL NOT NULL,          -- when it was last played, or else made
    favourite  INTEGER NOT NULL,       -- 1: never evicted
    segment    INTEGER NOT NULL,       -- 1: a piece of a stream, not listed
    radio      INTEGER NOT NULL,       -- 1: a piece of the radio that nobody has asked for since: evicted first
    bytes      INTEGER NOT NULL,       -- of its audio and its tokens
    tags       TEXT NOT NULL,          -- JSON list, each as words are
    words      TEXT NOT NULL,          -- what it is found by, as lofi_broker/words.py folds it
    track      TEXT NOT NULL           -- api.Track as JSON, without its path
) STRICT;

CREATE INDEX IF NOT EXISTS tracks_created ON tracks (created_at DESC);

-- Substrings of three characters and more, in any script; it keeps no text of its own.
CREATE VIRTUAL TABLE IF NOT EXISTS track_words USING fts5 (
    words, content = 'tracks', content_rowid = 'seq', tokenize = 'trigram case_sensitive 1'
);

CREATE TRIGGER IF NOT EXISTS track_words_in AFTER INSERT ON tracks BEGIN
    INSERT INTO track_words (rowid, words) VALUES (new.seq, new.words);
END;
CREATE TRIGGER IF NOT EXISTS track_words_out AFTER DELETE ON tracks BEGIN
    INSERT INTO track_words (track_words, rowid, words) VALUES ('delete', old.seq, old.words);
END;
CREATE TRIGGER IF NOT EXISTS track_words_changed AFTER UPDATE OF words ON tracks BEGIN
    INSERT INTO track_words (track_words, rowid, words) VALUES ('delete', old.seq, old.words);
    INSERT INTO track_words (rowid, words) VALUES (new.seq, new.words);
END;

-- What was asked for, whatever became of it.
CREATE TABLE IF NOT EXISTS prompts (
    prompt   TEXT PRIMARY KEY,
    asked    INTEGER NOT NULL,         -- how often
    asked_at REAL NOT NULL,            -- the last time
    words    TEXT NOT NULL             -- folded
) STRICT;

CREATE INDEX IF NOT EXISTS prompts_asked ON prompts (asked_at DESC);
