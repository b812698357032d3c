package view

import (
	"context"
	"math"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// CountUpTo counts the uploads that a filter chooses, up to most of them, and reports whether it has counted all. It looks at
// the newest 50,000 that an index finds, and no further. It counts none by Query, Source or Metadata, which takes long: the
// count is -1 then.
func (v *View) CountUpTo(ctx context.Context, f tasks.Filter, most int) (n int, all bool, err error) {
	s, f, err := searchOf(f)
	if err != nil || s != nil {
		return -1, false, err
	}
	err = v.lists.Snapshot(ctx, "count uploads", func(t *db.Tx) error {
		n, all = 0, true
		ws, err := uploadWalks(t, f)
		if err != nil {
			return err
		}
		for _, w := range ws {
			if n >= most {
				all = false
				return nil
			}
			reached, err := w.windows(t, math.MaxInt64, walkRows, func(c *db.Conditions) (bool, error) {
				found, err := countDown(t, c, most+1-n)
				n += found
				return n > most, err
			})
			if err != nil {
				return err
			}
			all = all && reached == 0 && n <= most
		}
		return nil
	})
	return min(n, most), all, err
}

// countDown counts the uploads of a window, the newest first and at most so many.
func countDown(t *db.Tx, c *db.Conditions, most int) (n int, err error) {
	for before := int64(math.MaxInt64); n < most; {
		limit := min(most-n, windowRows)
		var found int
		_, err := t.Row("SELECT count(*), COALESCE(min(x.seq), 0) FROM (SELECT u.seq FROM uploads u WHERE "+c.Where()+" AND u.seq < ? ORDER BY u.seq DESC LIMIT ?) x",
			append(c.Args[:len(c.Args):len(c.Args)], before, limit), &found, &before)
		n += found
		if err != nil || found < limit {
			return n, err
		}
	}
	return n, nil
}
