-- Old actions are found without a look at the others, whose choices may be long.
-- +goose Up
CREATE INDEX actions_ended ON actions (ended_at) WHERE ended_at IS NOT NULL;

-- +goose Down
DROP INDEX actions_ended;
