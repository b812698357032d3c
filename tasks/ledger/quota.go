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
		if c.spent(tasks.Interactive, false) { // it was admitted: no reserve counts
			return &tasks.Error{
				Code: tasks.DailyLimit, Op: "count call", Err: tasks.Textf("the account's calls of today are used up"),
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

// LearnQuota records what WeChat says of an account's calls. Of its limits and those of the settings the lower ones count.
// Calls of today that WeChat counted and the ledger did not are another system's: they count too. Where it counted fewer, as
// after clear_quota, there are as many more, less what may be on its way. A hold for a day's limit that is not reached ends.
func (l *Ledger) LearnQuota(ctx context.Context, a tasks.Account, q tasks.LearntQuota) error {
	defer l.limits.forget()
	return l.do(ctx, "learn quota", func(t *tx) error {
		_, err := t.Exec(`INSERT INTO paces (realm, appid, learnt, learnt_daily) VALUES (?, ?, ?, ?)
			ON CONFLICT (realm, appid) DO UPDATE SET learnt = excluded.learnt, learnt_daily = excluded.learnt_daily
			WHERE paces.learnt <> excluded.learnt OR paces.learnt_daily <> excluded.learnt_daily`, a.Realm, a.AppID, max(0, q.PerMinute), max(0, q.Daily))
		if err != nil || q.Daily <= 0 {
			return err
		}
		l.limits.forget()
		if err := t.countOthers(a, q); err != nil {
			return err
		}
		delete(t.counts, accountKey{a.Realm, a.AppID})
		return t.liftUnspent(a)
	})
}

// CallsToday returns what LearnQuota wants to know from before WeChat was asked.
func (l *Ledger) CallsToday(ctx context.Context, a tasks.Account) (m tasks.CallsMade, err error) {
	err = l.engine.Snapshot(ctx, "count calls", func(t *db.Tx) error {
		m.Day = schema.DayIn(t.Now, a.ResetZone)
		_, err := t.Row(`SELECT COALESCE(sum(calls), 0), (SELECT count(*) FROM runs r JOIN accounts a ON a.name = r.account
				WHERE a.realm = ? AND a.appid = ? AND r.token IS NOT NULL)
			FROM quota WHERE realm = ? AND appid = ? AND day = ?`, db.Args{a.Realm, a.AppID, a.Realm, a.AppID, m.Day}, &m.Calls, &m.UnderWay)
		return err
	})
	return m, err
}

// countOthers records the calls of today that are not ours.
func (t *tx) countOthers(a tasks.Account, q tasks.LearntQuota) error {
	c, err := t.countOf(a.Realm, a.AppID)
	if err != nil || c.day != q.Before.Day {
		return err
	}
	others := q.Used - q.Before.Calls
	if others < 0 {
		others = min(0, others+q.Before.UnderWay)
	}
	if others == c.others {
		return nil
	}
	_, err = t.Exec(`INSERT INTO quota (realm, appid, day, calls, others) VALUES (?, ?, ?, 0, ?)
		ON CONFLICT (realm, appid, day) DO UPDATE SET others = excluded.others`, a.Realm, a.AppID, c.day, others)
	return err
}

// liftUnspent ends a hold that the ledger itself made for the day's limit, if calls are left.
func (t *tx) liftUnspent(a tasks.Account) error {
	h, err := t.findHold(a.Realm, a.AppID)
	if err != nil || h == nil || h.Code != tasks.DailyLimit || h.Errcode != 0 || !h.InForce(t.Now) {
		return err
	}
	c, err := t.countOf(a.Realm, a.AppID)
	if err != nil || c.spent(tasks.Bulk, false) {
		return err
	}
	_, err = t.lift(a.Realm, a.AppID, tasks.DailyLimit)
	return err
}

// doubt undoes what exhaust noted, if nobody has asked WeChat since.
func (t *tx) doubt(realm, appid string) error {
	h, err := t.findHold(realm, appid)
	if err != nil || h == nil || h.Code != tasks.DailyLimit || h.Errcode == 0 {
		return err
	}
	c, err := t.countOf(realm, appid)
	if err != nil || c.others <= 0 || !c.spent(tasks.Interactive, false) {
		return err
	}
	_, err = t.Exec("UPDATE quota SET others = 0 WHERE realm = ? AND appid = ? AND day = ?", realm, appid, c.day)
	return err
}

// exhaust notes that WeChat counts the day's calls as used up, though the ledger counts fewer: others made the rest.
func (t *tx) exhaust(realm, appid string) error {
	c, err := t.countOf(realm, appid)
	if err != nil {
		return err
	}
	left, limited := c.left()
	if !limited || left <= 0 {
		return nil
	}
	_, err = t.Exec(`INSERT INTO quota (realm, appid, day, calls, others) VALUES (?, ?, ?, 0, ?)
		ON CONFLICT (realm, appid, day) DO UPDATE SET others = excluded.others`, realm, appid, c.day, c.others+left)
	delete(t.counts, accountKey{realm, appid})
	return err
}

// accountKey is the key under which calls are counted. All accounts with one appid share it.
type accountKey struct{ realm, appid string }

// callCount counts the calls that an account has left, and those that a transaction takes.
type callCount struct {
	limit
	day    int64
	calls  int // of today, those of this transaction included
	others int // of today, that other systems made
	taken  int // by this transaction
	pace   pace

	renewals int // calls that renewals need today
}

// most returns the number of calls that this fleet may make today, and whether there is a limit.
func (c *callCount) most() (int, bool) {
	return schema.CallsADay(c.daily, c.learnt, c.others)
}

// left returns the number of calls that are left today, and whether there is a limit.
func (c *callCount) left() (int, bool) {
	most, limited := c.most()
	return max(0, most-c.calls), limited
}

// spent reports whether no call is left today for an upload of a priority, or for one that renews a media.
func (c *callCount) spent(p tasks.Priority, renewal bool) bool {
	left, limited := c.left()
	return limited && left <= c.keptFrom(p, renewal)
}

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
	if c.limit.day() > 0 || c.rate > 0 {
		_, err = t.Row(`SELECT COALESCE(sum(calls), 0), COALESCE(sum(others), 0), COALESCE(max(tat), 0) FROM (
			SELECT calls, others, 0 AS tat FROM quota WHERE realm = ? AND appid = ? AND day = ? UNION ALL
			SELECT 0, 0, tat FROM paces WHERE realm = ? AND appid = ?) x`,
			db.Args{realm, appid, c.day, realm, appid}, &c.calls, &c.others, &c.pace.read)
	}
	if err == nil && c.limit.day() > 0 {
		c.renewals, err = t.renewalsToday(k, c, false)
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
			most, limited := c.most()
			n, err := t.Exec(`INSERT INTO quota (realm, appid, day, calls) VALUES (?, ?, ?, ?)
				ON CONFLICT (realm, appid, day) DO UPDATE SET calls = quota.calls + excluded.calls WHERE quota.calls + excluded.calls <= ? OR ? = 0`,
				k.realm, k.appid, c.day, c.taken, most, db.Flag(limited))
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
