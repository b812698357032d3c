package ledger

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// Bounds of what one endpoint may have on the belt or under way. A quick one has as much as it takes in two seconds, so
// that whoever comes next waits about that long behind it; a slow one has a small share, however much is due for it.
const (
	endpointWork = 2 * time.Second
	endpointMost = 256
	endpointSlow = 2 // at once
	endpointNew  = 4 // at once, until the first of them tells how quick it is
	slowEndpoint = time.Second
	maxEndpoints = 1000 // that one dispatch serves; the others come in a later one

	deliveryStall = time.Minute      // that one may lie unclaimed on the belt, and about as long a claim lasts
	beltDoubt     = 5 * time.Second  // after which one that nobody claimed may be lost
	claimDoubt    = 10 * time.Second // after which one that was claimed may have died with its worker
)

// endpoint is one receiver of webhooks, as a dispatch serves it.
type endpoint struct {
	name     string
	took     time.Duration // 0: not known
	underWay int
	due      []dueDelivery
}

// dueDelivery is one generation of a delivery that may go on the belt.
type dueDelivery struct {
	seq int64
	tasks.DeliveryDispatch
}

func (e *endpoint) slow() bool { return e.took == 0 || e.took > slowEndpoint }

// free is how many more deliveries the endpoint may have under way.
func (e *endpoint) free() int {
	most := endpointNew
	switch {
	case e.took > slowEndpoint:
		most = endpointSlow
	case e.took > 0:
		most = min(max(int(endpointWork/e.took), endpointSlow), endpointMost)
	}
	return max(most-e.underWay, 0)
}

// origin is the part of a URL that names the server. Paths and queries make no other endpoint of it.
func origin(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

// DispatchDeliveries marks due deliveries as dispatched, until window of them are on the belt or under way, for the
// caller to put on the belt. Endpoints take turns, the one with the fewest under way first, and each has a share that
// goes by how quick it is: one that is slow holds nobody up. A delivery that nobody claims within a minute is due again
// by itself.
func (l *Ledger) DispatchDeliveries(ctx context.Context, window int) ([]tasks.DeliveryDispatch, error) {
	var out []tasks.DeliveryDispatch
	err := l.do(ctx, "dispatch deliveries", func(t *tx) error {
		out = nil
		if err := t.recoverDeliveries(window); err != nil {
			return err
		}
		underWay, total, err := t.deliveriesUnderWay()
		if err != nil || total >= window {
			return err
		}
		endpoints, err := t.dueEndpoints(underWay)
		if err != nil || len(endpoints) == 0 {
			return err
		}
		if err := t.dueOf(endpoints, window-total); err != nil {
			return err
		}
		taken := inTurns(endpoints, window-total)
		for _, d := range taken {
			out = append(out, d.DeliveryDispatch)
		}
		return t.markOnBelt(taken)
	})
	return out, err
}

// recoverDeliveries makes those pending again that nobody claimed in time, or whose lease ran out.
func (t *tx) recoverDeliveries(limit int) error {
	_, err := t.Exec(`UPDATE deliveries SET phase = 0 WHERE seq IN (
		SELECT seq FROM deliveries WHERE phase IN (1, 2) AND due_at <= ? LIMIT ?`+t.Dialect.SkipLocked+`)`, t.Now, limit)
	return err
}

// deliveriesUnderWay counts what is on the belt or claimed, and by endpoint what counts against its share: one that lies
// on the belt for long, or whose worker has been silent for long, may be lost and does not block its endpoint.
func (t *tx) deliveriesUnderWay() (byEndpoint map[string]int, total int, err error) {
	byEndpoint = map[string]int{}
	dispatched, claimed := t.Now+(deliveryStall-beltDoubt).Microseconds(), t.Now+(deliveryStall-claimDoubt).Microseconds()
	err = t.Each(`SELECT endpoint, count(*), sum(CASE WHEN due_at > CASE phase WHEN 1 THEN `+fmt.Sprint(dispatched)+` ELSE `+fmt.Sprint(claimed)+` END THEN 1 ELSE 0 END)
		FROM deliveries WHERE phase IN (1, 2) AND due_at IS NOT NULL GROUP BY endpoint`, nil, func(s db.Scanner) error {
		var name string
		var n, counts int
		err := s.Scan(&name, &n, &counts)
		byEndpoint[name] = counts
		total += n
		return err
	})
	return byEndpoint, total, err
}

// dueEndpoints lists the endpoints that something is due for, from one to the next without a look at what lies between.
func (t *tx) dueEndpoints(underWay map[string]int) ([]*endpoint, error) {
	if some, err := t.Row("SELECT 1 FROM deliveries WHERE phase = 0 AND due_at <= ? LIMIT 1", db.Args{t.Now}, new(int)); err != nil || !some {
		return nil, err
	}
	var es []*endpoint
	err := t.Each(`WITH RECURSIVE turn (name) AS (
			SELECT min(endpoint) FROM deliveries WHERE phase = 0
			UNION ALL
			SELECT (SELECT min(endpoint) FROM deliveries WHERE phase = 0 AND endpoint > turn.name) FROM turn WHERE turn.name IS NOT NULL
		)
		SELECT turn.name, COALESCE((SELECT took FROM endpoints e WHERE e.name = turn.name), 0) FROM turn
		WHERE turn.name IS NOT NULL AND EXISTS (SELECT 1 FROM deliveries d WHERE d.phase = 0 AND d.endpoint = turn.name AND d.due_at <= ?)
		LIMIT ?`, db.Args{t.Now, maxEndpoints}, func(s db.Scanner) error {
		e := new(endpoint)
		var took int64
		err := s.Scan(&e.name, &took)
		e.took, e.underWay = time.Duration(took)*time.Microsecond, underWay[e.name]
		es = append(es, e)
		return err
	})
	return es, err
}

// dueOf reads what each endpoint may have, the longest due first: about twice its even part of n, and at least one.
func (t *tx) dueOf(es []*endpoint, n int) error {
	part := 2*n/len(es) + 1
	for _, e := range es {
		most := min(e.free(), part)
		if most == 0 {
			continue
		}
		err := t.Each("SELECT seq, id, generation + 1 FROM deliveries WHERE phase = 0 AND endpoint = ? AND due_at <= ? ORDER BY due_at LIMIT ?"+t.Dialect.SkipLocked,
			db.Args{e.name, t.Now, most}, func(s db.Scanner) error {
				d := dueDelivery{DeliveryDispatch: tasks.DeliveryDispatch{Slow: e.slow()}}
				err := s.Scan(&d.seq, &d.ID, &d.Generation)
				e.due = append(e.due, d)
				return err
			})
		if err != nil {
			return err
		}
	}
	return nil
}

// inTurns takes up to n of what is due, one for each endpoint in turn, beginning with those that have the fewest under way.
func inTurns(es []*endpoint, n int) []dueDelivery {
	slices.SortStableFunc(es, func(a, b *endpoint) int { return a.underWay - b.underWay })
	var taken []dueDelivery
	for turn := 0; len(taken) < n; turn++ {
		before := len(taken)
		for _, e := range es {
			if turn < len(e.due) && len(taken) < n {
				taken = append(taken, e.due[turn])
			}
		}
		if len(taken) == before {
			break
		}
	}
	return taken
}

// markOnBelt writes that these are on the belt.
func (t *tx) markOnBelt(ds []dueDelivery) error {
	for _, d := range ds {
		_, err := t.Exec("UPDATE deliveries SET phase = 1, generation = ?, due_at = ? WHERE seq = ?",
			d.Generation, t.Now+deliveryStall.Microseconds(), d.seq)
		if err != nil {
			return err
		}
	}
	return nil
}

// measure learns how quick the endpoint of a delivery is. It keeps an average that follows the last few requests, and
// writes only what has changed by a fifth or more: quick receivers cost no row a delivery.
func (t *tx) measure(id uuid.UUID, took time.Duration) error {
	if took <= 0 {
		return nil
	}
	var name string
	var old int64
	found, err := t.Row(`SELECT d.endpoint, COALESCE(e.took, 0) FROM deliveries d LEFT JOIN endpoints e ON e.name = d.endpoint WHERE d.id = ?`,
		db.Args{id[:]}, &name, &old)
	if err != nil || !found {
		return err
	}
	now := max(took.Microseconds(), 1)
	if old > 0 {
		now = (3*old + now) / 4
	}
	if change := now - old; old > 0 && max(change, -change) < old/5 {
		return nil
	}
	_, err = t.Exec(`INSERT INTO endpoints (name, took, measured_at) VALUES (?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET took = excluded.took, measured_at = excluded.measured_at`, name, now, t.Now)
	return err
}
