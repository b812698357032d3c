-- Media that are kept alive. kept: one row for each content of an account. hash, producer: as in media. content: the hash of the
-- bytes that WeChat has. due_at: when it is uploaded again. renewal: the upload that does so now. code, reason: why it failed last.
-- tried: the last source that could not serve. told: 1 if media.stale was sent for this media_id. keepers: the uploads that asked
-- for it, until when. An upload that renews is the ledger's own: renews says which row of kept, wants the hash of its source.
-- events.producer, local: of an event that belongs to neither an upload nor a batch.
-- +goose Up
CREATE TABLE kept (
    seq        INTEGER PRIMARY KEY,
    realm      TEXT NOT NULL,
    appid      TEXT NOT NULL,
    type       TEXT NOT NULL,
    hash       BLOB NOT NULL,
    producer   TEXT,
    content    BLOB NOT NULL,
    media_id   TEXT NOT NULL,
    issued_at  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    renewal    INTEGER,
    tried      TEXT NOT NULL DEFAULT '',
    failures   INTEGER NOT NULL DEFAULT 0,
    code       TEXT,
    reason     TEXT,
    told       INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)),
    UNIQUE (realm, appid, type, hash)
);
CREATE INDEX kept_due      ON kept (realm, appid, expires_at) WHERE renewal IS NULL;
CREATE INDEX kept_renewing ON kept (realm, appid) WHERE renewal IS NOT NULL;
CREATE INDEX kept_ending   ON kept (expires_at) WHERE told = 0;
CREATE INDEX kept_media    ON kept (media_id);

CREATE TABLE keepers (
    upload   INTEGER PRIMARY KEY,
    kept     INTEGER NOT NULL,
    producer TEXT NOT NULL,
    until_at INTEGER NOT NULL
);
CREATE INDEX keepers_kept     ON keepers (kept);
CREATE INDEX keepers_producer ON keepers (producer, kept);
CREATE INDEX keepers_until    ON keepers (until_at);

ALTER TABLE uploads ADD COLUMN renews INTEGER;
ALTER TABLE uploads ADD COLUMN wants BLOB;
CREATE INDEX uploads_renewing       ON uploads (renews) WHERE renews IS NOT NULL AND phase < 4;
CREATE INDEX uploads_asking         ON uploads (producer) WHERE keep_fresh_until IS NOT NULL AND phase < 4;
CREATE INDEX uploads_asking_account ON uploads (account) WHERE keep_fresh_until IS NOT NULL AND phase < 4;
ALTER TABLE runs ADD COLUMN renewal INTEGER NOT NULL DEFAULT 0 CHECK (renewal IN (0, 1));
ALTER TABLE events ADD COLUMN producer TEXT;
ALTER TABLE events ADD COLUMN local INTEGER NOT NULL DEFAULT 0 CHECK (local IN (0, 1));

-- +goose Down
ALTER TABLE events DROP COLUMN local;
ALTER TABLE events DROP COLUMN producer;
ALTER TABLE runs DROP COLUMN renewal;
DROP INDEX uploads_asking_account;
DROP INDEX uploads_asking;
DROP INDEX uploads_renewing;
ALTER TABLE uploads DROP COLUMN wants;
ALTER TABLE uploads DROP COLUMN renews;
DROP TABLE keepers;
DROP TABLE kept;
