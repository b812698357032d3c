package view

import (
	"context"
	"database/sql"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Accounts lists the registered accounts with their holds, today's calls and their open uploads, by name.
func (v *View) Accounts(ctx context.Context) ([]tasks.AccountStatus, error) {
	var as []tasks.AccountStatus
	err := v.lists.Snapshot(ctx, "list accounts", func(t *db.Tx) error {
		open, err := countOpen(t)
		if err != nil {
			return err
		}
		held, err := schema.Holds(t)
		if err != nil {
			return err
		}
		as, err = accounts(t, open, held)
		return err
	})
	return as, err
}

// Status counts what there is, as people see it: what is queued for a held account waits.
func (v *View) Status(ctx context.Context) (tasks.Status, error) {
	var st tasks.Status
	err := v.lists.Snapshot(ctx, "read status", func(t *db.Tx) error {
		st = tasks.Status{Counts: map[tasks.State]int{}}
		for _, s := range tasks.States {
			st.Counts[s] = 0
		}
		open, err := countOpen(t)
		if err != nil {
			return err
		}
		held, err := schema.Holds(t)
		if err != nil {
			return err
		}
		if st.Accounts, err = accounts(t, open, held); err != nil {
			return err
		}
		addOpen(&st, open, held, t.Now)
		return countRest(t, &st)
	})
	return st, err
}

// openKey is where an open upload is.
type openKey struct {
	account string
	phase   schema.Phase
}

// countOpen counts the open uploads from the indexes that hold nothing else.
func countOpen(t *db.Tx) (map[openKey]int, error) {
	n := map[openKey]int{}
	count := func(s db.Scanner) error {
		var k openKey
		var m int
		err := s.Scan(&k.phase, &k.account, &m)
		n[k] = m
		return err
	}
	err := t.Each("SELECT 0, account, count(*) FROM uploads WHERE phase = 0 GROUP BY account", nil, count)
	if err != nil {
		return nil, err
	}
	err = t.Each("SELECT CASE WHEN token IS NULL THEN 1 ELSE 2 END AS p, account, count(*) FROM runs GROUP BY p, account", nil, count)
	if err != nil {
		return nil, err
	}
	return n, t.Each("SELECT 3, account, count(*) FROM uploads WHERE phase = 3 GROUP BY account", nil, count)
}

func accounts(t *db.Tx, open map[openKey]int, held map[string]*schema.Hold) ([]tasks.AccountStatus, error) {
	var as []tasks.AccountStatus
	today := schema.DayIn(t.Now, time.UTC) // it is no more than a day away anywhere
	err := t.Each(`SELECT a.name, a.realm, a.appid, a.daily_limit, a.reset_zone, COALESCE(q.day, 0), COALESCE(q.calls, 0) FROM accounts a
		LEFT JOIN quota q ON q.realm = a.realm AND q.appid = a.appid AND q.day BETWEEN ? AND ? ORDER BY a.name`, db.Args{today - 1, today + 1}, func(s db.Scanner) error {
		var a tasks.AccountStatus
		var zone string
		var day int64
		if err := s.Scan(&a.Name, &a.Realm, &a.AppID, &a.DailyLimit, &zone, &day, &a.CallsToday); err != nil {
			return err
		}
		if day != schema.DayIn(t.Now, schema.ZoneNamed(zone)) {
			a.CallsToday = 0
		}
		if last := len(as) - 1; last >= 0 && as[last].Name == a.Name {
			as[last].CallsToday += a.CallsToday
			return nil
		}
		if h := held[a.Name]; h != nil {
			shown := h.Hold
			if !h.InForce(t.Now) {
				shown.Ramp = h.Room()
			}
			a.Hold = &shown
		}
		for p := schema.Ready; p < schema.Succeeded; p++ {
			a.Open += open[openKey{a.Name, p}]
		}
		as = append(as, a)
		return nil
	})
	return as, err
}

func addOpen(st *tasks.Status, open map[openKey]int, held map[string]*schema.Hold, now int64) {
	for k, n := range open {
		s := k.phase.State()
		if s == tasks.Queued && held[k.account].InForce(now) {
			s = tasks.Waiting
		}
		st.Counts[s] += n
		if k.phase == schema.Dispatched {
			st.Dispatched += n
		}
	}
}

// countRest counts what is final, and finds the oldest that is not.
func countRest(t *db.Tx, st *tasks.Status) error {
	var total int
	if _, err := t.Row("SELECT count(*) FROM uploads", nil, &total); err != nil {
		return err
	}
	err := t.Each("SELECT phase, count(*) FROM uploads WHERE phase >= 5 GROUP BY phase", nil, func(s db.Scanner) error {
		var p schema.Phase
		var n int
		err := s.Scan(&p, &n)
		st.Counts[p.State()] = n
		return err
	})
	if err != nil {
		return err
	}
	for _, n := range st.Counts {
		total -= n
	}
	st.Counts[tasks.Succeeded] = total
	var oldest sql.NullInt64
	_, err = t.Row(`SELECT submitted_at FROM uploads WHERE seq = (SELECT min(s) FROM (
		SELECT min(seq + 0) AS s FROM uploads WHERE phase = 0 UNION ALL SELECT min(upload) FROM runs UNION ALL
		SELECT min(seq + 0) FROM uploads WHERE phase = 3) x)`, nil, &oldest)
	if err != nil {
		return err
	}
	st.OldestOpen = db.TimeOrZero(oldest)
	_, err = t.Row("SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL", nil, &st.Deliveries)
	return err
}
