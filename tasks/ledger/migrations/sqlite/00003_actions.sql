-- Who did what to many uploads at once.
-- +goose Up
CREATE TABLE actions (
    id        BLOB PRIMARY KEY,
    kind      TEXT    NOT NULL,
    by_whom   TEXT    NOT NULL,
    choice    TEXT    NOT NULL,
    matched   INTEGER NOT NULL,
    done      INTEGER NOT NULL DEFAULT 0,
    remaining INTEGER NOT NULL DEFAULT 0,
    began_at  INTEGER NOT NULL,
    ended_at  INTEGER
) WITHOUT ROWID;

-- +goose Down
DROP TABLE actions;
