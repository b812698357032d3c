package ledger

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// state is what a database holds of a ledger.
type state struct {
	version int64 // of the schema; 0: the database is empty
	oldest  int64 // the oldest version that a program must know to work on it; 0: the first
	// made says that somebody has opened the ledger since its schema was complete. Until then nobody can work on it, and
	// whoever comes may complete it.
	made bool
}

// withMeta and withProcesses are the versions that brought the tables of these names.
const (
	withMeta      = 1
	withProcesses = 10
)

// inspect reads the state, all of it as it is at one moment.
func (m *migrator) inspect(ctx context.Context) (state, error) {
	var s state
	version, err := m.version(ctx)
	if err != nil || version < withMeta {
		return s, err
	}
	err = m.read(ctx, func(t *db.Tx) error {
		if _, err := t.Row("SELECT max(version_id) FROM goose_db_version", nil, &s.version); err != nil {
			return err
		}
		if s.made, err = t.Row("SELECT value FROM meta WHERE key = ?", db.Args{metaID}, new(string)); err != nil {
			return err
		}
		_, err := t.Row("SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'oldest_version'", nil, &s.oldest)
		return err
	})
	return s, err
}

// openTime bounds the first call of a process. It is longer than others: a new file is made, on a machine that may be busy
// starting everything else.
const openTime = 3 * db.CallTimeout

func (m *migrator) version(ctx context.Context) (int64, error) {
	ctx, cancel := db.Within(ctx, openTime)
	defer cancel()
	var v int64
	err := m.handle.Retry(ctx, func() (began bool, err error) {
		v, _, err = m.provider.GetVersions(ctx)
		return false, err
	})
	if err != nil {
		err = fmt.Errorf("read schema version: %w", err)
	}
	return v, err
}

func (m *migrator) read(ctx context.Context, read func(*db.Tx) error) error {
	r := db.Reader{Handle: m.handle, Pool: m.handle.Reads, Now: m.now}
	return r.Snapshot(ctx, "read schema", read)
}

// outdated returns Conflict where processes live that can't work beside the steps to come. It names them.
func (m *migrator) outdated(ctx context.Context, s state) error {
	var next int64
	for _, b := range m.breaks {
		if b > s.version {
			next = b
		}
	}
	if next == 0 {
		return nil
	}
	var living []string
	err := m.read(ctx, func(t *db.Tx) (err error) {
		if s.version < withProcesses {
			living, err = dispatchers(t)
		} else {
			living, err = unaware(t, next)
		}
		return err
	})
	if err != nil || len(living) == 0 {
		return err
	}
	return &tasks.Error{
		Code: tasks.Conflict, Op: "migrate ledger",
		Hint: "stop every run, worker and serve of the version before, then run: mediaferry migrate. One that was killed counts as alive for some seconds more",
		Err:  tasks.Textf("processes are at work that can't work beside schema version %d: %s", m.known(), strings.Join(living, ", ")),
	}
}

// dispatchers finds the processes that work on a schema without a table of processes, by the lead of the dispatch. Every run
// and worker tries to get it, and it lasts seconds, so that one of them has it. It does not find a serve, which never
// leads. It does not ask Redis, which does not know a serve either, and may be out of reach.
func dispatchers(t *db.Tx) ([]string, error) {
	var living []string
	err := t.Each("SELECT holder FROM leaders WHERE role = 'dispatch' AND until_at > ?", db.Args{t.Now}, func(s db.Scanner) error {
		var holder string
		err := s.Scan(&holder)
		living = append(living, holder)
		return err
	})
	return living, err
}

// unaware finds the living processes that know no schema as new as that version.
func unaware(t *db.Tx, version int64) ([]string, error) {
	var living []string
	life := tasks.ProcessLife.Microseconds()
	err := t.Each("SELECT role, name, version, seen_at FROM processes WHERE schema < ? AND seen_at > ? AND seen_at <= ? ORDER BY name",
		db.Args{version, t.Now - life, t.Now + life}, func(s db.Scanner) error {
			var role, name, program string
			var seen int64
			err := s.Scan(&role, &name, &program, &seen)
			living = append(living, fmt.Sprintf("%s %s (%s, seen at %s)", role, name, program, db.Time(seen).Format(time.RFC3339)))
			return err
		})
	return living, err
}
