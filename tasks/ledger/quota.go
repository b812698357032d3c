package ledger

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Spend counts one more call of an account today. It returns DailyLimit, with the time until the next day begins,
// where the limit is reached; then nothing is counted.
func (l *Ledger) Spend(ctx context.Context, a tasks.Account) error {
	return l.do(ctx, "count call", func(t *tx) error {
		ok, err := t.spend(a)
		if err != nil || ok {
			return err
		}
		return &tasks.Error{
			Code: tasks.DailyLimit, Op: "count call", Err: errors.New("the account's calls of today are used up"),
			RetryAfter: tasks.DayEnd(db.Time(t.Now), a.ResetZone).Sub(db.Time(t.Now)),
		}
	})
}

// Refund takes back one call of today that was counted but not made.
func (l *Ledger) Refund(ctx context.Context, a tasks.Account) error {
	return l.do(ctx, "give call back", func(t *tx) error {
		_, err := t.Exec("UPDATE quota SET calls = calls - 1 WHERE realm = ? AND appid = ? AND day = ? AND calls > 0",
			a.Realm, a.AppID, schema.DayIn(t.Now, a.ResetZone))
		return err
	})
}

// quotaKey names whose calls are counted, and on which day.
type quotaKey struct {
	realm, appid string
	day          int64
}

// spending is what a transaction takes from one account's calls of today.
type spending struct {
	calls int // that were counted when it was read, by other transactions
	n     int
	limit int // 0: none
}

// spend takes one call from the account's count of today, and reports whether there was one left. Without a limit
// there always is. The count is written at the end of the transaction: all workers of an account share its row.
func (t *tx) spend(a tasks.Account) (bool, error) {
	k := quotaKey{a.Realm, a.AppID, schema.DayIn(t.Now, a.ResetZone)}
	s := t.spent[k]
	if s == nil {
		s = new(spending)
		if _, err := t.Row("SELECT calls FROM quota WHERE realm = ? AND appid = ? AND day = ?", db.Args{k.realm, k.appid, k.day}, &s.calls); err != nil {
			return false, err
		}
		if t.spent == nil {
			t.spent = map[quotaKey]*spending{}
		}
		t.spent[k] = s
	}
	if a.DailyLimit > 0 && s.calls+s.n >= a.DailyLimit {
		return false, nil
	}
	s.n++
	s.limit = a.DailyLimit
	return true, nil
}

// errSpentMeanwhile undoes the transaction, so that the count is read anew when it is run again.
var errSpentMeanwhile = errors.New("the calls of today were spent meanwhile")

// settleQuotas counts the calls that were taken, or none of them where others have reached the limit since.
func (t *tx) settleQuotas() error {
	keys := slices.SortedFunc(maps.Keys(t.spent), func(a, b quotaKey) int {
		return cmp.Or(cmp.Compare(a.realm, b.realm), cmp.Compare(a.appid, b.appid), cmp.Compare(a.day, b.day))
	})
	for _, k := range keys {
		s := t.spent[k]
		if s.n == 0 {
			continue
		}
		n, err := t.Exec(`INSERT INTO quota (realm, appid, day, calls) VALUES (?, ?, ?, ?)
			ON CONFLICT (realm, appid, day) DO UPDATE SET calls = quota.calls + excluded.calls WHERE quota.calls + excluded.calls <= ? OR ? = 0`,
			k.realm, k.appid, k.day, s.n, s.limit, s.limit)
		if err != nil {
			return err
		}
		if n == 0 {
			return errSpentMeanwhile
		}
	}
	return nil
}
