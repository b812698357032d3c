-- reason_values: what the reason of an earlier round was measured by (JSON), as in uploads.
-- +goose Up
ALTER TABLE rounds ADD COLUMN reason_values TEXT;

-- +goose Down
ALTER TABLE rounds DROP COLUMN reason_values;
