-- What is kept encrypted: sealed names its key, and is bound to (kind, name, number). The highest number is the newest.
-- accounts.reset_zone: the time zone in which WeChat counts the account's day; empty: Asia/Shanghai.
-- +goose Up
CREATE TABLE secrets (
    kind       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    number     BIGINT NOT NULL,
    sealed     BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (kind, name, number)
);
ALTER TABLE accounts ADD COLUMN reset_zone TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE accounts DROP COLUMN reset_zone;
DROP TABLE secrets;
