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
		ok, err := t.spend(a.Realm, a.AppID, a.DailyLimit)
		if err != nil || ok {
			return err
		}
		return &tasks.Error{
			Code: tasks.DailyLimit, Op: "count call", Err: errors.New("the account's calls of today are used up"),
			RetryAfter: schema.DayEnd(t.Now).Sub(db.Time(t.Now)),
		}
	})
}

// Refund takes back one call of today that was counted but not made.
func (l *Ledger) Refund(ctx context.Context, a tasks.Account) error {
	return l.do(ctx, "give call back", func(t *tx) error {
		_, err := t.Exec("UPDATE quota SET calls = calls - 1 WHERE realm = ? AND appid = ? AND day = ? AND calls > 0",
			a.Realm, a.AppID, schema.DayOf(t.Now))
		return err
	})
}

// quotaKey names whose calls are counted.
type quotaKey struct{ realm, appid string }

// spending is what a transaction takes from one account's calls of today.
type spending struct {
	calls int // that were counted when it was read, by other transactions
	n     int
	limit int // 0: none
}

// spend takes one call from today's count, and reports whether there was one left. limit 0: there always is.
// The count is written at the end of the transaction: all workers of an account share its row.
func (t *tx) spend(realm, appid string, limit int) (bool, error) {
	k := quotaKey{realm, appid}
	s := t.spent[k]
	if s == nil {
		s = new(spending)
		if _, err := t.Row("SELECT calls FROM quota WHERE realm = ? AND appid = ? AND day = ?", db.Args{realm, appid, schema.DayOf(t.Now)}, &s.calls); err != nil {
			return false, err
		}
		if t.spent == nil {
			t.spent = map[quotaKey]*spending{}
		}
		t.spent[k] = s
	}
	if limit > 0 && s.calls+s.n >= limit {
		return false, nil
	}
	s.n++
	s.limit = limit
	return true, nil
}

// errSpentMeanwhile undoes the transaction, so that the count is read anew when it is run again.
var errSpentMeanwhile = errors.New("the calls of today were spent meanwhile")

// settleQuotas counts the calls that were taken, or none of them where others have reached the limit since.
func (t *tx) settleQuotas() error {
	keys := slices.SortedFunc(maps.Keys(t.spent), func(a, b quotaKey) int {
		return cmp.Or(cmp.Compare(a.realm, b.realm), cmp.Compare(a.appid, b.appid))
	})
	for _, k := range keys {
		s := t.spent[k]
		if s.n == 0 {
			continue
		}
		n, err := t.Exec(`INSERT INTO quota (realm, appid, day, calls) VALUES (?, ?, ?, ?)
			ON CONFLICT (realm, appid, day) DO UPDATE SET calls = quota.calls + excluded.calls WHERE quota.calls + excluded.calls <= ? OR ? = 0`,
			k.realm, k.appid, schema.DayOf(t.Now), s.n, s.limit, s.limit)
		if err != nil {
			return err
		}
		if n == 0 {
			return errSpentMeanwhile
		}
	}
	return nil
}
