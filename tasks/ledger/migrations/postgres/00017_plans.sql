-- learnt_daily: the calls a day that WeChat grants, as it said last; 0: it did not say. others: calls of the day that WeChat
-- counted and the ledger did not; negative where the count was cleared. reserve: percent of the day's calls that bulk uploads
-- leave to interactive ones. bulk_only: 1 where the hold stops bulk uploads only.
-- +goose Up
ALTER TABLE paces ADD COLUMN learnt_daily BIGINT NOT NULL DEFAULT 0;
ALTER TABLE quota ADD COLUMN others BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN reserve BIGINT NOT NULL DEFAULT 0;
ALTER TABLE process_accounts ADD COLUMN reserve BIGINT NOT NULL DEFAULT 0;
ALTER TABLE holds ADD COLUMN bulk_only BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE holds DROP COLUMN bulk_only;
ALTER TABLE process_accounts DROP COLUMN reserve;
ALTER TABLE accounts DROP COLUMN reserve;
ALTER TABLE quota DROP COLUMN others;
ALTER TABLE paces DROP COLUMN learnt_daily;
