-- local: submitted at the command line of the machine that uploads it, which lets its callback be on loopback.
-- producer: who alone may reuse and forget a media; null: all who may submit to its account.
-- +goose Up
ALTER TABLE media ADD COLUMN producer TEXT;
ALTER TABLE uploads ADD COLUMN local SMALLINT NOT NULL DEFAULT 0 CHECK (local IN (0, 1));
ALTER TABLE batches ADD COLUMN local SMALLINT NOT NULL DEFAULT 0 CHECK (local IN (0, 1));
UPDATE uploads SET local = 1 WHERE producer = 'local' AND source LIKE 'file://%';
UPDATE batches SET local = 1 WHERE producer = 'local' AND seq IN (SELECT batch FROM uploads WHERE local = 1);

-- +goose Down
ALTER TABLE media DROP COLUMN producer;
ALTER TABLE batches DROP COLUMN local;
ALTER TABLE uploads DROP COLUMN local;
