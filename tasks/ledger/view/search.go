package view

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Bounds of a search, which looks at every row that the database has to offer. It reads pieceRows of them at once, each
// piece a short read of its own, and chooses among them while it holds no connection.
const (
	pieceRows = 2000
	listTime  = 2 * time.Second  // after which a page ends where it is, short
	countTime = 20 * time.Second // after which a count is refused: there is no half of it
	maxNames  = 16               // of the metadata
)

// search is the part of a filter that the database is not asked for: texts and globs, for which it would look at every row
// in one read, and metadata, since PostgreSQL can't read all JSON.
type search struct {
	metadata bool // whether it looks at the metadata
	chooses  func(*looked) bool
}

// searchOf takes that part out of f, and returns the rest. The search is nil where there is no such part. It returns Invalid for
// a bad glob and for too many names.
func searchOf(f tasks.Filter) (*search, tasks.Filter, error) {
	if f.Query == "" && f.Source == "" && len(f.Metadata) == 0 {
		return nil, f, nil
	}
	if len(f.Metadata) > maxNames {
		return nil, f, &tasks.Error{Code: tasks.Invalid, Op: "read filter", Err: tasks.Textf("it asks for %d names of the metadata, more than %d", len(f.Metadata), maxNames)}
	}
	glob, err := tasks.ParseGlob(f.Source)
	if err != nil {
		return nil, f, err
	}
	text, metadata := strings.ToLower(f.Query), f.Metadata
	s := &search{metadata: len(metadata) > 0, chooses: func(r *looked) bool {
		return r.has(text) && glob.Match(r.source) && hasMetadata(r.metadata, metadata)
	}}
	f.Query, f.Source, f.Metadata = "", "", nil
	return s, f, nil
}

// looked is a row as a search looks at it.
type looked struct {
	seq        int64
	source     string
	filename   string
	externalID string
	metadata   json.RawMessage
}

// has reports whether a lower-case text is part of one of the row's names.
func (r *looked) has(text string) bool {
	if text == "" {
		return true
	}
	for _, name := range []string{r.source, r.filename, r.externalID} {
		if strings.Contains(strings.ToLower(name), text) {
			return true
		}
	}
	return false
}

// columns are what looked.scan reads: the metadata only where it matters.
func (s *search) columns() string {
	metadata := "NULL"
	if s.metadata {
		metadata = "u.metadata"
	}
	return "u.seq, u.source, COALESCE(u.filename, ''), COALESCE(u.external_id, ''), " + metadata
}

func (r *looked) scan(s db.Scanner, after ...any) error {
	var metadata []byte
	err := s.Scan(append([]any{&r.seq, &r.source, &r.filename, &r.externalID, &metadata}, after...)...)
	r.metadata = metadata
	return err
}

// list returns a page of what a search chooses, as List does.
func (v *View) list(ctx context.Context, s *search, f tasks.Filter) ([]tasks.Outcome, string, error) {
	limit, until := db.PageSize(f.Limit), time.Now().Add(listTime)
	var found db.Args
	for pieces := 0; ; pieces++ {
		rows, next, err := v.piece(ctx, s, f)
		if err != nil {
			return nil, "", err
		}
		enough := func() bool { return len(found) == limit || pieces > 0 && time.Now().After(until) || ctx.Err() != nil }
		for i := range rows {
			if s.chooses(&rows[i]) {
				found = append(found, rows[i].seq)
			}
			if i < len(rows)-1 && enough() {
				page, err := v.bySeq(ctx, found)
				return page, db.Cursor(rows[i].seq), err
			}
		}
		if f.Cursor = next; next == "" || enough() {
			page, err := v.bySeq(ctx, found)
			return page, next, err
		}
	}
}

// piece reads the next rows that a search looks at, the newest first, and the cursor of those after them.
func (v *View) piece(ctx context.Context, s *search, f tasks.Filter) ([]looked, string, error) {
	var rows []looked
	var next string
	err := v.lists.Snapshot(ctx, "search uploads", func(t *db.Tx) error {
		ws, err := uploadWalks(t, f)
		if err != nil {
			return err
		}
		rows, next, err = newest(t, ws, f.Cursor, pieceRows, walkRows, func(r looked) int64 { return r.seq }, func(c *db.Conditions, limit int) ([]looked, error) {
			var rows []looked
			err := t.Each("SELECT "+s.columns()+" FROM uploads u WHERE "+c.Where()+" ORDER BY u.seq DESC LIMIT ?", append(c.Args, limit), func(s db.Scanner) error {
				rows = append(rows, looked{})
				return rows[len(rows)-1].scan(s)
			})
			return rows, err
		})
		return err
	})
	return rows, next, err
}

// bySeq reads uploads, the newest first.
func (v *View) bySeq(ctx context.Context, seqs db.Args) ([]tasks.Outcome, error) {
	if len(seqs) == 0 {
		return nil, ctx.Err()
	}
	var page []tasks.Outcome
	err := v.lists.Snapshot(ctx, "list uploads", func(t *db.Tx) error {
		page = nil
		os, err := schema.Outcomes(t, "u.seq IN ("+db.Marks(len(seqs))+") ORDER BY u.seq DESC", seqs...)
		for _, o := range os {
			page = append(page, o.Outcome)
		}
		return err
	})
	return page, err
}

// countFound counts what a search chooses.
func (v *View) countFound(ctx context.Context, s *search, f tasks.Filter) (map[countKey]int, error) {
	groups, until := map[countKey]int{}, time.Now().Add(countTime)
	for {
		rows, next, err := v.countPiece(ctx, s, f)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			switch {
			case ctx.Err() != nil:
				return nil, fmt.Errorf("count uploads: %w", ctx.Err())
			case time.Now().After(until):
				return nil, tooWide()
			case s.chooses(&rows[i].looked):
				groups[rows[i].countKey]++
			}
		}
		if f.Cursor = next; next == "" {
			return groups, nil
		}
	}
}

// counted is a row as a search counts it.
type counted struct {
	looked
	countKey
}

// countPiece reads the next rows to count among, and the cursor of those after them.
func (v *View) countPiece(ctx context.Context, s *search, f tasks.Filter) ([]counted, string, error) {
	var rows []counted
	var next string
	err := v.lists.Snapshot(ctx, "count uploads", func(t *db.Tx) error {
		ws, err := uploadWalks(t, f)
		if err != nil {
			return err
		}
		rows, next, err = newest(t, ws, f.Cursor, pieceRows, walkRows, func(r counted) int64 { return r.seq }, func(c *db.Conditions, limit int) ([]counted, error) {
			var rows []counted
			query := "SELECT " + s.columns() + ", u.account, " + schema.CurrentPhase + ", " + isKept + " FROM uploads u WHERE " + c.Where() + " ORDER BY u.seq DESC LIMIT ?"
			err := t.Each(query, append(c.Args, limit), func(s db.Scanner) error {
				rows = append(rows, counted{})
				r := &rows[len(rows)-1]
				return r.scan(s, &r.account, &r.phase, &r.kept)
			})
			return rows, err
		})
		return err
	})
	return rows, next, err
}

// tooWide refuses a choice that takes too long to be made.
func tooWide() error {
	return &tasks.Error{
		Code: tasks.Invalid, Op: "count uploads", Err: tasks.Textf("looking at every upload by q, source or metadata takes longer than %s", countTime),
		Hint: "narrow the choice by batch, account, state, since or until as well",
	}
}
