-- What is kept encrypted: sealed names its key, and is bound to (kind, name, number). The highest number is the newest.
-- accounts.reset_zone: the time zone in which WeChat counts the account's day; empty: Asia/Shanghai.
-- +goose Up
CREATE TABLE secrets (
    kind       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    number     INTEGER NOT NULL,
    sealed     BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (kind, name, number)
) WITHOUT ROWID;
ALTER TABLE accounts ADD COLUMN reset_zone TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE accounts DROP COLUMN reset_zone;
DROP TABLE secrets;
