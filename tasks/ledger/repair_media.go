package ledger

import (
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/check"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// freeMedia releases the content of an upload that is no longer under way, and wakes the uploads that wait for it.
func (t *tx) freeMedia(holder int64) error {
	return t.release(&row{seq: holder, phase: schema.Running})
}

func (t *tx) forgetLongMedia(int64) error {
	_, err := t.Exec("UPDATE media SET media_id = NULL, issued_at = NULL, expires_at = NULL WHERE "+check.MediaTooLong, check.MediaLife.Microseconds())
	return err
}

// renewAgain makes a media due whose renewal is not under way.
func (t *tx) renewAgain(kept int64) error {
	_, err := t.Exec("UPDATE kept SET renewal = NULL, tried = '', due_at = ? WHERE seq = ?", t.Now, kept)
	return err
}

// addKeeper keeps the media of an upload alive again, unless its time is over.
func (t *tx) addKeeper(upload int64) error {
	var until int64
	var producer string
	if _, err := t.Row("SELECT keep_fresh_until, producer FROM uploads WHERE seq = ?", db.Args{upload}, &until, &producer); err != nil {
		return err
	}
	if until <= t.Now {
		_, err := t.Exec("UPDATE uploads SET keep_fresh_until = NULL WHERE seq = ?", upload)
		return err
	}
	key, m, err := t.mediaOf(upload)
	if err != nil || key == (tasks.MediaKey{}) {
		return err
	}
	return t.keepAlive(upload, producer, until, key, m)
}

func (t *tx) dropKeeper(upload int64) error { return t.endKeepers("upload = ?", upload) }

func (t *tx) zeroQuota(int64) error {
	_, err := t.Exec("UPDATE quota SET calls = 0 WHERE calls < 0")
	return err
}

func (t *tx) zeroBudgets(int64) error {
	_, err := t.Exec("UPDATE budgets SET uploads = 0 WHERE uploads < 0")
	return err
}
