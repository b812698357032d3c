-- Times are microseconds since 1970 UTC, ids 16 bytes, booleans 0 or 1, hashes 32 bytes.
-- +goose Up
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE batches (
    seq          INTEGER PRIMARY KEY,
    id           BLOB    NOT NULL UNIQUE,
    producer     TEXT    NOT NULL,
    external_id  TEXT,
    callback_url TEXT,
    metadata     TEXT,
    sealed       INTEGER NOT NULL DEFAULT 0,
    truncated    INTEGER NOT NULL DEFAULT 0,
    round        INTEGER NOT NULL DEFAULT 1,
    total        INTEGER NOT NULL DEFAULT 0,
    open         INTEGER NOT NULL DEFAULT 0,
    succeeded    INTEGER NOT NULL DEFAULT 0,
    failed       INTEGER NOT NULL DEFAULT 0,
    canceled     INTEGER NOT NULL DEFAULT 0,
    refused      INTEGER NOT NULL DEFAULT 0,
    submitted_at INTEGER NOT NULL,
    touched_at   INTEGER NOT NULL,
    completed_at INTEGER
);
CREATE UNIQUE INDEX batches_external ON batches (producer, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX batches_unsealed ON batches (touched_at) WHERE sealed = 0;

CREATE TABLE refusals (
    batch       INTEGER NOT NULL,
    line        INTEGER NOT NULL,
    external_id TEXT,
    code        TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    PRIMARY KEY (batch, line)
) WITHOUT ROWID;

-- phase: 0 ready, 1 dispatched, 2 running, 3 waiting, 4 succeeded, 5 failed, 6 canceled.
-- due_at: since when it is dispatched, when the lease of a running one ends, until when it waits; otherwise null.
CREATE TABLE uploads (
    seq              INTEGER PRIMARY KEY,
    id               BLOB    NOT NULL UNIQUE,
    phase            INTEGER NOT NULL,
    priority         INTEGER NOT NULL,
    batch            INTEGER NOT NULL,
    round            INTEGER NOT NULL DEFAULT 1,
    generation       INTEGER NOT NULL DEFAULT 0,
    attempts         INTEGER NOT NULL DEFAULT 0,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    lost_leases      INTEGER NOT NULL DEFAULT 0,
    alone            INTEGER NOT NULL DEFAULT 0,
    crashes          INTEGER NOT NULL DEFAULT 0,
    no_reuse         INTEGER NOT NULL DEFAULT 0,
    fix              INTEGER NOT NULL DEFAULT 0,
    reused           INTEGER NOT NULL DEFAULT 0,
    errcode          INTEGER NOT NULL DEFAULT 0,
    submitted_at     INTEGER NOT NULL,
    due_at           INTEGER,
    expires_by       INTEGER,
    keep_fresh_until INTEGER,
    twin_of          INTEGER,
    claim_token      BLOB,
    worker           TEXT,
    finished_at      INTEGER,
    issued_at        INTEGER,
    expires_at       INTEGER,
    size             INTEGER,
    sha256           BLOB,
    original         BLOB,
    fixed            TEXT,
    media_id         TEXT,
    code             TEXT,
    rid              TEXT,
    reason           TEXT,
    hint             TEXT,
    digest           BLOB    NOT NULL,
    producer         TEXT    NOT NULL,
    account          TEXT    NOT NULL,
    type             TEXT    NOT NULL,
    source           TEXT    NOT NULL,
    external_id      TEXT,
    filename         TEXT,
    callback_url     TEXT,
    metadata         TEXT
);
CREATE UNIQUE INDEX uploads_external ON uploads (producer, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX uploads_ready    ON uploads (priority, account, batch) WHERE phase = 0;
CREATE INDEX uploads_due      ON uploads (phase, due_at, priority, account) WHERE due_at IS NOT NULL;
CREATE INDEX uploads_deadline ON uploads (expires_by) WHERE expires_by IS NOT NULL;
CREATE INDEX uploads_twin     ON uploads (twin_of) WHERE twin_of IS NOT NULL;
CREATE INDEX uploads_batch    ON uploads (batch) WHERE batch > 0;
CREATE INDEX uploads_unhappy  ON uploads (phase) WHERE phase >= 5;

-- The outcome of an earlier round, kept when a retry opens the next one.
CREATE TABLE rounds (
    upload      INTEGER NOT NULL,
    round       INTEGER NOT NULL,
    phase       INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    reused      INTEGER NOT NULL,
    errcode     INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,
    issued_at   INTEGER,
    expires_at  INTEGER,
    size        INTEGER,
    sha256      BLOB,
    original    BLOB,
    fixed       TEXT,
    media_id    TEXT,
    code        TEXT,
    rid         TEXT,
    reason      TEXT,
    hint        TEXT,
    PRIMARY KEY (upload, round)
) WITHOUT ROWID;

CREATE TABLE attempts (
    upload     INTEGER NOT NULL,
    round      INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    took       INTEGER NOT NULL,
    errcode    INTEGER NOT NULL,
    code       TEXT,
    rid        TEXT,
    reason     TEXT,
    PRIMARY KEY (upload, round, number)
) WITHOUT ROWID;

-- holder is the upload whose claim is uploading this content now.
CREATE TABLE media (
    realm      TEXT NOT NULL,
    appid      TEXT NOT NULL,
    type       TEXT NOT NULL,
    hash       BLOB NOT NULL,
    media_id   TEXT,
    issued_at  INTEGER,
    expires_at INTEGER,
    holder     INTEGER,
    PRIMARY KEY (realm, appid, type, hash)
) WITHOUT ROWID;
CREATE INDEX media_holder ON media (holder) WHERE holder IS NOT NULL;

CREATE TABLE accounts (
    name        TEXT PRIMARY KEY,
    realm       TEXT    NOT NULL,
    appid       TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    daily_limit INTEGER NOT NULL
) WITHOUT ROWID;

-- ramp: 0 until the first success after until_at, then how many uploads may be under way at once.
CREATE TABLE holds (
    realm    TEXT NOT NULL,
    appid    TEXT NOT NULL,
    code     TEXT NOT NULL,
    errcode  INTEGER NOT NULL,
    rid      TEXT,
    reason   TEXT NOT NULL,
    since_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    ramp     INTEGER NOT NULL,
    PRIMARY KEY (realm, appid)
) WITHOUT ROWID;

-- day: days since 1970-01-01 in Asia/Shanghai.
CREATE TABLE quota (
    realm TEXT NOT NULL,
    appid TEXT NOT NULL,
    day   INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    PRIMARY KEY (realm, appid, day)
) WITHOUT ROWID;

-- An event refers to one round of one upload or batch; data is null where it is rendered when it is read.
-- The unique indexes are what makes outcomes and completions happen once. The newest event is never pruned, so that
-- seq goes on from it.
CREATE TABLE events (
    seq    INTEGER PRIMARY KEY,
    type   TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    upload INTEGER,
    batch  INTEGER,
    round  INTEGER NOT NULL DEFAULT 0,
    data   TEXT
);
CREATE UNIQUE INDEX events_outcome ON events (upload, round) WHERE upload IS NOT NULL AND type <> 'media.renewed';
CREATE UNIQUE INDEX events_completion ON events (batch, round) WHERE batch IS NOT NULL;

-- phase: 0 pending, 1 dispatched, 2 claimed, 3 delivered, 4 failed, 5 disabled.
CREATE TABLE deliveries (
    seq         INTEGER PRIMARY KEY,
    id          BLOB    NOT NULL UNIQUE,
    event       INTEGER NOT NULL,
    url         TEXT    NOT NULL,
    phase       INTEGER NOT NULL DEFAULT 0,
    generation  INTEGER NOT NULL DEFAULT 0,
    attempts    INTEGER NOT NULL DEFAULT 0,
    due_at      INTEGER,
    claim_token BLOB,
    last_status INTEGER NOT NULL DEFAULT 0,
    last_error  TEXT
);
CREATE INDEX deliveries_due ON deliveries (phase, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_event ON deliveries (event);

CREATE TABLE leaders (
    role     TEXT PRIMARY KEY,
    holder   TEXT    NOT NULL,
    until_at INTEGER NOT NULL
) WITHOUT ROWID;

-- +goose Down
DROP TABLE leaders;
DROP TABLE deliveries;
DROP TABLE events;
DROP TABLE quota;
DROP TABLE holds;
DROP TABLE accounts;
DROP TABLE media;
DROP TABLE attempts;
DROP TABLE rounds;
DROP TABLE uploads;
DROP TABLE refusals;
DROP TABLE batches;
DROP TABLE meta;
