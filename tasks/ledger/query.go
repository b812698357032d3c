package ledger

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

// Outcome returns an upload as it stands, with the history of its attempts. NotFound where there is none.
func (l *Ledger) Outcome(ctx context.Context, id uuid.UUID) (tasks.Outcome, error) {
	return l.one(ctx, "u.id = ?", id[:])
}

// Find returns the upload that a producer knows by that name. NotFound where there is none.
func (l *Ledger) Find(ctx context.Context, producer, externalID string) (tasks.Outcome, error) {
	return l.one(ctx, "u.producer = ? AND u.external_id = ?", producer, externalID)
}

func (l *Ledger) one(ctx context.Context, where string, a ...any) (tasks.Outcome, error) {
	var o tasks.Outcome
	err := l.view(ctx, "look up upload", func(t *tx) error {
		os, err := t.outcomes(where, a...)
		if err != nil {
			return err
		}
		if len(os) == 0 {
			return noUpload("look up upload")
		}
		o = os[0].Outcome
		o.History, err = t.history(os[0].seq)
		return err
	})
	return o, err
}

// List returns one page of uploads, the newest first, and the cursor of the next page; "" after the last one.
// A page stays the same while newer uploads come in. A choice by source or metadata is made row by row: a page may
// then be short, or empty, though others follow. Invalid for a cursor or a glob that is none.
func (l *Ledger) List(ctx context.Context, f tasks.Filter) ([]tasks.Outcome, string, error) {
	matches, err := matcher(f)
	if err != nil {
		return nil, "", err
	}
	var (
		page []tasks.Outcome
		next string
	)
	err = l.view(ctx, "list uploads", func(t *tx) error {
		page, next = nil, ""
		c, err := t.uploadConditions(f)
		if err != nil {
			return err
		}
		limit := pageSize(f.Limit)
		rows := limit
		if matches != nil {
			rows = sieveRows
		}
		os, err := t.outcomes(c.where()+" ORDER BY u.seq DESC LIMIT ?", append(c.args, rows+1)...)
		if err != nil {
			return err
		}
		if len(os) > rows {
			os, next = os[:rows], cursor(os[rows-1].seq)
		}
		for i, o := range os {
			if matches != nil && !matches(o.Outcome) {
				continue
			}
			if page = append(page, o.Outcome); len(page) == limit && i < len(os)-1 {
				next = cursor(o.seq)
				break
			}
		}
		return nil
	})
	return page, next, err
}

func (t *tx) uploadConditions(f tasks.Filter) (*conditions, error) {
	if len(f.IDs) > tasks.MaxIDs {
		return nil, &tasks.Error{Code: tasks.Invalid, Op: "read filter", Err: fmt.Errorf("it names %d uploads, more than %d", len(f.IDs), tasks.MaxIDs)}
	}
	c := new(conditions)
	if err := c.after("u.seq", f.Cursor); err != nil {
		return nil, err
	}
	c.text("u.producer = ?", f.Producer)
	c.text("u.account = ?", f.Account)
	c.text("u.type = ?", string(f.Type))
	if len(f.IDs) > 0 {
		keys := make(args, len(f.IDs))
		for i, id := range f.IDs {
			keys[i] = id[:]
		}
		c.add("u.id IN ("+marks(len(keys))+")", keys...)
	}
	if f.Batch != uuid.Nil {
		c.add("u.batch > 0 AND u.batch = (SELECT seq FROM batches WHERE id = ?)", f.Batch[:])
	}
	c.times("u.submitted_at", f)
	c.search(t.l.d, f.Query, "u.source", "u.filename", "u.external_id")
	return c, t.byState(c, f)
}

// byState adds the conditions that a hold has a say in: a queued upload of a held account waits, for the hold's reason.
func (t *tx) byState(c *conditions, f tasks.Filter) error {
	held, err := t.holds()
	if err != nil {
		return err
	}
	names := func(match func(*hold) bool) args {
		var ns args
		for name, h := range held {
			if h.inForce(t.now) && match(h) {
				ns = append(ns, name)
			}
		}
		return ns
	}
	all := names(func(*hold) bool { return true })
	var either []string
	var a args
	for _, s := range f.States {
		switch cond := "u.phase IN (" + numbers(phases(s)) + ")"; {
		case s == tasks.Queued && len(all) > 0:
			either, a = append(either, "("+cond+" AND u.account NOT IN ("+marks(len(all))+"))"), append(a, all...)
		case s == tasks.Waiting && len(all) > 0:
			either, a = append(either, cond, "(u.phase IN (0, 1) AND u.account IN ("+marks(len(all))+"))"), append(a, all...)
		default:
			either = append(either, cond)
		}
	}
	if len(either) > 0 {
		c.add("("+strings.Join(either, " OR ")+")", a...)
	}
	if f.Code != "" || f.Errcode != 0 {
		by := names(func(h *hold) bool {
			return (f.Code == "" || h.Code == f.Code) && (f.Errcode == 0 || h.Errcode == f.Errcode)
		})
		own := new(conditions)
		own.text("u.code = ?", string(f.Code))
		if f.Errcode != 0 {
			own.add("u.errcode = ?", f.Errcode)
		}
		if len(by) > 0 {
			c.add("("+own.where()+" OR (u.phase IN (0, 1) AND u.account IN ("+marks(len(by))+")))", append(own.args, by...)...)
		} else {
			c.add(own.where(), own.args...)
		}
	}
	return nil
}

// Batch returns a batch as it stands. NotFound where there is none.
func (l *Ledger) Batch(ctx context.Context, id uuid.UUID) (tasks.Batch, error) {
	var b tasks.Batch
	err := l.view(ctx, "look up batch", func(t *tx) error {
		found := false
		err := t.each("SELECT "+batchColumns+" FROM batches WHERE id = ?", args{id[:]}, func(s scanner) error {
			found = true
			return scanBatch(s, &b)
		})
		if err == nil && !found {
			return noBatch("look up batch")
		}
		return err
	})
	return b, err
}

// Batches returns one page of batches, as List does of uploads. It goes by Producer, Since and Until, and by Query in
// the external id.
func (l *Ledger) Batches(ctx context.Context, f tasks.Filter) ([]tasks.Batch, string, error) {
	var (
		page []tasks.Batch
		next string
	)
	err := l.view(ctx, "list batches", func(t *tx) error {
		page, next = nil, ""
		c := new(conditions)
		if err := c.after("seq", f.Cursor); err != nil {
			return err
		}
		c.text("producer = ?", f.Producer)
		c.times("submitted_at", f)
		c.search(t.l.d, f.Query, "external_id")
		limit := pageSize(f.Limit)
		var seqs []int64
		err := t.each("SELECT seq, "+batchColumns+" FROM batches WHERE "+c.where()+" ORDER BY seq DESC LIMIT ?", append(c.args, limit+1),
			func(s scanner) error {
				page, seqs = append(page, tasks.Batch{}), append(seqs, 0)
				return scanBatch(s, &page[len(page)-1], &seqs[len(seqs)-1])
			})
		if len(page) > limit {
			page, next = page[:limit], cursor(seqs[limit-1])
		}
		return err
	})
	return page, next, err
}

// Refusals returns the rows of a batch that were not accepted, behind a line and in their order. limit 0: 100.
func (l *Ledger) Refusals(ctx context.Context, batch uuid.UUID, afterLine, limit int) ([]tasks.Refusal, error) {
	var rs []tasks.Refusal
	err := l.view(ctx, "list refusals", func(t *tx) error {
		return t.each(`SELECT line, COALESCE(external_id, ''), code, reason FROM refusals
			WHERE batch = (SELECT seq FROM batches WHERE id = ?) AND line > ? ORDER BY line LIMIT ?`,
			args{batch[:], afterLine, pageSize(limit)}, func(s scanner) error {
				var r tasks.Refusal
				err := s.Scan(&r.Line, &r.ExternalID, &r.Code, &r.Reason)
				rs = append(rs, r)
				return err
			})
	})
	return rs, err
}

const maxPage = 1000

func pageSize(limit int) int {
	if limit <= 0 {
		return 100
	}
	return min(limit, maxPage)
}

// cursor names the row that a page ended with. It is opaque to those who carry it.
func cursor(seq int64) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(seq)))
}

func parseCursor(s string) (int64, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != 8 {
		return 0, badCursor()
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}

func badCursor() error {
	return &tasks.Error{Code: tasks.Invalid, Op: "read cursor", Err: errors.New("the cursor is none that a list returned")}
}
