package view

import (
	"context"
	"math"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Count counts the uploads that a filter chooses, by account and state as List shows them. It returns Invalid for a bad
// glob, and where a choice by Query, Source or Metadata takes too long.
func (v *View) Count(ctx context.Context, f tasks.Filter) ([]tasks.Count, error) {
	s, f, err := searchOf(f)
	if err != nil {
		return nil, err
	}
	var found map[openKey]int
	if s != nil {
		if found, err = v.countFound(ctx, s, f); err != nil {
			return nil, err
		}
	}
	var counts []tasks.Count
	err = v.lists.Snapshot(ctx, "count uploads", func(t *db.Tx) error {
		groups := found
		if s == nil {
			var err error
			if groups, err = countGroups(t, f); err != nil {
				return err
			}
		}
		counts, err = asShown(t, groups)
		return err
	})
	return counts, err
}

// countGroups lets the database count, window by window, so that it can end in between.
func countGroups(t *db.Tx, f tasks.Filter) (map[openKey]int, error) {
	ws, err := uploadWalks(t, f)
	if err != nil {
		return nil, err
	}
	groups := map[openKey]int{}
	for _, w := range ws {
		w.rest.Add("1 = 1")
		_, err := w.windows(t, math.MaxInt64, 0, func(c *db.Conditions) (bool, error) {
			query := "SELECT u.account, " + schema.CurrentPhase + " AS p, count(*) FROM uploads u WHERE " + c.Where() + " GROUP BY u.account, p"
			return false, t.Each(query, c.Args, func(s db.Scanner) error {
				var k openKey
				var n int
				err := s.Scan(&k.account, &k.phase, &n)
				groups[k] += n
				return err
			})
		})
		if err != nil {
			return nil, err
		}
	}
	return groups, nil
}

// asShown counts the queued uploads of held accounts as waiting.
func asShown(t *db.Tx, groups map[openKey]int) ([]tasks.Count, error) {
	held, err := schema.Holds(t)
	if err != nil {
		return nil, err
	}
	sums := map[tasks.Count]int{}
	for k, n := range groups {
		c := tasks.Count{Account: k.account, State: k.phase.State()}
		if c.State == tasks.Queued && held[k.account].InForce(t.Now) {
			c.State = tasks.Waiting
		}
		sums[c] += n
	}
	var counts []tasks.Count
	for c, n := range sums {
		c.Uploads = n
		counts = append(counts, c)
	}
	return counts, nil
}
