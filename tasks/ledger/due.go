package ledger

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Mature makes waiting uploads ready whose time has come, and fails queued and waiting uploads whose deadline has passed.
// It does at most limit of each, and returns the number of both: call it again while that is limit or more.
func (l *Ledger) Mature(ctx context.Context, limit int) (int, error) {
	var count int
	err := l.do(ctx, "mature uploads", func(t *tx) error {
		late, err := t.pastDeadline(limit)
		if err != nil {
			return err
		}
		if err := t.conclude(late...); err != nil {
			return err
		}
		n, err := t.Exec(`UPDATE uploads SET phase = 0, due_at = NULL, twin_of = NULL, code = NULL, errcode = 0, rid = NULL, reason = NULL, hint = NULL, reason_values = NULL
			WHERE seq IN (SELECT seq FROM uploads WHERE phase = 3 AND due_at <= ? ORDER BY due_at LIMIT ?`+t.Dialect.SkipLocked+`)`, t.Now, limit)
		count = len(late) + int(n)
		return err
	})
	return count, err
}

// pastDeadline returns the endings of uploads that are not running and whose deadline has passed.
func (t *tx) pastDeadline(limit int) ([]*ending, error) {
	rs, err := t.findAll("u.expires_by <= ? AND "+schema.BeforeStep(tasks.StepDeadline)+" AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.upload = u.seq AND r.token IS NOT NULL) ORDER BY u.expires_by LIMIT ?",
		t.Now, limit)
	var late []*ending
	for _, r := range rs {
		if r.phase != schema.Running { // claimed since
			late = append(late, &ending{row: r, state: tasks.Failed, cause: &tasks.Error{Code: tasks.Deadline}})
		}
	}
	return late, err
}

// TakeOver makes running uploads ready again whose lease ran out more than grace ago, and counts the lost lease. Uploads
// that somebody asked to cancel end canceled. An upload that lost its worker three times while it ran alone fails with
// code poison. TakeOver does at most limit, and returns the number.
func (l *Ledger) TakeOver(ctx context.Context, grace time.Duration, limit int) (int, error) {
	var count int
	err := l.do(ctx, "take over uploads", func(t *tx) (err error) {
		before := t.Now - grace.Microseconds()
		count, err = t.takeOverAll(func(r *row) bool { return r.lease.Int64 < before },
			"SELECT upload FROM runs WHERE token IS NOT NULL AND lease_until < ? ORDER BY lease_until, upload LIMIT ?", before, limit)
		return err
	})
	return count, err
}

// Abandon is TakeOver for everything that a dead worker has claimed, before its leases run out. The caller must know that
// the worker is dead. Abandon also ends what the worker led, and its hold on actions. It returns the number of uploads.
func (l *Ledger) Abandon(ctx context.Context, worker string) (int, error) {
	var count int
	err := l.do(ctx, "take over from "+worker, func(t *tx) (err error) {
		count, err = t.takeOverAll(func(*row) bool { return true },
			"SELECT upload FROM runs WHERE token IS NOT NULL AND worker = ? ORDER BY lease_until, upload", clean(worker))
		if err != nil {
			return err
		}
		if err := t.forgetProcess(worker); err != nil {
			return err
		}
		if _, err = t.Exec("DELETE FROM leads WHERE holder = ?", worker); err != nil {
			return err
		}
		_, err = t.Exec("UPDATE actions SET lease_until = ? WHERE ended_at IS NULL AND holder = ?", t.Now, worker)
		return err
	})
	return count, err
}

// takeOverAll takes over the runs that a query finds, if they are still lost once they are locked.
func (t *tx) takeOverAll(lost func(*row) bool, query string, a ...any) (int, error) {
	var seqs []int64
	if err := t.Each(query, a, appendSeq(&seqs)); err != nil || len(seqs) == 0 {
		return 0, err
	}
	count := 0
	for _, seq := range seqs {
		rs, err := t.findAll("u.seq = ?", seq)
		if err != nil {
			return 0, err
		}
		for _, r := range rs {
			if r.phase != schema.Running || !lost(r) {
				continue
			}
			if err := t.takeOver(r); err != nil {
				return 0, err
			}
			count++
		}
	}
	return count, nil
}

func (t *tx) takeOver(r *row) error {
	if r.alone {
		r.crashes++
	} else {
		r.lost++
	}
	if _, err := t.Exec("UPDATE uploads SET lost_leases = ?, crashes = ? WHERE seq = ?", r.lost, r.crashes, r.seq); err != nil {
		return err
	}
	switch {
	case r.cancel:
		return t.conclude(&ending{row: r, state: tasks.Canceled})
	case r.crashes >= crashesAllowed:
		return t.conclude(&ending{row: r, state: tasks.Failed, cause: &tasks.Error{Code: tasks.Poison}})
	}
	return t.requeue(r)
}
