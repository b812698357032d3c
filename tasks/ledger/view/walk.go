package view

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// Lists show the newest rows first. Where one has conditions that no index finds, it walks: it looks at so many rows along
// an index, the newest first, then at the next so many, until its page is full or it has looked at enough. So no query
// reads a whole table, however few rows match.
const (
	windowRows = 5_000  // that one query looks at: some milliseconds
	walkRows   = 50_000 // that one page looks at; it may be short then, or empty, though others follow
	seqsAtOnce = 500    // that one query names
)

// walk finds rows of a table with a seq: those along an index, or, where these are few, the ones that are named.
type walk struct {
	table, alias string
	along        db.Conditions // what one index finds, in the order of seq
	seqs         []int64       // or the rows themselves, the newest first
	named        bool          // that seqs says it, even if it is empty
	rest         db.Conditions // what else must hold
}

// windows calls look with the conditions of one window after the other, the newest rows first, until look has enough, or
// most rows were looked at; most 0: all. It returns the seq down to which all rows were looked at; 0 behind the last one.
func (w *walk) windows(t *db.Tx, before int64, most int, look func(*db.Conditions) (enough bool, err error)) (int64, error) {
	for looked := 0; most == 0 || looked < most; looked += windowRows {
		c, floor, err := w.window(t, before)
		if err != nil || c == nil {
			return 0, err
		}
		if enough, err := look(c); err != nil || enough || floor == 0 {
			return floor, err
		}
		if err := t.Ctx.Err(); err != nil {
			return 0, err
		}
		before = floor
	}
	return before, nil
}

// window is the conditions of the next window, nil where there is none, and its lowest seq; 0 where no other one follows.
func (w *walk) window(t *db.Tx, before int64) (*db.Conditions, int64, error) {
	c := new(db.Conditions)
	seq := w.alias + ".seq"
	if w.named {
		rows := w.seqs[sort.Search(len(w.seqs), func(i int) bool { return w.seqs[i] < before }):]
		floor := int64(0)
		if len(rows) > seqsAtOnce {
			rows = rows[:seqsAtOnce]
			floor = rows[seqsAtOnce-1]
		}
		if len(rows) == 0 {
			return nil, 0, nil
		}
		keys := make(db.Args, len(rows))
		for i, s := range rows {
			keys[i] = s
		}
		c.Add(seq+" IN ("+db.Marks(len(keys))+")", keys...)
		c.And(&w.rest)
		return c, floor, nil
	}
	c.And(&w.along)
	c.Add(seq+" < ?", before)
	if w.rest.Empty() { // the first rows are the page
		return c, 0, nil
	}
	var floor int64
	_, err := t.Row("SELECT "+seq+" FROM "+w.table+" "+w.alias+" WHERE "+c.Where()+" ORDER BY "+seq+" DESC LIMIT 1 OFFSET ?", append(c.Args[:len(c.Args):len(c.Args)], windowRows-1), &floor)
	c.Add(seq+" >= ?", floor)
	c.And(&w.rest)
	return c, floor, err
}

// newest returns the newest rows before a cursor that the walks find, and the cursor of the next page: "" after the last
// row. No row is found by two of them. read returns the newest rows of a window, at most so many.
func newest[R any](t *db.Tx, walks []*walk, cursor string, limit, most int, seq func(R) int64, read func(c *db.Conditions, limit int) ([]R, error)) ([]R, string, error) {
	before := int64(math.MaxInt64)
	if cursor != "" {
		var err error
		if before, err = db.ParseCursor(cursor); err != nil {
			return nil, "", err
		}
	}
	var all []R
	cut := int64(0) // down to it all walks have looked
	for _, w := range walks {
		var rows []R
		reached, err := w.windows(t, before, most, func(c *db.Conditions) (bool, error) {
			found, err := read(c, limit+1-len(rows))
			rows = append(rows, found...)
			return len(rows) > limit, err
		})
		if err != nil {
			return nil, "", err
		}
		if len(rows) > limit {
			reached = seq(rows[limit])
		}
		all, cut = append(all, rows...), max(cut, reached)
	}
	all = slices.DeleteFunc(all, func(r R) bool { return seq(r) < cut })
	slices.SortFunc(all, func(a, b R) int { return cmp.Compare(seq(b), seq(a)) })
	switch {
	case len(all) > limit:
		return all[:limit], db.Cursor(seq(all[limit-1])), nil
	case cut > 0:
		return all, db.Cursor(cut), nil
	}
	return all, "", nil
}

// few returns the rows of a query for seqs, the newest first, and whether there are no more of them than one window has.
func few(t *db.Tx, query string, args ...any) ([]int64, bool, error) {
	var seqs []int64
	err := t.Each(query+" LIMIT ?", append(args, windowRows+1), func(s db.Scanner) error {
		var seq int64
		err := s.Scan(&seq)
		seqs = append(seqs, seq)
		return err
	})
	return descending(seqs), len(seqs) <= windowRows, err
}

// descending sorts seqs, each once.
func descending(seqs []int64) []int64 {
	slices.Sort(seqs)
	seqs = slices.Compact(seqs)
	slices.Reverse(seqs)
	return seqs
}
