package view

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Outcome returns an upload as it is now, with the history of its attempts, and NotFound if it does not exist.
func (v *View) Outcome(ctx context.Context, id uuid.UUID) (tasks.Outcome, error) {
	return v.one(ctx, "u.id = ?", id[:])
}

// Find returns the upload with that external id of a producer, and NotFound if it does not exist.
func (v *View) Find(ctx context.Context, producer, externalID string) (tasks.Outcome, error) {
	return v.one(ctx, "u.producer = ? AND u.external_id = ?", producer, externalID)
}

func (v *View) one(ctx context.Context, where string, a ...any) (tasks.Outcome, error) {
	var o tasks.Outcome
	err := v.lists.Snapshot(ctx, "look up upload", func(t *db.Tx) error {
		os, err := schema.Outcomes(t, where, a...)
		if err != nil {
			return err
		}
		if len(os) == 0 {
			return schema.NoUpload("look up upload")
		}
		o = os[0].Outcome
		if o.Current, err = currentMedia(t, os[0]); err != nil {
			return err
		}
		o.History, err = history(t, os[0].Seq)
		return err
	})
	return o, err
}

// idsAtOnce keeps a statement's text short; SQLite takes 32,766 values at most.
const idsAtOnce = 500

// Outcomes returns uploads as they are now, in the order of ids, without their histories. It returns NotFound if one of
// them does not exist.
func (v *View) Outcomes(ctx context.Context, ids []uuid.UUID) ([]tasks.Outcome, error) {
	found := make(map[uuid.UUID]tasks.Outcome, len(ids))
	for some := range slices.Chunk(ids, idsAtOnce) {
		keys := make(db.Args, len(some))
		for i, id := range some {
			keys[i] = id[:]
		}
		err := v.lists.Snapshot(ctx, "look up uploads", func(t *db.Tx) error {
			rows, err := schema.Outcomes(t, "u.id IN ("+db.Marks(len(keys))+")", keys...)
			for _, o := range rows {
				found[o.ID] = o.Outcome
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	outcomes := make([]tasks.Outcome, len(ids))
	for i, id := range ids {
		o, ok := found[id]
		if !ok {
			return nil, &tasks.Error{Code: tasks.NotFound, Op: "look up uploads", Err: tasks.Textf("there is no upload %s", id)}
		}
		outcomes[i] = o
	}
	return outcomes, nil
}

// List returns one page of uploads, the newest first, and the cursor of the next page; "" after the last one.
// A page stays the same while newer uploads come in. Where few rows of many match, or a choice by Query, Source or Metadata
// takes long, a page is short, or empty, though others follow. It returns Invalid for a bad cursor or glob.
func (v *View) List(ctx context.Context, f tasks.Filter) ([]tasks.Outcome, string, error) {
	s, f, err := searchOf(f)
	if err != nil {
		return nil, "", err
	}
	if s != nil {
		return v.list(ctx, s, f)
	}
	var (
		page []tasks.Outcome
		next string
	)
	err = v.lists.Snapshot(ctx, "list uploads", func(t *db.Tx) error {
		ws, err := uploadWalks(t, f)
		if err != nil {
			return err
		}
		found, cursor, err := newest(t, ws, f.Cursor, db.PageSize(f.Limit), walkRows, func(o schema.Outcome) int64 { return o.Seq },
			func(c *db.Conditions, limit int) ([]schema.Outcome, error) {
				return schema.Outcomes(t, c.Where()+" ORDER BY u.seq DESC LIMIT ?", append(c.Args, limit)...)
			})
		page, next = nil, cursor
		for _, o := range found {
			page = append(page, o.Outcome)
		}
		return err
	})
	return page, next, err
}

// history reads all attempts of an upload, in the order in which they were made.
func history(t *db.Tx, seq int64) ([]tasks.Attempt, error) {
	var as []tasks.Attempt
	err := t.Each(`SELECT round, number, started_at, took, errcode, COALESCE(code, ''), COALESCE(rid, ''), COALESCE(reason, ''), COALESCE(reason_values, '')
		FROM attempts WHERE upload = ? ORDER BY round, number`, db.Args{seq}, func(s db.Scanner) error {
		var a tasks.Attempt
		var started, took int64
		var values []byte
		err := s.Scan(&a.Round, &a.Number, &started, &took, &a.Errcode, &a.Code, &a.RID, &a.Reason, &values)
		a.Started, a.Took, a.Params = db.Time(started), time.Duration(took)*time.Microsecond, schema.Values(values)
		as = append(as, a)
		return err
	})
	return as, err
}
