package view

import (
	"cmp"
	"context"
	"slices"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Failures groups the rounds that failed by account, code and errcode, the most frequent group first. It returns Invalid
// where f.Until is not after f.Since.
func (v *View) Failures(ctx context.Context, f tasks.CountFilter) ([]tasks.FailureGroup, error) {
	var groups []tasks.FailureGroup
	err := v.lists.Snapshot(ctx, "count failures", func(t *db.Tx) error {
		w := stretchOf(f, t.Now)
		if w.until <= w.since {
			return badSeries("until is not after since")
		}
		by := map[reason]*tasks.FailureGroup{}
		if err := addFailures(t, by, f, w); err != nil {
			return err
		}
		groups = nil
		for _, g := range by {
			if g.Rounds > 0 {
				groups = append(groups, *g)
			}
		}
		slices.SortFunc(groups, func(a, b tasks.FailureGroup) int {
			return cmp.Or(b.Rounds-a.Rounds, cmp.Compare(a.Account, b.Account), cmp.Compare(a.Code, b.Code), a.Errcode-b.Errcode)
		})
		return dropPruned(t, groups)
	})
	return groups, err
}

// reason is why the rounds of an account failed.
type reason struct {
	account string
	code    tasks.Code
	errcode int
}

// addFailures counts the failures of the stretch, and of the one before.
func addFailures(t *db.Tx, by map[reason]*tasks.FailureGroup, f tasks.CountFilter, w window) error {
	c := countConditions(f, w.since-(w.until-w.since), w.until)
	c.Add("what = ? AND n > 0", int(schema.HappenedFailure))
	return t.Each("SELECT at, account, code, errcode, n, example FROM counts WHERE "+c.Where()+" ORDER BY at", c.Args, func(s db.Scanner) error {
		var at int64
		var r reason
		var n int
		var example []byte
		if err := s.Scan(&at, &r.account, &r.code, &r.errcode, &n, &example); err != nil {
			return err
		}
		g := by[r]
		if g == nil {
			g = &tasks.FailureGroup{Account: r.account, Code: r.code, Errcode: r.errcode}
			by[r] = g
		}
		if at < w.since {
			g.Before += n
			return nil
		}
		if g.Rounds == 0 {
			g.First = db.Time(at)
		}
		g.Rounds += n
		g.Last = db.Time(at)
		if example != nil {
			copy(g.Example[:], example)
		}
		return nil
	})
}

// dropPruned forgets the examples that are not there any more.
func dropPruned(t *db.Tx, groups []tasks.FailureGroup) error {
	for i := range groups {
		g := &groups[i]
		there, err := t.Row("SELECT 1 FROM uploads WHERE id = ?", db.Args{g.Example[:]}, new(int))
		if err != nil {
			return err
		}
		if !there {
			g.Example = [16]byte{}
		}
	}
	return nil
}
