-- Uploads whose worker died go before those that nobody has begun.
-- +goose Up
CREATE INDEX uploads_orphan ON uploads (priority, account) WHERE phase = 0 AND lost_leases + crashes > 0;

-- +goose Down
DROP INDEX uploads_orphan;
