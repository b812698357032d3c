// Package db opens the two databases that a ledger runs on. It hides what differs between them, and has transactions and
// the parts of a query that all lists share. It does not know the tables.
package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/mediaferry/mediaferry/tasks"
)

// CallTimeout bounds every call whose context has no deadline.
const CallTimeout = 10 * time.Second

// Handle is an open database. It has connections for three uses, so that one use never waits for another.
type Handle struct {
	Dialect *Dialect
	Writes  *sql.DB // of the writer: one
	Reads   *sql.DB // of the engine: short reads that its work needs
	Views   *sql.DB // of people: lists and counts, which may be slow

	// Observe is called when a call has ended, for which use it was made, how long it took, and its error. Nil: not called.
	Observe func(use string, took time.Duration, err error)

	listening *pgx.ConnConfig // of connections that listen; nil where the database has no channels
	server    *server         // nil where the database is a file
	closed    atomic.Bool
}

// The uses of the connections, as Observe names them.
const (
	Write = "write"
	Read  = "read"
	Look  = "view"
)

// Observed is deferred where a call begins. err is its error by the time that it ends.
func (h *Handle) Observed(use string, began time.Time, err *error) {
	if h.Observe != nil {
		h.Observe(use, time.Since(began), *err)
	}
}

// Close closes all connections. Reads under way then end with Unavailable.
func (h *Handle) Close() error {
	h.closed.Store(true)
	var errs []error
	for _, pool := range []*sql.DB{h.Writes, h.Reads, h.Views} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// Learn draws the conclusions from an error of the database. It reports whether the connection must not be used again, nor
// any other that is open: a pool closes them by itself when they come back. That is so after a failover.
func (h *Handle) Learn(err error) bool { return err != nil && h.server != nil && h.server.learn(err) }

// Pooled reports whether a pooler is between us and the server, as far as the connections have found out.
func (h *Handle) Pooled() bool { return h.server != nil && h.server.pooled.Load() }

// limit bounds the number of connections for reads and views. The writer has one connection.
func (h *Handle) limit(reads, views int) {
	h.Writes.SetMaxOpenConns(1)
	h.Reads.SetMaxOpenConns(reads)
	h.Reads.SetMaxIdleConns(reads)
	h.Views.SetMaxOpenConns(views)
	h.Views.SetMaxIdleConns(views)
}

// Connect opens the database at url, "sqlite:PATH" or "postgres://…". It does not look at the schema.
func Connect(url string) (*Handle, error) { return ConnectThrough(url, nil) }

// Through returns the connector that stands before a connector of PostgreSQL, for one of the uses.
type Through func(use string, c driver.Connector) driver.Connector

// ConnectThrough is Connect with connectors before those of PostgreSQL. Nil: there are none.
func ConnectThrough(url string, through Through) (*Handle, error) {
	switch scheme, rest, _ := strings.Cut(url, ":"); scheme {
	case "sqlite":
		return connectSQLite(rest)
	case "postgres", "postgresql":
		return connectPostgres(url, through)
	default:
		return nil, &tasks.Error{
			Code: tasks.Invalid, Op: "open ledger", Err: tasks.Textf("the ledger's URL begins neither with sqlite: nor with postgres://"),
			Hint: "give sqlite:PATH or postgres://user@host/database",
		}
	}
}

// Bounded gives ctx a deadline of CallTimeout, unless it has a deadline.
func Bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return Within(ctx, CallTimeout)
}

// Within gives ctx a deadline of d, unless it has a deadline.
func Within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d)
}

// Closed returns the error of a call after Close.
func Closed(op string) error {
	return &tasks.Error{Code: tasks.Unavailable, Op: op, Err: tasks.Textf("the ledger is closed")}
}
