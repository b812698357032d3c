package view

import (
	"context"
	"maps"
	"math"
	"slices"

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
	var found map[countKey]int
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

// countKey is a group of uploads that are counted together.
type countKey struct {
	openKey
	kept bool // their media are kept alive
}

// isKept is the condition that an upload has succeeded and its media is kept alive.
const isKept = "u.phase = 4 AND u.keep_fresh_until IS NOT NULL"

// countGroups lets the database count, window by window, so that it can end in between.
func countGroups(t *db.Tx, f tasks.Filter) (map[countKey]int, error) {
	ws, err := uploadWalks(t, f)
	if err != nil {
		return nil, err
	}
	groups := map[countKey]int{}
	for _, w := range ws {
		w.rest.Add("1 = 1")
		_, err := w.windows(t, math.MaxInt64, 0, func(c *db.Conditions) (bool, error) {
			query := "SELECT u.account, " + schema.CurrentPhase + " AS p, " + isKept + " AS k, count(*) FROM uploads u WHERE " + c.Where() + " GROUP BY u.account, p, k"
			return false, t.Each(query, c.Args, func(s db.Scanner) error {
				var k countKey
				var n int
				err := s.Scan(&k.account, &k.phase, &k.kept, &n)
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
func asShown(t *db.Tx, groups map[countKey]int) ([]tasks.Count, error) {
	held, err := schema.Holds(t)
	if err != nil {
		return nil, err
	}
	type shown struct {
		account string
		state   tasks.State
	}
	sums := map[shown]tasks.Count{}
	for k, n := range groups {
		as := shown{k.account, k.phase.State()}
		if as.state == tasks.Queued && held[k.account].InForce(t.Now) {
			as.state = tasks.Waiting
		}
		c := sums[as]
		c.Account, c.State, c.Uploads = as.account, as.state, c.Uploads+n
		if k.kept {
			c.Kept += n
		}
		sums[as] = c
	}
	return slices.Collect(maps.Values(sums)), nil
}
