package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

type args = []any

// session is one connection. One that lives long keeps its prepared statements where the driver does not do that.
type session struct {
	d     *dialect
	conn  *sql.Conn
	stmts map[string]*sql.Stmt // nil: nothing is kept
}

func openSession(ctx context.Context, d *dialect, db *sql.DB, long bool) (*session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{d: d, conn: conn}
	if long && d.prepares {
		s.stmts = map[string]*sql.Stmt{}
	}
	return s, nil
}

func (s *session) close() error {
	var errs []error
	for _, st := range s.stmts {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, s.conn.Close())...)
}

func (s *session) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if st, ok := s.stmts[query]; ok {
		return st, nil
	}
	st, err := s.conn.PrepareContext(ctx, s.d.bind(query))
	if err != nil {
		return nil, err
	}
	s.stmts[query] = st
	return st, nil
}

func (s *session) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s.traced(query, args)
	if s.stmts == nil {
		return s.conn.ExecContext(ctx, s.d.bind(query), args...)
	}
	st, err := s.prepare(ctx, query) //nolint:sqlclosecheck // kept until close
	if err != nil {
		return nil, err
	}
	return st.ExecContext(ctx, args...)
}

func (s *session) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s.traced(query, args)
	if s.stmts == nil {
		return s.conn.QueryContext(ctx, s.d.bind(query), args...)
	}
	st, err := s.prepare(ctx, query) //nolint:sqlclosecheck // kept until close
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

func (s *session) traced(query string, args []any) {
	if s.d.trace != nil {
		s.d.trace(query, args)
	}
}

// tx is one transaction, and what its operations put off until its end: there the rows that many share are written
// in one order, so that the transactions of two processes can't deadlock over them.
type tx struct {
	ctx  context.Context //nolint:containedctx // a transaction lives exactly as long as it
	l    *Ledger
	s    *session
	now  int64 // the ledger's clock, read once
	held map[string]*hold

	spent   map[quotaKey]*spending
	tallies map[int64]*tally
	events  []event
	wakes   []int64 // uploads whose twins may go on
}

func (t *tx) exec(query string, args ...any) (int64, error) {
	r, err := t.s.exec(t.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// row scans the first row, and reports whether there was one.
func (t *tx) row(query string, args args, dest ...any) (bool, error) {
	found := false
	err := t.each(query, args, func(r scanner) error {
		if found {
			return nil
		}
		found = true
		return r.Scan(dest...)
	})
	return found, err
}

// scanner is the row at hand.
type scanner interface{ Scan(...any) error }

// each calls scan for every row. scan must not use t.
func (t *tx) each(query string, args args, scan func(scanner) error) error {
	rows, err := t.s.query(t.ctx, query, args...)
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

// begin starts a transaction on s and reads the clock.
func begin(ctx context.Context, l *Ledger, s *session, how string) (*tx, error) {
	t := &tx{ctx: ctx, l: l, s: s}
	if _, err := s.exec(ctx, how); err != nil {
		return nil, err
	}
	if l.d.clock == "" {
		t.now = l.now().UnixMicro()
		return t, nil
	}
	_, err := t.row(l.d.clock, nil, &t.now)
	return t, err
}

// finish writes what was put off: twins, quotas and batches in the order of their keys, events last.
func (t *tx) finish() error {
	if err := t.wakeTwins(); err != nil {
		return err
	}
	if err := t.settleQuotas(); err != nil {
		return err
	}
	if err := t.settleBatches(); err != nil {
		return err
	}
	return t.writeEvents()
}

// rollback leaves the transaction, whatever state it is in. The session is unusable when it fails.
func (s *session) rollback() error {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	_, err := s.conn.ExecContext(ctx, "ROLLBACK")
	return err
}

// view runs read in one read-only snapshot.
func (l *Ledger) view(ctx context.Context, op string, read func(*tx) error) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	err := l.snapshot(ctx, read)
	if err != nil && l.writer.stopped() {
		return closed(op)
	}
	return l.d.explain(op, err)
}

func (l *Ledger) snapshot(ctx context.Context, read func(*tx) error) (err error) {
	s, err := openSession(ctx, l.d, l.reads, false)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, s.close())
	}()
	t, err := begin(ctx, l, s, l.d.beginRead)
	if err == nil {
		err = read(t)
	}
	if err == nil {
		_, err = s.exec(ctx, "COMMIT")
	}
	if err != nil {
		s.leave()
	}
	return err
}

// leave ends a transaction that went wrong at any step, also one whose caller gave up in the middle of its BEGIN or
// COMMIT. A connection that can't be brought out of it is not used again: whoever got it next would be in there too.
func (s *session) leave() {
	if s.rollback() != nil {
		_ = s.conn.Raw(func(any) error { return driver.ErrBadConn }) // that is how a pool is told
	}
}

func micros(t time.Time) int64 { return t.UnixMicro() }

// optional is a time as a column: null for the zero time.
func optional(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func timeOf(us int64) time.Time { return time.UnixMicro(us).UTC() }

func timeOrZero(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return timeOf(us.Int64)
}

// text is a string as a column: null for the empty one.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// flag is a boolean as a column.
func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// refusal reports whether err is an answer to the caller rather than a failure of the database.
func refusal(err error) bool {
	var e *tasks.Error
	return errors.As(err, &e)
}
