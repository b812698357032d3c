package ledger

import (
	"context"
	"database/sql/driver"
)

// Checkpoint keeps SQLite's log from growing: it copies into the database file what the log holds, without waiting for
// anybody or stopping the writer, and empties the log where nobody needs it. It does nothing on PostgreSQL, which does
// that by itself.
func (l *Ledger) Checkpoint(ctx context.Context) error {
	if l.d.concurrent {
		return nil
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	return l.d.explain("checkpoint ledger", l.aside(ctx, func(s *session) error {
		if _, err := s.exec(ctx, "PRAGMA busy_timeout(0)"); err != nil {
			return err
		}
		done, err := s.checkpoint(ctx, "PASSIVE")
		if err != nil || !done {
			return err
		}
		// The writer is kept out for as long as the few pages take that came meanwhile.
		_, err = s.checkpoint(ctx, "TRUNCATE")
		return err
	}))
}

// checkpoint reports whether all of the log was copied.
func (s *session) checkpoint(ctx context.Context, mode string) (bool, error) {
	rows, err := s.query(ctx, "PRAGMA wal_checkpoint("+mode+")")
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

// aside runs work on a connection of its own, whose settings it may change: nobody gets it afterwards.
func (l *Ledger) aside(ctx context.Context, work func(*session) error) error {
	s, err := openSession(ctx, l.d, l.reads, false)
	if err != nil {
		return err
	}
	err = work(s)
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn }) // makes the pool close it
	return err
}
