-- Counts, so that nobody has to scan uploads for them. Each process adds to rows of its own, and the janitor adds those up
-- into the rows of process 0.
--
-- counts: what happened in the minute, and after 14 days in the hour, that began at. what: 0 accepted, 4 succeeded,
-- 5 failed, 6 canceled, 7 succeeded by reuse. n: how often. gone: how many of these rounds were pruned since. example:
-- the id of an upload that failed.
-- balances: how many uploads of an account are where.
-- +goose Up
CREATE TABLE counts (
    at      BIGINT   NOT NULL CHECK (at % 60000000 = 0),
    account TEXT     NOT NULL,
    type    TEXT     NOT NULL,
    what    SMALLINT NOT NULL CHECK (what IN (0, 4, 5, 6, 7)),
    code    TEXT     NOT NULL,
    errcode BIGINT   NOT NULL,
    process BIGINT   NOT NULL,
    n       BIGINT   NOT NULL,
    gone    BIGINT   NOT NULL,
    example BYTEA,
    PRIMARY KEY (at, account, type, what, code, errcode, process)
) WITH (fillfactor = 70);
CREATE INDEX counts_apart ON counts (at) WHERE process <> 0;

CREATE TABLE balances (
    account   TEXT   NOT NULL,
    process   BIGINT NOT NULL,
    accepted  BIGINT NOT NULL,
    open      BIGINT NOT NULL,
    succeeded BIGINT NOT NULL,
    failed    BIGINT NOT NULL,
    canceled  BIGINT NOT NULL,
    pruned    BIGINT NOT NULL,
    PRIMARY KEY (account, process)
) WITH (fillfactor = 50);

ALTER TABLE batches ADD COLUMN pruned BIGINT NOT NULL DEFAULT 0;

INSERT INTO balances
SELECT account, 0, count(*), count(*) FILTER (WHERE phase < 4), count(*) FILTER (WHERE phase = 4), count(*) FILTER (WHERE phase = 5),
    count(*) FILTER (WHERE phase = 6), 0
FROM uploads GROUP BY account;

INSERT INTO counts
SELECT at - at % 60000000 AS began, account, type, what, code, errcode, 0, count(*), 0, (array_agg(id ORDER BY id DESC) FILTER (WHERE what = 5))[1]
FROM (
    SELECT submitted_at AS at, account, type, 0 AS what, '' AS code, 0 AS errcode, id FROM uploads
    UNION ALL
    SELECT COALESCE(finished_at, submitted_at), account, type, CASE WHEN phase = 4 AND reused = 1 THEN 7 ELSE phase END, COALESCE(code, ''), errcode, id
    FROM uploads WHERE phase >= 4
    UNION ALL
    SELECT r.finished_at, u.account, u.type, CASE WHEN r.phase = 4 AND r.reused = 1 THEN 7 ELSE r.phase END, COALESCE(r.code, ''), r.errcode, u.id
    FROM rounds r JOIN uploads u ON u.seq = r.upload
) x GROUP BY began, account, type, what, code, errcode;

-- +goose Down
ALTER TABLE batches DROP COLUMN pruned;
DROP TABLE balances;
DROP TABLE counts;
