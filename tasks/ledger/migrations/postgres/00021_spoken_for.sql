-- What the renewals of a day need, and which uploads have a deadline. kept_when: the media of an account that are due by a time.
-- uploads_dated: ready uploads with a deadline, the earliest first.
-- +goose Up
CREATE INDEX kept_when     ON kept (realm, appid, due_at);
CREATE INDEX uploads_dated ON uploads (priority, account, producer, expires_by, batch) WHERE phase = 0 AND expires_by IS NOT NULL;

-- +goose Down
DROP INDEX uploads_dated;
DROP INDEX kept_when;
