package ledger

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks"
)

// Count counts the uploads that a filter chooses, by account and state as List shows them. Nothing of them is held in
// memory, whatever their number. Invalid for a glob that is none.
func (l *Ledger) Count(ctx context.Context, f tasks.Filter) ([]tasks.Count, error) {
	matches, err := matcher(f)
	if err != nil {
		return nil, err
	}
	var counts []tasks.Count
	err = l.view(ctx, "count uploads", func(t *tx) error {
		counts = nil
		c, err := t.uploadConditions(f)
		if err != nil {
			return err
		}
		read := t.countGroups
		if matches != nil {
			read = func(c *conditions) (map[openKey]int, error) { return t.countMatches(c, matches) }
		}
		groups, err := read(c)
		if err != nil {
			return err
		}
		counts, err = t.asShown(groups)
		return err
	})
	return counts, err
}

// countGroups lets the database count.
func (t *tx) countGroups(c *conditions) (map[openKey]int, error) {
	groups := map[openKey]int{}
	err := t.each("SELECT u.account, u.phase, count(*) FROM uploads u WHERE "+c.where()+" GROUP BY u.account, u.phase", c.args, func(s scanner) error {
		var k openKey
		var n int
		err := s.Scan(&k.account, &k.phase, &n)
		groups[k] = n
		return err
	})
	return groups, err
}

// countMatches looks at each row.
func (t *tx) countMatches(c *conditions, matches func(tasks.Outcome) bool) (map[openKey]int, error) {
	groups := map[openKey]int{}
	err := t.each("SELECT u.account, u.phase, u.source, u.metadata FROM uploads u WHERE "+c.where(), c.args, func(s scanner) error {
		var k openKey
		var o tasks.Outcome
		var metadata []byte
		if err := s.Scan(&k.account, &k.phase, &o.Source, &metadata); err != nil {
			return err
		}
		if o.Metadata = metadata; matches(o) {
			groups[k]++
		}
		return nil
	})
	return groups, err
}

// asShown lets what is queued for a held account wait.
func (t *tx) asShown(groups map[openKey]int) ([]tasks.Count, error) {
	held, err := t.holds()
	if err != nil {
		return nil, err
	}
	sums := map[tasks.Count]int{}
	for k, n := range groups {
		c := tasks.Count{Account: k.account, State: k.phase.state()}
		if c.State == tasks.Queued && held[k.account].inForce(t.now) {
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
