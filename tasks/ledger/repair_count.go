package ledger

import "github.com/mediaferry/mediaferry/tasks/ledger/internal/check"

// countRounds adds what the counts over time miss, and takes away what they have too much, by the hour. The statement sees
// counts and rounds of one moment, and what others count meanwhile is theirs.
func (t *tx) countRounds(int64) error {
	_, err := t.Exec(`INSERT INTO counts (at, account, type, what, code, errcode, process, n, gone)
		SELECT hour, account, type, what, code, errcode, 0, there - counted, 0 FROM (` + check.RoundsUncounted() + `) d WHERE 1 = 1
		ON CONFLICT (at, account, type, what, code, errcode, process) DO UPDATE SET n = counts.n + excluded.n`)
	return err
}

// countUploads adds to the balances what they lack.
func (t *tx) countUploads(int64) error {
	_, err := t.Exec(`INSERT INTO balances (account, process, accepted, open, succeeded, failed, canceled, pruned)
		SELECT account, 0, kept, open, succeeded, failed, canceled, 0 FROM (` + check.UploadsUncounted + `) d WHERE 1 = 1
		ON CONFLICT (account, process) DO UPDATE SET accepted = balances.accepted + excluded.accepted, open = balances.open + excluded.open,
			succeeded = balances.succeeded + excluded.succeeded, failed = balances.failed + excluded.failed, canceled = balances.canceled + excluded.canceled`)
	return err
}
