-- An action can be followed, stopped, and gone on with by another process.
-- left_out: how many were passed by, by why (JSON). place: the cursor it came to. holder works on it until lease_until.
-- +goose Up
ALTER TABLE actions ADD COLUMN producer TEXT NOT NULL DEFAULT '';
ALTER TABLE actions ADD COLUMN again BIGINT NOT NULL DEFAULT 0;
ALTER TABLE actions ADD COLUMN rate BIGINT NOT NULL DEFAULT 0;
ALTER TABLE actions ADD COLUMN budget BIGINT NOT NULL DEFAULT 0;
ALTER TABLE actions ADD COLUMN left_out TEXT NOT NULL DEFAULT '{}';
ALTER TABLE actions ADD COLUMN place TEXT NOT NULL DEFAULT '';
ALTER TABLE actions ADD COLUMN stopped BIGINT NOT NULL DEFAULT 0;
ALTER TABLE actions ADD COLUMN holder TEXT NOT NULL DEFAULT '';
ALTER TABLE actions ADD COLUMN lease_until BIGINT NOT NULL DEFAULT 0;
UPDATE actions SET left_out = '{"conflict":' || remaining || '}' WHERE remaining > 0;
UPDATE actions SET stopped = 1, ended_at = began_at WHERE ended_at IS NULL; -- nobody could go on with one
ALTER TABLE actions DROP COLUMN remaining;
CREATE INDEX actions_open ON actions (id) WHERE ended_at IS NULL;

-- +goose Down
DROP INDEX actions_open;
ALTER TABLE actions ADD COLUMN remaining BIGINT NOT NULL DEFAULT 0;
ALTER TABLE actions DROP COLUMN lease_until;
ALTER TABLE actions DROP COLUMN holder;
ALTER TABLE actions DROP COLUMN stopped;
ALTER TABLE actions DROP COLUMN place;
ALTER TABLE actions DROP COLUMN left_out;
ALTER TABLE actions DROP COLUMN budget;
ALTER TABLE actions DROP COLUMN rate;
ALTER TABLE actions DROP COLUMN again;
ALTER TABLE actions DROP COLUMN producer;
