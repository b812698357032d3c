package view

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Accounts lists the registered accounts with their holds, today's calls and their open uploads, by name.
func (v *View) Accounts(ctx context.Context) ([]tasks.AccountStatus, error) {
	var as []tasks.AccountStatus
	err := v.lists.Snapshot(ctx, "list accounts", func(t *db.Tx) error {
		balances, err := schema.Balances(t)
		if err != nil {
			return err
		}
		held, err := schema.Holds(t)
		if err != nil {
			return err
		}
		as, err = accounts(t, balances, held)
		return err
	})
	return as, err
}

// Status summarizes the ledger as people see it: queued uploads of a held account count as waiting.
func (v *View) Status(ctx context.Context) (tasks.Status, error) {
	var st tasks.Status
	err := v.lists.Snapshot(ctx, "read status", func(t *db.Tx) error {
		_, err := readStatus(t, &st)
		return err
	})
	return st, err
}

// statusParts are what a status was made of.
type statusParts struct {
	open map[openKey]int
	held map[string]*schema.Hold
}

func readStatus(t *db.Tx, st *tasks.Status) (p statusParts, err error) {
	*st = tasks.Status{Counts: map[tasks.State]int{}}
	for _, s := range tasks.States {
		st.Counts[s] = 0
	}
	balances, err := schema.Balances(t)
	if err != nil {
		return p, err
	}
	if p.open, err = countOpen(t, balances); err != nil {
		return p, err
	}
	if p.held, err = schema.Holds(t); err != nil {
		return p, err
	}
	if st.Accounts, err = accounts(t, balances, p.held); err != nil {
		return p, err
	}
	c := total(balances)
	st.Conservation = c
	st.Counts[tasks.Succeeded], st.Counts[tasks.Failed], st.Counts[tasks.Canceled] = c.Succeeded, c.Failed, c.Canceled
	addOpen(st, p.open, p.held, t.Now)
	if st.Unserved, err = unserved(t, p.open); err != nil {
		return p, err
	}
	return p, countRest(t, st)
}

// openKey is a group of open uploads.
type openKey struct {
	account string
	phase   schema.Phase
}

// notRenewal is the condition that an open upload was asked for by somebody. It is looked up in an index of the few that were
// not, so that the many others are counted in theirs.
const notRenewal = "seq NOT IN (SELECT seq FROM uploads WHERE renews IS NOT NULL AND phase < 4)"

// countOpen tells where the open uploads are. What is neither under way nor waits is ready: those may be a million, and
// are not looked at.
func countOpen(t *db.Tx, balances map[string]tasks.Conservation) (map[openKey]int, error) {
	n, ready := map[openKey]int{}, map[string]int{}
	count := func(s db.Scanner) error {
		var k openKey
		var m int
		err := s.Scan(&k.phase, &k.account, &m)
		n[k] = m
		ready[k.account] -= m
		return err
	}
	err := t.Each("SELECT CASE WHEN token IS NULL THEN 1 ELSE 2 END AS p, account, count(*) FROM runs WHERE renewal = 0 GROUP BY p, account", nil, count)
	if err != nil {
		return nil, err
	}
	err = t.Each("SELECT 3, account, count(*) FROM uploads WHERE phase = 3 AND "+notRenewal+" GROUP BY account", nil, count)
	for account, c := range balances {
		n[openKey{account, schema.Ready}] = max(0, c.Open+ready[account])
	}
	return n, err
}

func accounts(t *db.Tx, balances map[string]tasks.Conservation, held map[string]*schema.Hold) ([]tasks.AccountStatus, error) {
	done, err := doneAMinute(t)
	if err != nil {
		return nil, err
	}
	all, err := daysOf(t)
	if err != nil {
		return nil, err
	}
	as := make([]tasks.AccountStatus, len(all))
	for i, d := range all {
		a := &as[i]
		*a = d.AccountStatus
		h := held[a.Name]
		if h != nil {
			shown := h.Hold
			if !h.InForce(t.Now) {
				shown.Ramp = h.Room()
			}
			a.Hold = &shown
		}
		a.Prospect = d.prospect(t.Now, h, done[a.Name])
		if a.Open = balances[a.Name].Open; a.Open > 0 {
			plan := a.Prospect.Plan(a.Open)
			a.Plan = &plan
		}
	}
	return as, nil
}

// unserved lists the accounts with open uploads that no living worker knows, by name. Where none lives there are none.
func unserved(t *db.Tx, open map[openKey]int) ([]tasks.Unserved, error) {
	ps, err := schema.Processes(t)
	if err != nil {
		return nil, err
	}
	served, working := tasks.Served(ps)
	if !working {
		return nil, nil
	}
	waiting := map[string]int{}
	for k, n := range open {
		if !served[k.account] {
			waiting[k.account] += n
		}
	}
	var us []tasks.Unserved
	for _, name := range slices.Sorted(maps.Keys(waiting)) {
		us = append(us, tasks.Unserved{Account: name, Open: waiting[name]})
	}
	return us, nil
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

// countRest finds the oldest open upload, and counts the pending deliveries.
func countRest(t *db.Tx, st *tasks.Status) error {
	var oldest sql.NullInt64
	_, err := t.Row(`SELECT submitted_at FROM uploads WHERE seq = (SELECT min(s) FROM (
		SELECT min(seq + 0) AS s FROM uploads WHERE phase = 0 AND `+notRenewal+` UNION ALL SELECT min(upload) FROM runs WHERE renewal = 0 UNION ALL
		SELECT min(seq + 0) FROM uploads WHERE phase = 3 AND `+notRenewal+`) x)`, nil, &oldest)
	if err != nil {
		return err
	}
	st.OldestOpen = db.TimeOrZero(oldest)
	_, err = t.Row("SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL", nil, &st.Deliveries)
	return err
}
