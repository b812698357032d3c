-- reason_values: the values of the reason (JSON), as in uploads.
-- +goose Up
ALTER TABLE attempts ADD COLUMN reason_values TEXT;
ALTER TABLE refusals ADD COLUMN reason_values TEXT;
ALTER TABLE holds ADD COLUMN reason_values TEXT;
ALTER TABLE kept ADD COLUMN reason_values TEXT;

-- +goose Down
ALTER TABLE kept DROP COLUMN reason_values;
ALTER TABLE holds DROP COLUMN reason_values;
ALTER TABLE refusals DROP COLUMN reason_values;
ALTER TABLE attempts DROP COLUMN reason_values;
