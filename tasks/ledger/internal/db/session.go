package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"
)

// Session is one connection. A long session keeps its prepared statements, if the driver does not.
type Session struct {
	d     *Dialect
	conn  *sql.Conn
	stmts map[string]*sql.Stmt // nil: nothing is kept
	until time.Time            // a server's connection is not used for ever
}

// OpenSession takes a connection from the pool. A long session keeps its prepared statements.
func OpenSession(ctx context.Context, d *Dialect, db *sql.DB, long bool) (*Session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s := &Session{d: d, conn: conn, until: time.Now().Add(connectionLife)}
	if long && d.prepares {
		s.stmts = map[string]*sql.Stmt{}
	}
	return s, nil
}

// Aged reports whether the session has served long enough, so that another one should be opened.
func (s *Session) Aged() bool { return s.d.Concurrent && time.Now().After(s.until) }

// Close gives the connection back to the pool.
func (s *Session) Close() error {
	var errs []error
	for _, st := range s.stmts {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, s.conn.Close())...)
}

func (s *Session) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if st, ok := s.stmts[query]; ok {
		return st, nil
	}
	st, err := s.conn.PrepareContext(ctx, s.d.Bind(query))
	if err != nil {
		return nil, err
	}
	s.stmts[query] = st
	return st, nil
}

// Exec runs a statement that returns no rows.
func (s *Session) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s.traced(query, args)
	if s.stmts == nil {
		return s.conn.ExecContext(ctx, s.d.Bind(query), args...)
	}
	st, err := s.prepare(ctx, query) //nolint:sqlclosecheck // kept until close
	if err != nil {
		return nil, err
	}
	return st.ExecContext(ctx, args...)
}

// Query runs a statement that returns rows. The caller closes them.
func (s *Session) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s.traced(query, args)
	if s.stmts == nil {
		return s.conn.QueryContext(ctx, s.d.Bind(query), args...)
	}
	st, err := s.prepare(ctx, query) //nolint:sqlclosecheck // kept until close
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

func (s *Session) traced(query string, args []any) {
	if s.d.Trace != nil {
		s.d.Trace(query, args)
	}
}

// Rollback leaves the transaction, in any state of it. The session is unusable if Rollback fails.
func (s *Session) Rollback() error {
	ctx, cancel := context.WithTimeout(context.Background(), CallTimeout)
	defer cancel()
	_, err := s.conn.ExecContext(ctx, "ROLLBACK")
	return err
}

// leave ends a transaction that failed at any step, also if its caller gave up in the middle of BEGIN or COMMIT. A
// connection that can't leave the transaction is not used again.
func (s *Session) leave() {
	if s.Rollback() != nil {
		_ = s.conn.Raw(func(any) error { return driver.ErrBadConn }) // that is how a pool is told
	}
}
