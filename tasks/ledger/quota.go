package ledger

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Spend counts one more call of an upload that was admitted, as after a token was renewed. If the account's limit is
// reached, it counts nothing and returns DailyLimit with the time until the next day.
func (l *Ledger) Spend(ctx context.Context, a tasks.Account) error {
	return l.do(ctx, "count call", func(t *tx) error {
		c, err := t.countOf(a.Realm, a.AppID)
		if err != nil {
			return err
		}
		if c.daySpent() {
			return &tasks.Error{
				Code: tasks.DailyLimit, Op: "count call", Err: errors.New("the account's calls of today are used up"),
				RetryAfter: c.dayEnd(t.Now).Sub(db.Time(t.Now)),
			}
		}
		if c.rate > 0 {
			c.pace.next(t.Now, c.rate) // the calls after it come later
		}
		c.calls++
		c.taken++
		return nil
	})
}

// Refund gives back a call of today that was counted and not made.
func (l *Ledger) Refund(ctx context.Context, a tasks.Account) error {
	return l.do(ctx, "give call back", func(t *tx) error {
		c, err := t.countOf(a.Realm, a.AppID)
		if err != nil {
			return err
		}
		_, err = t.Exec("UPDATE quota SET calls = calls - 1 WHERE realm = ? AND appid = ? AND day = ? AND calls > 0", a.Realm, a.AppID, c.day)
		return err
	})
}

// LearnRate records the number of calls a minute that WeChat allows an account. The lower of this and the settings counts.
// 0 means that WeChat does not say.
func (l *Ledger) LearnRate(ctx context.Context, a tasks.Account, perMinute int) error {
	defer l.limits.forget()
	return l.do(ctx, "learn rate", func(t *tx) error {
		_, err := t.Exec(`INSERT INTO paces (realm, appid, learnt) VALUES (?, ?, ?)
			ON CONFLICT (realm, appid) DO UPDATE SET learnt = excluded.learnt WHERE paces.learnt <> excluded.learnt`, a.Realm, a.AppID, max(0, perMinute))
		return err
	})
}

// accountKey is the key under which calls are counted. All accounts with one appid share it.
type accountKey struct{ realm, appid string }

// callCount counts the calls that an account has left, and those that a transaction takes.
type callCount struct {
	limit
	day   int64
	calls int // of today, those of this transaction included
	taken int // by this transaction
	pace  pace
}

func (c *callCount) daySpent() bool { return c.daily > 0 && c.calls >= c.daily }

func (c *callCount) dayEnd(now int64) time.Time { return tasks.DayEnd(db.Time(now), c.zone) }

// countOf reads the calls that an account has left, once in a transaction. The calls that the transaction takes are written
// at its end, since all workers of an account share the rows.
func (t *tx) countOf(realm, appid string) (*callCount, error) {
	k := accountKey{realm, appid}
	if c := t.counts[k]; c != nil {
		return c, nil
	}
	limit, err := t.limitOf(k)
	if err != nil {
		return nil, err
	}
	c := &callCount{limit: limit, day: schema.DayIn(t.Now, limit.zone)}
	if c.daily > 0 || c.rate > 0 {
		_, err = t.Row(`SELECT COALESCE(max(calls), 0), COALESCE(max(tat), 0) FROM (
			SELECT calls, 0 AS tat FROM quota WHERE realm = ? AND appid = ? AND day = ? UNION ALL SELECT 0, tat FROM paces WHERE realm = ? AND appid = ?) x`,
			db.Args{realm, appid, c.day, realm, appid}, &c.calls, &c.pace.read)
	}
	c.pace.tat = c.pace.read
	if t.counts == nil {
		t.counts = map[accountKey]*callCount{}
	}
	t.counts[k] = c
	return c, err
}

// errSpentMeanwhile undoes the transaction. When it runs again, it reads the counts again.
var errSpentMeanwhile = errors.New("calls were spent meanwhile")

// settleCounts writes the calls that were taken. It writes nothing, and returns errSpentMeanwhile, if another transaction
// has taken calls since and a decision of this one would differ.
func (t *tx) settleCounts() error {
	keys := slices.SortedFunc(maps.Keys(t.counts), func(a, b accountKey) int {
		return cmp.Or(cmp.Compare(a.realm, b.realm), cmp.Compare(a.appid, b.appid))
	})
	for _, k := range keys {
		c := t.counts[k]
		if c.taken > 0 {
			n, err := t.Exec(`INSERT INTO quota (realm, appid, day, calls) VALUES (?, ?, ?, ?)
				ON CONFLICT (realm, appid, day) DO UPDATE SET calls = quota.calls + excluded.calls WHERE quota.calls + excluded.calls <= ? OR ? = 0`,
				k.realm, k.appid, c.day, c.taken, c.daily, c.daily)
			if err == nil && n == 0 {
				err = errSpentMeanwhile
			}
			if err != nil {
				return err
			}
		}
		if c.pace.tat != c.pace.read {
			n, err := t.Exec(`INSERT INTO paces (realm, appid, tat) VALUES (?, ?, ?)
				ON CONFLICT (realm, appid) DO UPDATE SET tat = excluded.tat WHERE paces.tat = ?`, k.realm, k.appid, c.pace.tat, c.pace.read)
			if err == nil && n == 0 {
				err = errSpentMeanwhile
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
