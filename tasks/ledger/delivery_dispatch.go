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

// Bounds of what one endpoint may have on the belt or under way. A quick endpoint has as much as it takes in two seconds,
// so that the next endpoint waits about two seconds for it. A slow endpoint has a small share.
const (
	endpointWork = 2 * time.Second
	endpointMost = 256
	endpointSlow = 2 // at once
	endpointNew  = 4 // at once, until the first of them tells how quick it is
	slowEndpoint = time.Second
	maxEndpoints = 1000 // in one dispatch; a later one serves the others

	deliveryStall = time.Minute      // the time to claim a delivery; a claim lasts about as long
	beltDoubt     = 5 * time.Second  // after which an unclaimed delivery may be lost
	claimDoubt    = 10 * time.Second // after which a claimed delivery may have died with its worker
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

// free returns the number of deliveries that the endpoint may have under way in addition.
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

// origin returns the part of a URL that names the server. URLs of one origin are one endpoint.
func origin(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

// DispatchDeliveries marks due deliveries as dispatched, until window of them are on the belt or under way. The caller puts
// them on the belt. Endpoints take turns, the one with the fewest under way first. The share of an endpoint goes by how
// quick it is, so that a slow one delays no other. A delivery that no worker claims within a minute is due again.
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

// recoverDeliveries makes deliveries pending again that were not claimed in time, or whose lease ran out.
func (t *tx) recoverDeliveries(limit int) error {
	_, err := t.Exec(`UPDATE deliveries SET phase = 0 WHERE seq IN (
		SELECT seq FROM deliveries WHERE phase IN (1, 2) AND due_at <= ? LIMIT ?`+t.Dialect.SkipLocked+`)`, t.Now, limit)
	return err
}

// deliveriesUnderWay counts the deliveries that are on the belt or claimed, and by endpoint those that count against its
// share. A delivery that lies on the belt for long, or whose worker has been silent for long, may be lost: it does not
// count against the share.
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

// dueEndpoints lists the endpoints that have due deliveries. It jumps from endpoint to endpoint, and does not read the
// deliveries between.
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

// dueOf reads the due deliveries of each endpoint, the oldest first: about twice its even part of n, and at least one.
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

// inTurns takes up to n due deliveries, one of each endpoint in turn. Endpoints with the fewest under way come first.
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

// measure learns how quick the endpoint of a delivery is. It keeps an average of the last few requests. It writes only a
// change of a fifth or more, so that most deliveries cost no write.
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
