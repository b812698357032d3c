-- What lists and people's own actions look for is found by an index. The newest rows come first, by seq.
-- deliveries.producer: whose event it tells of.
-- +goose Up
CREATE INDEX uploads_producer         ON uploads (producer);
CREATE INDEX uploads_account          ON uploads (account);
CREATE INDEX uploads_unhappy_producer ON uploads (producer, phase) WHERE phase >= 5;
CREATE INDEX uploads_unhappy_account  ON uploads (account, phase) WHERE phase >= 5;
CREATE INDEX batches_producer         ON batches (producer);
CREATE INDEX media_id                 ON media (media_id) WHERE media_id IS NOT NULL;

ALTER TABLE deliveries ADD COLUMN producer TEXT NOT NULL DEFAULT '';
UPDATE deliveries SET producer = COALESCE(
    (SELECT u.producer FROM events e JOIN uploads u ON u.seq = e.upload WHERE e.seq = deliveries.event),
    (SELECT b.producer FROM events e JOIN batches b ON b.seq = e.batch WHERE e.seq = deliveries.event), '');
CREATE INDEX deliveries_producer         ON deliveries (producer);
CREATE INDEX deliveries_unhappy          ON deliveries (phase) WHERE phase >= 4;
CREATE INDEX deliveries_unhappy_producer ON deliveries (producer, phase) WHERE phase >= 4;

-- +goose Down
DROP INDEX deliveries_unhappy_producer;
DROP INDEX deliveries_unhappy;
DROP INDEX deliveries_producer;
ALTER TABLE deliveries DROP COLUMN producer;
DROP INDEX media_id;
DROP INDEX batches_producer;
DROP INDEX uploads_unhappy_account;
DROP INDEX uploads_unhappy_producer;
DROP INDEX uploads_account;
DROP INDEX uploads_producer;
