-- What the HTTP door keeps: keys as hashes, names of requests, and what producers spent of a day's budget.
-- +goose Up
CREATE TABLE keys (
    hash       BLOB PRIMARY KEY,
    name       TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    rights     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) WITHOUT ROWID;

CREATE TABLE requests (
    producer TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    digest   BLOB    NOT NULL,
    upload   BLOB    NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (producer, name)
) WITHOUT ROWID;
CREATE INDEX requests_at ON requests (at);

-- day: days since 1970-01-01 in Asia/Shanghai.
CREATE TABLE budgets (
    producer TEXT    NOT NULL,
    day      INTEGER NOT NULL,
    uploads  INTEGER NOT NULL,
    PRIMARY KEY (producer, day)
) WITHOUT ROWID;

-- Files that came over HTTP are removed once no upload needs them.
CREATE INDEX uploads_inbox ON uploads (source) WHERE substr(source, 1, 6) = 'inbox:';

-- +goose Down
DROP INDEX uploads_inbox;
DROP TABLE budgets;
DROP TABLE requests;
DROP TABLE keys;
