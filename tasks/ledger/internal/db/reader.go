package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"
)

// Reader reads on the connections of one pool. Readers of other pools never wait for it.
type Reader struct {
	Handle *Handle
	Pool   *sql.DB
	Use    string // Read or Look
	Now    func() time.Time
	// Most bounds a read, even if the caller's deadline is later. Zero: no such bound. A read whose context has no
	// deadline takes CallTimeout at most.
	Most time.Duration
}

// Snapshot runs read in one read-only snapshot.
func (r *Reader) Snapshot(ctx context.Context, op string, read func(*Tx) error) (err error) {
	defer r.Handle.Observed(r.Use, time.Now(), &err)
	ctx, cancel := Bounded(ctx)
	defer cancel()
	if r.Most > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, r.Most)
		defer stop()
	}
	err = r.Handle.Retry(ctx, func() (began bool, err error) { return r.read(ctx, read) })
	if err != nil && r.Handle.closed.Load() {
		return Closed(op)
	}
	return r.Handle.Dialect.Explain(op, err)
}

// read reports whether the snapshot began: before that, nothing was read.
func (r *Reader) read(ctx context.Context, read func(*Tx) error) (began bool, err error) {
	s, err := OpenSession(ctx, r.Handle.Dialect, r.Pool, false)
	if err != nil {
		return false, err
	}
	defer func() {
		err = errors.Join(err, s.Close())
	}()
	t, err := Begin(ctx, s, r.Now, r.Handle.Dialect.beginRead)
	began = err == nil
	if began {
		err = read(t)
	}
	if err == nil {
		_, err = s.Exec(ctx, "COMMIT")
	}
	if err != nil {
		s.leave()
	}
	return began, err
}

// Dedicated runs work on a connection of its own, whose settings work may change. The connection is closed afterwards.
func (r *Reader) Dedicated(ctx context.Context, work func(*Session) error) error {
	s, err := OpenSession(ctx, r.Handle.Dialect, r.Pool, false)
	if err != nil {
		return err
	}
	err = work(s)
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn }) // makes the pool close it
	return err
}
