-- Who did what to many uploads at once.
-- +goose Up
CREATE TABLE actions (
    id        BYTEA PRIMARY KEY,
    kind      TEXT    NOT NULL,
    by_whom   TEXT    NOT NULL,
    choice    TEXT    NOT NULL,
    matched   BIGINT NOT NULL,
    done      BIGINT NOT NULL DEFAULT 0,
    remaining BIGINT NOT NULL DEFAULT 0,
    began_at  BIGINT NOT NULL,
    ended_at  BIGINT
);

-- +goose Down
DROP TABLE actions;
