-- inbox: where a process keeps the files that come over HTTP. inboxes: which of these it can read, where it works. Both are
-- JSON, as package tasks writes it.
-- +goose Up
ALTER TABLE processes ADD COLUMN inbox TEXT NOT NULL DEFAULT 'null';
ALTER TABLE processes ADD COLUMN inboxes TEXT NOT NULL DEFAULT 'null';

-- +goose Down
ALTER TABLE processes DROP COLUMN inbox;
ALTER TABLE processes DROP COLUMN inboxes;
