package ledger

import (
	"context"
	"database/sql"

	"github.com/mediaferry/mediaferry/tasks"
)

// Accounts lists the registered accounts with their holds, today's calls and their open uploads, by name.
func (l *Ledger) Accounts(ctx context.Context) ([]tasks.AccountStatus, error) {
	var as []tasks.AccountStatus
	err := l.view(ctx, "list accounts", func(t *tx) error {
		open, err := t.open()
		if err == nil {
			as, err = t.accounts(open)
		}
		return err
	})
	return as, err
}

// Status counts what there is, as people see it: what is queued for a held account waits.
func (l *Ledger) Status(ctx context.Context) (tasks.Status, error) {
	var st tasks.Status
	err := l.view(ctx, "read status", func(t *tx) error {
		st = tasks.Status{Counts: map[tasks.State]int{}}
		for _, s := range tasks.States {
			st.Counts[s] = 0
		}
		open, err := t.open()
		if err != nil {
			return err
		}
		if st.Accounts, err = t.accounts(open); err != nil {
			return err
		}
		if err := t.countOpen(&st, open); err != nil {
			return err
		}
		return t.countRest(&st)
	})
	return st, err
}

// openKey is where an open upload is.
type openKey struct {
	account string
	phase   phase
}

// open counts the open uploads from the indexes that hold nothing else.
func (t *tx) open() (map[openKey]int, error) {
	n := map[openKey]int{}
	count := func(s scanner) error {
		var k openKey
		var m int
		err := s.Scan(&k.phase, &k.account, &m)
		n[k] = m
		return err
	}
	err := t.each("SELECT 0, account, count(*) FROM uploads WHERE phase = 0 GROUP BY account", nil, count)
	if err != nil {
		return nil, err
	}
	return n, t.each("SELECT phase, account, count(*) FROM uploads WHERE phase IN (1, 2, 3) AND due_at IS NOT NULL GROUP BY phase, account", nil, count)
}

func (t *tx) accounts(open map[openKey]int) ([]tasks.AccountStatus, error) {
	held, err := t.holds()
	if err != nil {
		return nil, err
	}
	var as []tasks.AccountStatus
	err = t.each(`SELECT a.name, a.realm, a.appid, a.daily_limit, COALESCE(q.calls, 0) FROM accounts a
		LEFT JOIN quota q ON q.realm = a.realm AND q.appid = a.appid AND q.day = ? ORDER BY a.name`, args{dayOf(t.now)}, func(s scanner) error {
		var a tasks.AccountStatus
		if err := s.Scan(&a.Name, &a.Realm, &a.AppID, &a.DailyLimit, &a.CallsToday); err != nil {
			return err
		}
		if h := held[a.Name]; h != nil {
			shown := h.Hold
			if !h.inForce(t.now) {
				shown.Ramp = h.room()
			}
			a.Hold = &shown
		}
		for p := ready; p < succeeded; p++ {
			a.Open += open[openKey{a.Name, p}]
		}
		as = append(as, a)
		return nil
	})
	return as, err
}

func (t *tx) countOpen(st *tasks.Status, open map[openKey]int) error {
	held, err := t.holds()
	if err != nil {
		return err
	}
	for k, n := range open {
		s := k.phase.state()
		if s == tasks.Queued && held[k.account].inForce(t.now) {
			s = tasks.Waiting
		}
		st.Counts[s] += n
		if k.phase == dispatched {
			st.Dispatched += n
		}
	}
	return nil
}

// countRest counts what is final, and finds the oldest that is not.
func (t *tx) countRest(st *tasks.Status) error {
	var total int
	if _, err := t.row("SELECT count(*) FROM uploads", nil, &total); err != nil {
		return err
	}
	err := t.each("SELECT phase, count(*) FROM uploads WHERE phase >= 5 GROUP BY phase", nil, func(s scanner) error {
		var p phase
		var n int
		err := s.Scan(&p, &n)
		st.Counts[p.state()] = n
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
	_, err = t.row(`SELECT submitted_at FROM uploads WHERE seq = (SELECT min(s) FROM (
		SELECT min(seq + 0) AS s FROM uploads WHERE phase = 0 UNION ALL SELECT min(seq + 0) FROM uploads WHERE due_at IS NOT NULL) x)`, nil, &oldest)
	if err != nil {
		return err
	}
	st.OldestOpen = timeOrZero(oldest)
	_, err = t.row("SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL", nil, &st.Deliveries)
	return err
}
