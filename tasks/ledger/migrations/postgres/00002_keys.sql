-- What the HTTP door keeps: keys as hashes, names of requests, and what producers spent of a day's budget.
-- +goose Up
CREATE TABLE keys (
    hash       BYTEA PRIMARY KEY,
    name       TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    rights     TEXT    NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE TABLE requests (
    producer TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    digest   BYTEA  NOT NULL,
    upload   BYTEA  NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (producer, name)
);
CREATE INDEX requests_at ON requests (at);

-- day: days since 1970-01-01 in Asia/Shanghai.
CREATE TABLE budgets (
    producer TEXT    NOT NULL,
    day      BIGINT NOT NULL,
    uploads  BIGINT NOT NULL,
    PRIMARY KEY (producer, day)
);

-- Files that came over HTTP are removed once no upload needs them.
CREATE INDEX uploads_inbox ON uploads (source) WHERE substr(source, 1, 6) = 'inbox:';

-- +goose Down
DROP INDEX uploads_inbox;
DROP TABLE budgets;
DROP TABLE requests;
DROP TABLE keys;
