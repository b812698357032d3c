package schema

import "github.com/mediaferry/mediaferry/tasks/ledger/internal/db"

// RenewalsBefore counts the calls that an account's media need which are kept alive and due before a time: one each, less those
// that have been made. What could not be renewed, so that its keepers were told, needs none.
func RenewalsBefore(t *db.Tx, realm, appid string, end int64) (int, error) {
	var due, called int
	_, err := t.Row(`SELECT count(*), (SELECT count(*) FROM runs r JOIN accounts a ON a.name = r.account WHERE a.realm = ? AND a.appid = ? AND r.renewal = 1 AND r.called = 1)
		FROM kept WHERE realm = ? AND appid = ? AND due_at < ? AND (told = 0 OR renewal IS NOT NULL)`, db.Args{realm, appid, realm, appid, end}, &due, &called)
	return max(0, due-called), err
}
