package view

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Events returns one page of what happened, in the order of commits. Whoever goes on from the page's Next sees every event
// once. A page of some producers' events may be short, or empty, though others follow: it looks at a bounded number of
// events, whosever they are.
func (v *View) Events(ctx context.Context, f tasks.EventFilter) (tasks.EventPage, error) {
	var p tasks.EventPage
	err := v.lists.Snapshot(ctx, "read events", func(t *db.Tx) error {
		settled, err := schema.SettledEvents(t)
		if err != nil {
			return err
		}
		p = tasks.EventPage{Next: max(f.After, settled)}
		limit := db.PageSize(f.Limit)
		c := new(db.Conditions)
		if len(f.Producers) == 0 {
			c.Add("e.seq > ? AND e.seq <= ?", f.After, settled)
		} else {
			end, err := windowEnd(t, f.After, settled)
			if err != nil {
				return err
			}
			if end < settled {
				p.Next, p.More = end, true
			}
			seqs, err := eventsOf(t, f.Producers, f.After, end, limit+1)
			if err != nil || len(seqs) == 0 {
				return err
			}
			c.Add("e.seq IN ("+db.Marks(len(seqs))+")", seqs...)
		}
		if p.Events, err = events(t, c, limit+1); err != nil || len(p.Events) <= limit {
			return err
		}
		p.Events = p.Events[:limit]
		p.Next, p.More = p.Events[limit-1].Seq, true
		return nil
	})
	return p, err
}

// windowEnd is the seq of the last event that one page looks at.
func windowEnd(t *db.Tx, after, settled int64) (int64, error) {
	end := settled
	_, err := t.Row("SELECT seq FROM events WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT 1 OFFSET ?", db.Args{after, settled, windowRows - 1}, &end)
	return end, err
}

// eventsOf finds the events of producers among those of a window. Each is looked up by itself: a join might read all of the
// uploads.
func eventsOf(t *db.Tx, producers []string, after, end int64, limit int) (db.Args, error) {
	args := db.Args{after, end}
	for _, name := range producers {
		args = append(args, name)
	}
	var seqs db.Args
	err := t.Each(`SELECT e.seq FROM events e WHERE e.seq > ? AND e.seq <= ? AND COALESCE((SELECT u.producer FROM uploads u WHERE u.seq = e.upload),
		(SELECT b.producer FROM batches b WHERE b.seq = e.batch), e.producer, '') IN (`+db.Marks(len(producers))+") ORDER BY e.seq LIMIT ?", append(args, limit), func(s db.Scanner) error {
		var seq int64
		err := s.Scan(&seq)
		seqs = append(seqs, seq)
		return err
	})
	return seqs, err
}

func events(t *db.Tx, c *db.Conditions, limit int) ([]tasks.Event, error) {
	var rs []schema.Event
	err := t.Each("SELECT "+schema.EventColumns+` FROM events e LEFT JOIN uploads u ON u.seq = e.upload LEFT JOIN batches b ON b.seq = e.batch
		WHERE `+c.Where()+" ORDER BY e.seq LIMIT ?", append(c.Args, limit), func(s db.Scanner) error {
		rs = append(rs, schema.Event{})
		return rs[len(rs)-1].Scan(s)
	})
	if err != nil {
		return nil, err
	}
	es := make([]tasks.Event, len(rs))
	for i, r := range rs {
		if es[i], err = schema.Render(t, r); err != nil {
			return nil, err
		}
	}
	return es, nil
}

// EventsEnd returns the place after all events that can be read. A reader that goes on from there sees the next events.
func (v *View) EventsEnd(ctx context.Context) (int64, error) {
	var seq int64
	err := v.lists.Snapshot(ctx, "look up end of events", func(t *db.Tx) (err error) {
		seq, err = schema.SettledEvents(t)
		return err
	})
	return seq, err
}

// NewestEvent returns the greatest Seq of the committed events, and 0 if there are no events. On PostgreSQL an event can be
// read a little after its commit, when no earlier one can come.
func (v *View) NewestEvent(ctx context.Context) (int64, error) {
	var seq int64
	err := v.lists.Snapshot(ctx, "look up newest event", func(t *db.Tx) error {
		_, err := t.Row("SELECT COALESCE(max(seq), 0) FROM events", nil, &seq)
		return err
	})
	return seq, err
}

// EventsSince returns a place before all events of that time and later. 0 is the place before the first event.
func (v *View) EventsSince(ctx context.Context, at time.Time) (int64, error) {
	var place int64
	err := v.lists.Snapshot(ctx, "look up event by time", func(t *db.Tx) error {
		// Times grow with seq, but for transactions that took long and clocks that were set back.
		since := db.Micros(at.Add(-time.Hour))
		var first, last int64
		if _, err := t.Row("SELECT COALESCE(min(seq), 0) FROM events", nil, &first); err != nil {
			return err
		}
		if _, err := t.Row("SELECT COALESCE(max(seq), 0) FROM events", nil, &last); err != nil {
			return err
		}
		for first <= last { // all before first are older, all from last on are not
			middle := first + (last-first)/2
			var seq, began int64
			found, err := t.Row("SELECT seq, at FROM events WHERE seq >= ? ORDER BY seq LIMIT 1", db.Args{middle}, &seq, &began)
			if err != nil {
				return err
			}
			if found && began < since {
				first = seq + 1
			} else {
				last = middle - 1
			}
		}
		place = max(first-1, 0)
		return nil
	})
	return place, err
}
