-- The processes that live, and what each was told about the accounts. The limits in accounts are the strictest of them.
-- schema: the version of the schema that it knows. unreachable and refused: JSON, as package tasks writes it.
-- +goose Up
CREATE TABLE processes (
    name        TEXT PRIMARY KEY,
    role        TEXT   NOT NULL CHECK (role IN ('run', 'worker', 'serve')),
    host        TEXT   NOT NULL,
    pid         INTEGER NOT NULL,
    version     TEXT   NOT NULL,
    schema      INTEGER NOT NULL,
    slots       INTEGER NOT NULL,
    in_flight   INTEGER NOT NULL,
    egress      TEXT   NOT NULL,
    unreachable TEXT   NOT NULL,
    refused     TEXT   NOT NULL,
    started_at  INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL
);

CREATE TABLE process_accounts (
    process         TEXT   NOT NULL,
    account         TEXT   NOT NULL,
    realm           TEXT   NOT NULL,
    appid           TEXT   NOT NULL,
    fingerprint     TEXT   NOT NULL,
    rate_per_minute INTEGER NOT NULL,
    concurrency     INTEGER NOT NULL,
    daily_limit     INTEGER NOT NULL,
    reset_zone      TEXT   NOT NULL,
    registered_at   INTEGER NOT NULL,
    PRIMARY KEY (process, account)
);
CREATE INDEX process_accounts_account ON process_accounts (account);

-- +goose Down
DROP TABLE process_accounts;
DROP TABLE processes;
