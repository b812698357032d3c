-- Deliveries go in turns by endpoint: a producer and the origin of the URL it is called at. Those from before have a
-- turn for each URL. took: how long the endpoint keeps a request, lately, in microseconds.
-- +goose Up
ALTER TABLE deliveries ADD COLUMN endpoint TEXT NOT NULL DEFAULT '';
UPDATE deliveries SET endpoint = url WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_turn ON deliveries (endpoint, due_at) WHERE phase = 0;

CREATE TABLE endpoints (
    name        TEXT PRIMARY KEY,
    took        INTEGER NOT NULL,
    measured_at INTEGER NOT NULL
);

-- +goose Down
DROP TABLE endpoints;
DROP INDEX deliveries_turn;
ALTER TABLE deliveries DROP COLUMN endpoint;
