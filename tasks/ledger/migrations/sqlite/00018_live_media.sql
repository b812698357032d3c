-- What lists of media look for. upload: the one that the media was issued for; null: it is not known.
-- +goose Up
ALTER TABLE media ADD COLUMN upload INTEGER;
CREATE INDEX media_listed   ON media (realm, appid, expires_at, type, hash) WHERE media_id IS NOT NULL;
CREATE INDEX uploads_reused ON uploads (media_id) WHERE reused = 1;

-- +goose Down
DROP INDEX uploads_reused;
DROP INDEX media_listed;
ALTER TABLE media DROP COLUMN upload;
