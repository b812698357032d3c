-- Who is signed in to the console, and links that sign in once. hash: of the secret that the browser, or the link, has. key:
-- the hash of the key that the session speaks for; null: the person at the machine. link: 1 for a link.
-- +goose Up
CREATE TABLE sessions (
    hash    BLOB PRIMARY KEY,
    key     BLOB,
    link    INTEGER NOT NULL CHECK (link IN (0, 1)),
    made_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
);
CREATE INDEX sessions_end ON sessions (ends_at);

-- +goose Down
DROP TABLE sessions;
