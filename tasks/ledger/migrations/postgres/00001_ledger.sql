-- Times are microseconds since 1970 UTC, ids 16 bytes, booleans 0 or 1, hashes 32 bytes.
-- +goose Up
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE batches (
    seq          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           BYTEA    NOT NULL UNIQUE,
    producer     TEXT    NOT NULL,
    external_id  TEXT,
    callback_url TEXT,
    metadata     TEXT,
    sealed       SMALLINT NOT NULL DEFAULT 0,
    truncated    SMALLINT NOT NULL DEFAULT 0,
    round        BIGINT NOT NULL DEFAULT 1,
    total        BIGINT NOT NULL DEFAULT 0,
    open         BIGINT NOT NULL DEFAULT 0,
    succeeded    BIGINT NOT NULL DEFAULT 0,
    failed       BIGINT NOT NULL DEFAULT 0,
    canceled     BIGINT NOT NULL DEFAULT 0,
    refused      BIGINT NOT NULL DEFAULT 0,
    submitted_at BIGINT NOT NULL,
    touched_at   BIGINT NOT NULL,
    completed_at BIGINT
);
CREATE UNIQUE INDEX batches_external ON batches (producer, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX batches_unsealed ON batches (touched_at) WHERE sealed = 0;

CREATE TABLE refusals (
    batch       BIGINT NOT NULL,
    line        BIGINT NOT NULL,
    external_id TEXT,
    code        TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    PRIMARY KEY (batch, line)
);

-- phase: 0 ready, 1 dispatched, 2 running, 3 waiting, 4 succeeded, 5 failed, 6 canceled.
-- due_at: since when it is dispatched, when the lease of a running one ends, until when it waits; otherwise null.
CREATE TABLE uploads (
    seq              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id               BYTEA    NOT NULL UNIQUE,
    phase            SMALLINT NOT NULL,
    priority         SMALLINT NOT NULL,
    batch            BIGINT NOT NULL,
    round            BIGINT NOT NULL DEFAULT 1,
    generation       BIGINT NOT NULL DEFAULT 0,
    attempts         BIGINT NOT NULL DEFAULT 0,
    cancel_requested SMALLINT NOT NULL DEFAULT 0,
    lost_leases      BIGINT NOT NULL DEFAULT 0,
    alone            SMALLINT NOT NULL DEFAULT 0,
    crashes          BIGINT NOT NULL DEFAULT 0,
    no_reuse         SMALLINT NOT NULL DEFAULT 0,
    fix              SMALLINT NOT NULL DEFAULT 0,
    reused           SMALLINT NOT NULL DEFAULT 0,
    errcode          BIGINT NOT NULL DEFAULT 0,
    submitted_at     BIGINT NOT NULL,
    due_at           BIGINT,
    expires_by       BIGINT,
    keep_fresh_until BIGINT,
    twin_of          BIGINT,
    claim_token      BYTEA,
    worker           TEXT,
    finished_at      BIGINT,
    issued_at        BIGINT,
    expires_at       BIGINT,
    size             BIGINT,
    sha256           BYTEA,
    original         BYTEA,
    fixed            TEXT,
    media_id         TEXT,
    code             TEXT,
    rid              TEXT,
    reason           TEXT,
    hint             TEXT,
    digest           BYTEA    NOT NULL,
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
CREATE INDEX uploads_ready    ON uploads (priority, account, batch, seq) WHERE phase = 0;
CREATE INDEX uploads_due      ON uploads (phase, due_at, priority, account) WHERE due_at IS NOT NULL;
CREATE INDEX uploads_deadline ON uploads (expires_by) WHERE expires_by IS NOT NULL;
CREATE INDEX uploads_twin     ON uploads (twin_of) WHERE twin_of IS NOT NULL;
CREATE INDEX uploads_batch    ON uploads (batch, seq) WHERE batch > 0;
CREATE INDEX uploads_unhappy  ON uploads (phase, seq) WHERE phase >= 5;

-- The outcome of an earlier round, kept when a retry opens the next one.
CREATE TABLE rounds (
    upload      BIGINT NOT NULL,
    round       BIGINT NOT NULL,
    phase       SMALLINT NOT NULL,
    attempts    BIGINT NOT NULL,
    reused      SMALLINT NOT NULL,
    errcode     BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    issued_at   BIGINT,
    expires_at  BIGINT,
    size        BIGINT,
    sha256      BYTEA,
    original    BYTEA,
    fixed       TEXT,
    media_id    TEXT,
    code        TEXT,
    rid         TEXT,
    reason      TEXT,
    hint        TEXT,
    PRIMARY KEY (upload, round)
);

CREATE TABLE attempts (
    upload     BIGINT NOT NULL,
    round      BIGINT NOT NULL,
    number     BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    took       BIGINT NOT NULL,
    errcode    BIGINT NOT NULL,
    code       TEXT,
    rid        TEXT,
    reason     TEXT,
    PRIMARY KEY (upload, round, number)
);

-- holder is the upload whose claim is uploading this content now.
CREATE TABLE media (
    realm      TEXT NOT NULL,
    appid      TEXT NOT NULL,
    type       TEXT NOT NULL,
    hash       BYTEA NOT NULL,
    media_id   TEXT,
    issued_at  BIGINT,
    expires_at BIGINT,
    holder     BIGINT,
    PRIMARY KEY (realm, appid, type, hash)
);
CREATE INDEX media_holder ON media (holder) WHERE holder IS NOT NULL;

CREATE TABLE accounts (
    name        TEXT PRIMARY KEY,
    realm       TEXT    NOT NULL,
    appid       TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    daily_limit BIGINT NOT NULL
);

-- ramp: 0 until the first success after until_at, then how many uploads may be under way at once.
CREATE TABLE holds (
    realm    TEXT NOT NULL,
    appid    TEXT NOT NULL,
    code     TEXT NOT NULL,
    errcode  BIGINT NOT NULL,
    rid      TEXT,
    reason   TEXT NOT NULL,
    since_at BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    ramp     BIGINT NOT NULL,
    PRIMARY KEY (realm, appid)
);

-- day: days since 1970-01-01 in Asia/Shanghai.
CREATE TABLE quota (
    realm TEXT NOT NULL,
    appid TEXT NOT NULL,
    day   BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    PRIMARY KEY (realm, appid, day)
);

-- An event refers to one round of one upload or batch; data is null where it is rendered when it is read.
-- The unique indexes are what makes outcomes and completions happen once. The newest event is never pruned, so that
-- seq goes on from it.
CREATE TABLE events (
    seq    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type   TEXT    NOT NULL,
    at     BIGINT NOT NULL,
    upload BIGINT,
    batch  BIGINT,
    round  BIGINT NOT NULL DEFAULT 0,
    data   TEXT
);
CREATE UNIQUE INDEX events_outcome ON events (upload, round) WHERE upload IS NOT NULL AND type <> 'media.renewed';
CREATE UNIQUE INDEX events_completion ON events (batch, round) WHERE batch IS NOT NULL;

-- phase: 0 pending, 1 dispatched, 2 claimed, 3 delivered, 4 failed, 5 disabled.
CREATE TABLE deliveries (
    seq         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          BYTEA    NOT NULL UNIQUE,
    event       BIGINT NOT NULL,
    url         TEXT    NOT NULL,
    phase       SMALLINT NOT NULL DEFAULT 0,
    generation  BIGINT NOT NULL DEFAULT 0,
    attempts    BIGINT NOT NULL DEFAULT 0,
    due_at      BIGINT,
    claim_token BYTEA,
    last_status BIGINT NOT NULL DEFAULT 0,
    last_error  TEXT
);
CREATE INDEX deliveries_due ON deliveries (phase, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_event ON deliveries (event);

CREATE TABLE leaders (
    role     TEXT PRIMARY KEY,
    holder   TEXT    NOT NULL,
    until_at BIGINT NOT NULL
);

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
