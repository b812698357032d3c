package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// sighting is what an upload, or the lead of a role, had become when somebody looked. What it explains is a recovery
// that takes too long: which generation was dispatched when, who claimed it, who led meanwhile.
type sighting struct {
	At         time.Time `json:"at"`
	Upload     uuid.UUID `json:"upload,omitzero"` // none: a lead
	Phase      string    `json:"phase"`           // or the role
	Generation int       `json:"generation,omitzero"`
	Worker     string    `json:"worker,omitempty"` // or the leader
	Due        time.Time `json:"due,omitzero"`
}

func (s sighting) same(o sighting) bool {
	s.At, o.At = time.Time{}, time.Time{}
	if s.Upload == uuid.Nil || s.Phase == phases[2] { // leads and leases are renewed all the time
		s.Due, o.Due = time.Time{}, time.Time{}
	}
	return s == o
}

var phases = []string{"ready", "dispatched", "running", "waiting", "succeeded", "failed", "canceled"} //nolint:gochecknoglobals // a constant in all but name

const (
	watchPause  = 250 * time.Millisecond
	mostWatched = 400 // uploads at once; those of the first blows are the ones that are followed
	firstFinal  = 4   // phase
)

// watch looks at uploads that were struck until they have their outcome. Its methods are safe for concurrent use.
type watch struct {
	db   *sql.DB
	mark func(n int) string // of a parameter
	seen []sighting         // belongs to run

	mu   sync.Mutex
	last map[uuid.UUID]sighting
}

// watch opens a way to the ledger's own tables, since nothing that the ledger offers tells of generations.
func (f *field) watch() (*watch, error) {
	driver, url := "sqlite", "file:"+f.path("ledger/ledger.db")+"?mode=ro&_pragma=query_only(1)"
	mark := func(int) string { return "?" }
	if f.postgres != nil {
		driver, url = "pgx", postgresURL(f.postgres.addr())
		mark = func(n int) string { return fmt.Sprintf("$%d", n) }
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		return nil, fmt.Errorf("watch ledger: %w", err)
	}
	f.later(func() { db.Close() })
	f.watching = &watch{db: db, mark: mark, last: map[uuid.UUID]sighting{}}
	return f.watching, nil
}

// follow adds uploads that were struck.
func (w *watch) follow(ids []uuid.UUID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		if _, known := w.last[id]; !known && len(w.last) < mostWatched {
			w.last[id] = sighting{}
		}
	}
}

func (w *watch) run(ctx context.Context) {
	leads := map[string]sighting{}
	for sleep(ctx, watchPause) == nil {
		// Whatever fails is under attack, and is looked at again.
		_ = w.lookAtLeads(ctx, leads)
		if ids := w.followed(); len(ids) > 0 {
			_ = w.lookAt(ctx, ids)
		}
	}
}

func (w *watch) followed() (ids []any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := range w.last {
		ids = append(ids, id[:])
	}
	return ids
}

func (w *watch) lookAt(ctx context.Context, ids []any) error {
	marks := make([]string, len(ids))
	for i := range ids {
		marks[i] = w.mark(i + 1)
	}
	return w.rows(ctx, "SELECT id, phase, generation, COALESCE(worker, ''), COALESCE(due_at, 0) FROM uploads WHERE id IN ("+strings.Join(marks, ",")+")", ids,
		func(scan func(...any) error) error {
			s, phase, due := sighting{At: time.Now()}, 0, int64(0)
			if err := scan(&s.Upload, &phase, &s.Generation, &s.Worker, &due); err != nil {
				return err
			}
			s.Phase, s.Due = phases[phase], time.UnixMicro(due)
			w.note(s, phase >= firstFinal)
			return nil
		})
}

func (w *watch) note(s sighting, final bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !s.same(w.last[s.Upload]) {
		w.seen = append(w.seen, s)
	}
	w.last[s.Upload] = s
	if final {
		delete(w.last, s.Upload)
	}
}

func (w *watch) lookAtLeads(ctx context.Context, leads map[string]sighting) error {
	return w.rows(ctx, "SELECT role, holder, until_at FROM leaders", nil, func(scan func(...any) error) error {
		s, due := sighting{At: time.Now()}, int64(0)
		if err := scan(&s.Phase, &s.Worker, &due); err != nil {
			return err
		}
		s.Due = time.UnixMicro(due)
		if !s.same(leads[s.Phase]) {
			w.seen = append(w.seen, s)
		}
		leads[s.Phase] = s
		return nil
	})
}

func (w *watch) rows(ctx context.Context, query string, args []any, each func(func(...any) error) error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	rows, err := w.db.QueryContext(ctx, query, args...)
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
