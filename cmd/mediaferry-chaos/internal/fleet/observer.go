package fleet

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/wait"
)

// same reports whether two observations of one upload, or of one leader, are alike.
func same(s, o history.Observation) bool {
	s.At, o.At = time.Time{}, time.Time{}
	if s.Upload == uuid.Nil || s.Phase == phases[2] { // leaders and leases are renewed all the time
		s.Due, o.Due = time.Time{}, time.Time{}
	}
	return s == o
}

// phases are the phases of the ledger's table uploads, in the order of their numbers.
var phases = []string{"ready", "dispatched", "running", "waiting", "succeeded", "failed", "canceled"} //nolint:gochecknoglobals // a constant in all but name

const (
	observePause = 250 * time.Millisecond
	mostObserved = 400             // uploads at once; more are not observed
	observeTime  = 2 * time.Second // for one query
	firstFinal   = 4               // number of the first phase that has an outcome
)

// observer reads the state of attacked uploads until they have their outcome. Its methods are safe for concurrent use.
type observer struct {
	db   *sql.DB
	mark func(n int) string    // the SQL of a parameter
	seen []history.Observation // belongs to Observe

	mu   sync.Mutex
	last map[uuid.UUID]history.Observation
}

// openObserver opens a connection to the ledger's tables. Package ledger shows neither generations nor leaders.
func (f *Fleet) openObserver(context.Context) error {
	driver, url := "sqlite", "file:"+f.path("ledger/ledger.db")+"?mode=ro&_pragma=query_only(1)"
	mark := func(int) string { return "?" }
	if f.Postgres != nil {
		driver, url = "pgx", f.Postgres.URL()
		mark = func(n int) string { return fmt.Sprintf("$%d", n) }
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		return err
	}
	f.onClose(func() { db.Close() })
	f.observer = &observer{db: db, mark: mark, last: map[uuid.UUID]history.Observation{}}
	return nil
}

// Follow observes attacked uploads until they have their outcome.
func (f *Fleet) Follow(ids []uuid.UUID) { f.observer.follow(ids) }

func (o *observer) follow(ids []uuid.UUID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		if _, known := o.last[id]; !known && len(o.last) < mostObserved {
			o.last[id] = history.Observation{}
		}
	}
}

// Observe observes leaders, holds, and the uploads of Follow, until ctx ends.
func (f *Fleet) Observe(ctx context.Context) ([]history.Observation, []history.Hold) {
	o, leaders, holds := f.observer, map[string]history.Observation{}, holdLog{since: map[string]time.Time{}}
	for wait.Sleep(ctx, observePause) == nil {
		// An error means that the ledger is under attack. The next turn tries again.
		_ = o.observeLeaders(ctx, leaders)
		if ids := o.followed(); len(ids) > 0 {
			_ = o.observe(ctx, ids)
		}
		if held, err := f.heldAccounts(ctx); err == nil {
			holds.note(time.Now(), held)
		}
	}
	holds.note(time.Now(), nil)
	return o.seen, holds.ended
}

func (o *observer) followed() (ids []any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for id := range o.last {
		ids = append(ids, id[:])
	}
	return ids
}

func (o *observer) observe(ctx context.Context, ids []any) error {
	marks := make([]string, len(ids))
	for i := range ids {
		marks[i] = o.mark(i + 1)
	}
	return o.rows(ctx, "SELECT u.id, CASE WHEN r.token IS NULL THEN u.phase ELSE 2 END, u.generation, COALESCE(r.worker, ''), COALESCE(r.lease_until, r.dispatched_at, u.due_at, 0) FROM uploads u LEFT JOIN runs r ON r.upload = u.seq WHERE u.id IN ("+strings.Join(marks, ",")+")", ids,
		func(scan func(...any) error) error {
			s, phase, due := history.Observation{At: time.Now()}, 0, int64(0)
			if err := scan(&s.Upload, &phase, &s.Generation, &s.Worker, &due); err != nil {
				return err
			}
			s.Phase, s.Due = phases[phase], time.UnixMicro(due)
			o.note(s, phase >= firstFinal)
			return nil
		})
}

func (o *observer) note(s history.Observation, final bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !same(s, o.last[s.Upload]) {
		o.seen = append(o.seen, s)
	}
	o.last[s.Upload] = s
	if final {
		delete(o.last, s.Upload)
	}
}

func (o *observer) observeLeaders(ctx context.Context, leaders map[string]history.Observation) error {
	return o.rows(ctx, "SELECT role, holder, until_at FROM leads WHERE role <> 'clock'", nil, func(scan func(...any) error) error {
		s, due := history.Observation{At: time.Now()}, int64(0)
		if err := scan(&s.Phase, &s.Worker, &due); err != nil {
			return err
		}
		s.Due = time.UnixMicro(due)
		if !same(s, leaders[s.Phase]) {
			o.seen = append(o.seen, s)
		}
		leaders[s.Phase] = s
		return nil
	})
}

func (o *observer) rows(ctx context.Context, query string, args []any, each func(func(...any) error) error) error {
	ctx, cancel := context.WithTimeout(ctx, observeTime)
	defer cancel()
	rows, err := o.db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
