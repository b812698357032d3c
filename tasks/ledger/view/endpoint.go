package view

import (
	"context"
	"math"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// endpointRows is how many of the newest deliveries tell of endpoints.
const endpointRows = 2_000

// Endpoints lists the URLs that the newest deliveries of a producer go to, of everybody's with "", and how they fared. The
// URL that an event went to last is first.
func (v *View) Endpoints(ctx context.Context, producer string) ([]tasks.Endpoint, error) {
	var es []tasks.Endpoint
	err := v.lists.Snapshot(ctx, "list endpoints", func(t *db.Tx) error {
		es = nil
		var c db.Conditions
		c.Equal("d.producer = ?", producer)
		c.Add("d.seq < ?", int64(math.MaxInt64)) // so that the newest are looked for, and not all
		at := map[string]int{}
		return t.Each(`SELECT d.url, d.phase, d.attempts, d.last_status, COALESCE(d.last_error, ''), (SELECT e.at FROM events e WHERE e.seq = d.event),
			COALESCE((SELECT n.took FROM endpoints n WHERE n.name = d.endpoint), 0)
			FROM deliveries d WHERE `+c.Where()+` ORDER BY d.seq DESC LIMIT ?`, append(c.Args, endpointRows), func(s db.Scanner) error {
			var (
				url, reason                   string
				phase, attempts, status, took int
				happened                      int64
			)
			if err := s.Scan(&url, &phase, &attempts, &status, &reason, &happened, &took); err != nil {
				return err
			}
			i, known := at[url]
			if !known {
				i = len(es)
				at[url] = i
				es = append(es, tasks.Endpoint{URL: url, Health: tasks.EndpointUntried, Deliveries: map[tasks.DeliveryState]int{}, Newest: db.Time(happened)})
			}
			e := &es[i]
			state := schema.DeliveryState(phase)
			e.Deliveries[state]++
			if e.Took == 0 {
				e.Took = (time.Duration(took) * time.Microsecond).Seconds()
			}
			if attempts > 0 && e.Health == tasks.EndpointUntried {
				e.Health, e.LastStatus, e.LastError = healthAfter(state), status, reason
			}
			return nil
		})
	})
	return es, err
}

// healthAfter is the health of an endpoint whose newest delivery was tried, and is in that state now.
func healthAfter(s tasks.DeliveryState) tasks.EndpointHealth {
	switch s {
	case tasks.Delivered:
		return tasks.EndpointWell
	case tasks.Disabled:
		return tasks.EndpointDisabled
	}
	return tasks.EndpointFailing
}
