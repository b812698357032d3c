package db

import (
	"context"
	"time"
)

// Args are the values of a statement's placeholders.
type Args = []any

// Tx is one transaction.
type Tx struct {
	Ctx     context.Context //nolint:containedctx // a transaction lives exactly as long as it
	Dialect *Dialect
	s       *Session
	Now     int64 // the ledger's clock in microseconds, read once
}

// Exec runs a statement and returns the number of rows that it changed.
func (t *Tx) Exec(query string, args ...any) (int64, error) {
	r, err := t.s.Exec(t.Ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// Row scans the first row, and reports whether there was one.
func (t *Tx) Row(query string, args Args, dest ...any) (bool, error) {
	found := false
	err := t.Each(query, args, func(r Scanner) error {
		if found {
			return nil
		}
		found = true
		return r.Scan(dest...)
	})
	return found, err
}

// Scanner is the current row.
type Scanner interface{ Scan(...any) error }

// Each calls scan for every row. scan must not use t.
func (t *Tx) Each(query string, args Args, scan func(Scanner) error) error {
	rows, err := t.s.Query(t.Ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Begin starts a transaction on s and reads the clock: the database's own, or now if it does not have one.
func Begin(ctx context.Context, s *Session, now func() time.Time, how string) (*Tx, error) {
	t := &Tx{Ctx: ctx, Dialect: s.d, s: s}
	if _, err := s.Exec(ctx, how); err != nil {
		return nil, err
	}
	if s.d.clock == "" {
		t.Now = now().UnixMicro()
		return t, nil
	}
	var standby bool
	_, err := t.Row(s.d.clock, nil, &t.Now, &standby)
	if err == nil && standby { // it would not say so by itself before something is written
		err = errStandby
	}
	return t, err
}
