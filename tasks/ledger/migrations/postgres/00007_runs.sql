-- What is under way leaves the wide row of an upload: a run exists exactly while its upload is on the belt (no token) or
-- running (token, worker and lease_until are set). Accounts get the limits of their calls, and the ledger keeps their pace.
-- Programs that know no runs can't work beside this: oldest_version is the oldest schema that a program must know, and the
-- leaders have a new name, so that a dispatcher of the version before that was overlooked dispatches no more.
-- +goose Up
INSERT INTO meta (key, value) VALUES ('oldest_version', '7');
ALTER TABLE leaders RENAME TO leads;
-- seq comes from the number of the transaction, so that none has to wait for another one to number its events.
ALTER TABLE events ALTER COLUMN seq DROP IDENTITY;

CREATE TABLE runs (
    upload        BIGINT PRIMARY KEY,
    generation    BIGINT   NOT NULL CHECK (generation > 0),
    account       TEXT     NOT NULL,
    priority      SMALLINT NOT NULL,
    task          TEXT     NOT NULL,
    dispatched_at BIGINT   NOT NULL,
    lease_until   BIGINT,
    alone         SMALLINT NOT NULL DEFAULT 0 CHECK (alone IN (0, 1)),
    called        SMALLINT NOT NULL DEFAULT 0 CHECK (called IN (0, 1)),
    token         BYTEA,
    worker        TEXT,
    CHECK ((token IS NULL) = (worker IS NULL) AND (token IS NULL) = (lease_until IS NULL))
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000);

-- phase: 0 ready, 1 under way (it has a run), 3 waiting, 4 succeeded, 5 failed, 6 canceled.
-- due_at: until when it waits; otherwise null. slot_at: the time that is reserved for its call. claim_token: of the last
-- claim that ended. read_hash and identity: of the source as it was read last. granted: the prefix of the source that its
-- submitter had a right to. reason_values: what the reason was measured by (JSON).
DELETE FROM media WHERE holder IS NOT NULL AND media_id IS NULL;
UPDATE media SET holder = NULL WHERE holder IS NOT NULL;
UPDATE uploads SET phase = 0, due_at = NULL WHERE phase IN (1, 2);
ALTER TABLE uploads ADD COLUMN slot_at BIGINT;
ALTER TABLE uploads ADD COLUMN read_hash BYTEA;
ALTER TABLE uploads ADD COLUMN identity TEXT;
ALTER TABLE uploads ADD COLUMN granted TEXT;
ALTER TABLE uploads ADD COLUMN reason_values TEXT;
DROP INDEX uploads_ready;
DROP INDEX uploads_orphan;
DROP INDEX uploads_due;
ALTER TABLE uploads DROP COLUMN worker;
ALTER TABLE uploads DROP COLUMN alone;
CREATE INDEX uploads_ready ON uploads (priority, account, producer, batch, seq) WHERE phase = 0;
CREATE INDEX uploads_first ON uploads (priority, account, seq) WHERE phase = 0 AND (lost_leases + crashes > 0 OR slot_at IS NOT NULL);
CREATE INDEX uploads_due   ON uploads (due_at, account) WHERE phase = 3;

ALTER TABLE accounts ADD COLUMN rate_per_minute BIGINT NOT NULL DEFAULT 0 CHECK (rate_per_minute >= 0);
ALTER TABLE accounts ADD COLUMN concurrency     BIGINT NOT NULL DEFAULT 0 CHECK (concurrency >= 0);
CREATE INDEX accounts_appid ON accounts (realm, appid);

-- tat: when the account's next call would come at an even pace (the theoretical arrival time of GCRA).
-- learnt: calls a minute as WeChat told them, 0 for none.
CREATE TABLE paces (
    realm  TEXT   NOT NULL,
    appid  TEXT   NOT NULL,
    tat    BIGINT NOT NULL DEFAULT 0,
    learnt BIGINT NOT NULL DEFAULT 0 CHECK (learnt >= 0),
    PRIMARY KEY (realm, appid)
) WITH (fillfactor = 50);

-- +goose Down
DROP TABLE paces;
DROP INDEX accounts_appid;
ALTER TABLE accounts DROP COLUMN concurrency;
ALTER TABLE accounts DROP COLUMN rate_per_minute;
DROP INDEX uploads_due;
DROP INDEX uploads_first;
DROP INDEX uploads_ready;
UPDATE uploads SET phase = 0, due_at = NULL WHERE phase = 1;
ALTER TABLE uploads ADD COLUMN alone SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE uploads ADD COLUMN worker TEXT;
ALTER TABLE uploads DROP COLUMN reason_values;
ALTER TABLE uploads DROP COLUMN granted;
ALTER TABLE uploads DROP COLUMN identity;
ALTER TABLE uploads DROP COLUMN read_hash;
ALTER TABLE uploads DROP COLUMN slot_at;
CREATE INDEX uploads_ready  ON uploads (priority, account, batch, seq) WHERE phase = 0;
CREATE INDEX uploads_orphan ON uploads (priority, account) WHERE phase = 0 AND lost_leases + crashes > 0;
CREATE INDEX uploads_due    ON uploads (phase, due_at, priority, account) WHERE due_at IS NOT NULL;
DROP TABLE runs;
ALTER TABLE events ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY;
SELECT setval(pg_get_serial_sequence('events', 'seq'), (SELECT COALESCE(max(seq), 0) + 1 FROM events));
ALTER TABLE leads RENAME TO leaders;
DELETE FROM meta WHERE key = 'oldest_version';
