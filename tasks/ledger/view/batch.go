package view

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Batch returns a batch as it is now, and NotFound if it does not exist.
func (v *View) Batch(ctx context.Context, id uuid.UUID) (tasks.Batch, error) {
	var b tasks.Batch
	err := v.lists.Snapshot(ctx, "look up batch", func(t *db.Tx) error {
		found := false
		err := t.Each("SELECT "+schema.BatchColumns+" FROM batches WHERE id = ?", db.Args{id[:]}, func(s db.Scanner) error {
			found = true
			return schema.ScanBatch(s, &b)
		})
		switch {
		case err == nil && !found:
			return schema.NoBatch("look up batch")
		case err != nil || b.Counts.Open == 0:
			return err
		}
		b.Plan, err = planBatch(t, b)
		return err
	})
	return b, err
}

// maxSharers is how many batches beside it a plan counts.
const maxSharers = 64

// planBatch says when a batch will be done. It goes by the account of its first upload, whose days the batches share evenly.
func planBatch(t *db.Tx, b tasks.Batch) (*tasks.Plan, error) {
	var account string
	found, err := t.Row("SELECT account FROM uploads WHERE batch = (SELECT seq FROM batches WHERE id = ?) LIMIT 1", db.Args{b.ID[:]}, &account)
	if err != nil || !found {
		return nil, err
	}
	days, err := daysOf(t)
	i := slices.IndexFunc(days, func(a accountDay) bool { return a.Name == account })
	if err != nil || i < 0 {
		return nil, err
	}
	balances, err := schema.Balances(t)
	if err != nil {
		return nil, err
	}
	held, err := schema.Holds(t)
	if err != nil {
		return nil, err
	}
	done, err := doneAMinute(t)
	if err != nil {
		return nil, err
	}
	sharers, err := sharersOf(t, account)
	if err != nil {
		return nil, err
	}
	plan := days[i].prospect(t.Now, held[account], done[account]).Plan(min(balances[account].Open, b.Counts.Open*max(1, sharers)))
	return &plan, nil
}

// sharersOf counts the batches that have bulk uploads of an account ready, those of each producer that came alone as one. It
// jumps from batch to batch.
func sharersOf(t *db.Tx, account string) (n int, err error) {
	producer, batch := "", int64(-1)
	for ; n < maxSharers; n++ {
		found, err := t.Row(`SELECT producer, batch FROM uploads WHERE phase = 0 AND priority = 0 AND account = ? AND (producer, batch) > (?, ?)
			ORDER BY producer, batch LIMIT 1`, db.Args{account, producer, batch}, &producer, &batch)
		if err != nil || !found {
			return n, err
		}
	}
	return n, nil
}

// Batches returns one page of batches, as List does of uploads. Of the filter it uses Producer, Since, Until, and Query,
// which it looks for in the external id.
func (v *View) Batches(ctx context.Context, f tasks.Filter) ([]tasks.Batch, string, error) {
	type row struct {
		tasks.Batch
		seq int64
	}
	var (
		page []tasks.Batch
		next string
	)
	err := v.lists.Snapshot(ctx, "list batches", func(t *db.Tx) error {
		w := &walk{table: "batches", alias: "b"}
		w.along.Equal("b.producer = ?", f.Producer)
		w.rest.Times("b.submitted_at", f.Since, f.Until)
		w.rest.Search(t.Dialect, f.Query, "b.external_id")
		rows, cursor, err := newest(t, []*walk{w}, f.Cursor, db.PageSize(f.Limit), walkRows, func(r row) int64 { return r.seq },
			func(c *db.Conditions, limit int) ([]row, error) {
				var rows []row
				err := t.Each("SELECT seq, "+schema.BatchColumns+" FROM batches b WHERE "+c.Where()+" ORDER BY b.seq DESC LIMIT ?", append(c.Args, limit),
					func(s db.Scanner) error {
						rows = append(rows, row{})
						r := &rows[len(rows)-1]
						return schema.ScanBatch(s, &r.Batch, &r.seq)
					})
				return rows, err
			})
		page, next = nil, cursor
		for _, r := range rows {
			page = append(page, r.Batch)
		}
		return err
	})
	return page, next, err
}

// Refusals returns the refused rows of a batch after a line, in their order. limit 0: 100.
func (v *View) Refusals(ctx context.Context, batch uuid.UUID, afterLine, limit int) ([]tasks.Refusal, error) {
	var rs []tasks.Refusal
	err := v.lists.Snapshot(ctx, "list refusals", func(t *db.Tx) error {
		return t.Each(`SELECT line, COALESCE(external_id, ''), code, reason, COALESCE(reason_values, '') FROM refusals
			WHERE batch = (SELECT seq FROM batches WHERE id = ?) AND line > ? ORDER BY line LIMIT ?`,
			db.Args{batch[:], afterLine, db.PageSize(limit)}, func(s db.Scanner) error {
				var r tasks.Refusal
				var values []byte
				err := s.Scan(&r.Line, &r.ExternalID, &r.Code, &r.Reason, &values)
				r.Params = schema.Values(values)
				rs = append(rs, r)
				return err
			})
	})
	return rs, err
}

// Rows returns one page of a batch's uploads in the order they were submitted, and the cursor of the next page; ""
// after the last one. limit 0: 100, at most 1,000.
func (v *View) Rows(ctx context.Context, batch uuid.UUID, after string, limit int) ([]tasks.Outcome, string, error) {
	var (
		page []tasks.Outcome
		next string
	)
	err := v.lists.Snapshot(ctx, "list rows of batch", func(t *db.Tx) error {
		page, next = nil, ""
		var seq int64
		if after != "" {
			var err error
			if seq, err = db.ParseCursor(after); err != nil {
				return err
			}
		}
		limit := db.PageSize(limit)
		os, err := schema.Outcomes(t, "u.batch > 0 AND u.batch = (SELECT seq FROM batches WHERE id = ?) AND u.seq > ? ORDER BY u.seq LIMIT ?", batch[:], seq, limit+1)
		if err != nil {
			return err
		}
		if len(os) > limit {
			os, next = os[:limit], db.Cursor(os[limit-1].Seq)
		}
		for _, o := range os {
			page = append(page, o.Outcome)
		}
		return nil
	})
	return page, next, err
}
