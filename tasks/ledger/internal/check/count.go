package check

import "github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"

// rounds are all that the counts over time should count: uploads that were accepted, and rounds that ended.
const rounds = `SELECT submitted_at AS at, account, type, 0 AS what, '' AS code, 0 AS errcode FROM uploads WHERE renews IS NULL
	UNION ALL SELECT COALESCE(finished_at, submitted_at), account, type, ` + schema.Ended + `, COALESCE(code, ''), errcode FROM uploads WHERE phase >= 4 AND renews IS NULL
	UNION ALL SELECT r.at, u.account, u.type, r.what, r.code, r.errcode FROM uploads u JOIN (
		SELECT upload, finished_at AS at, ` + schema.Ended + ` AS what, COALESCE(code, '') AS code, errcode FROM rounds) r ON r.upload = u.seq`

// RoundsUncounted selects the hours in which the counts over time miss rounds, or count some that were not, and how many.
// Rounds that were pruned are counted as such.
func RoundsUncounted() string {
	return `SELECT hour, account, type, what, code, errcode, sum(there) AS there, sum(counted) AS counted FROM (
			SELECT ` + schema.HourOf("at") + ` AS hour, account, type, what, code, errcode, 1 AS there, 0 AS counted FROM (` + rounds + `) r
			UNION ALL SELECT ` + schema.HourOf("at") + `, account, type, what, code, errcode, 0, n - gone FROM counts
		) x GROUP BY hour, account, type, what, code, errcode HAVING sum(there) <> sum(counted)`
}

// UploadsUncounted selects the accounts whose balances disagree with their uploads, and by how much. How many were pruned
// can't be counted.
const UploadsUncounted = `SELECT account, sum(kept) AS kept, sum(open) AS open, sum(succeeded) AS succeeded, sum(failed) AS failed, sum(canceled) AS canceled
	FROM (
		SELECT account, count(*) AS kept, count(CASE WHEN phase < 4 THEN 1 END) AS open, count(CASE WHEN phase = 4 THEN 1 END) AS succeeded,
			count(CASE WHEN phase = 5 THEN 1 END) AS failed, count(CASE WHEN phase = 6 THEN 1 END) AS canceled FROM uploads WHERE renews IS NULL GROUP BY account
		UNION ALL SELECT account, pruned - accepted, -open, -succeeded, -failed, -canceled FROM balances
	) x GROUP BY account
	HAVING sum(kept) <> 0 OR sum(open) <> 0 OR sum(succeeded) <> 0 OR sum(failed) <> 0 OR sum(canceled) <> 0`

// Each of these finds one thing, however much disagrees: one repair mends it all.
func countChecks() []Rule {
	return []Rule{
		{
			Name: "rounds-uncounted", what: "the counts over time disagree with what happened", Key: "0", Repairable: true,
			query: `SELECT 0, NULL, NULL, 'in ' || CAST(n AS TEXT) || ' places, as of ' || example FROM (
				SELECT count(*) AS n, min(account || ' (' || type || '): ' || CAST(counted AS TEXT) || ' counted, ' || CAST(there AS TEXT) || ' there') AS example
				FROM (` + RoundsUncounted() + `) d) x WHERE n > 0`,
		},
		{
			Name: "uploads-uncounted", what: "the counts of uploads by state disagree with the uploads", Key: "0", Repairable: true,
			query: `SELECT 0, NULL, NULL, 'for ' || CAST(n AS TEXT) || ' accounts, as for ' || example FROM (
				SELECT count(*) AS n, min(account || ': ' || CAST(open AS TEXT) || ' open and ' || CAST(kept - open AS TEXT) || ' ended are not counted') AS example
				FROM (` + UploadsUncounted + `) d) x WHERE n > 0`,
		},
	}
}
