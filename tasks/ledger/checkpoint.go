package ledger

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// Checkpoint keeps SQLite's log from growing. It copies the log into the database file, without waiting for readers or
// stopping the writer, and empties the log if no reader needs it. It does nothing on PostgreSQL, which does that itself.
func (l *Ledger) Checkpoint(ctx context.Context) error {
	if l.d.Concurrent {
		return nil
	}
	ctx, cancel := db.Bounded(ctx)
	defer cancel()
	return l.d.Explain("checkpoint ledger", l.engine.Dedicated(ctx, func(s *db.Session) error {
		if _, err := s.Exec(ctx, "PRAGMA busy_timeout(0)"); err != nil {
			return err
		}
		done, err := checkpoint(ctx, s, "PASSIVE")
		if err != nil || !done {
			return err
		}
		// The writer is kept out for as long as the few pages take that came meanwhile.
		_, err = checkpoint(ctx, s, "TRUNCATE")
		return err
	}))
}

// checkpoint reports whether all of the log was copied.
func checkpoint(ctx context.Context, s *db.Session, mode string) (bool, error) {
	rows, err := s.Query(ctx, "PRAGMA wal_checkpoint("+mode+")")
	if err != nil {
		return false, err
	}
	defer rows.Close()
	var busy, pages, copied int
	for rows.Next() {
		if err := rows.Scan(&busy, &pages, &copied); err != nil {
			return false, err
		}
	}
	return busy == 0 && pages == copied, rows.Err()
}
