-- What bounds a producer's writes.
-- ended: why a truncated batch was sealed before its last row.
-- +goose Up
ALTER TABLE batches ADD COLUMN ended TEXT NOT NULL DEFAULT '';
UPDATE batches SET ended = 'truncated' WHERE truncated = 1;

-- +goose Down
ALTER TABLE batches DROP COLUMN ended;
