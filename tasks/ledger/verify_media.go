package ledger

import "time"

// mediaLife is how long WeChat keeps a temporary media: three days by its document.
const mediaLife = 72 * time.Hour

const mediaTooLong = "media_id IS NOT NULL AND (issued_at IS NULL OR expires_at IS NULL OR expires_at > issued_at + ?)"

func mediaChecks() []check {
	life := func(*tx) args { return args{mediaLife.Microseconds()} }
	return []check{
		{
			name: "media-held-by-nobody", what: "a content is reserved for an upload that does not run", key: "m.holder", mend: (*tx).freeMedia,
			query: `SELECT m.holder, (SELECT u.id FROM uploads u WHERE u.seq = m.holder), NULL, m.type || ' of ' || m.appid FROM media m
				WHERE m.holder IS NOT NULL AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.seq = m.holder AND u.phase = 2)`,
		},
		{
			name: "media-past-its-life", what: "a media would be reused longer than WeChat keeps it", key: "0", args: life, mend: (*tx).forgetLongMedia,
			query: "SELECT 0, NULL, NULL, media_id FROM media WHERE " + mediaTooLong,
		},
		{
			name: "quota-negative", what: "an account has made less than no calls", key: "0", mend: (*tx).zeroQuota,
			query: "SELECT 0, NULL, NULL, appid FROM quota WHERE calls < 0",
		},
		{
			name: "budget-negative", what: "a producer has submitted less than nothing", key: "0", mend: (*tx).zeroBudgets,
			query: "SELECT 0, NULL, NULL, producer FROM budgets WHERE uploads < 0",
		},
	}
}

// freeMedia lets go what an upload does not hold any more, and wakes those that wait for it.
func (t *tx) freeMedia(holder int64) error {
	return t.release(&row{seq: holder, phase: running})
}

func (t *tx) forgetLongMedia(int64) error {
	_, err := t.exec("UPDATE media SET media_id = NULL, issued_at = NULL, expires_at = NULL WHERE "+mediaTooLong, mediaLife.Microseconds())
	return err
}

func (t *tx) zeroQuota(int64) error {
	_, err := t.exec("UPDATE quota SET calls = 0 WHERE calls < 0")
	return err
}

func (t *tx) zeroBudgets(int64) error {
	_, err := t.exec("UPDATE budgets SET uploads = 0 WHERE uploads < 0")
	return err
}
