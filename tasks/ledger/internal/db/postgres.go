package db

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/mediaferry/mediaferry/tasks"
)

// Every process of a fleet has these connections: one for the writer, one that listens, two for the reads of the engine,
// and two for lists, which are closed after a minute without any. A server allows 100 by default, 3 of them for its
// superuser: 16 processes open 96 at most, and 64 while nobody asks for lists.
const (
	postgresReads = 2
	postgresViews = 2
)

func connectPostgres(url string) (*Handle, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil { // its text may hold the password
		return nil, &tasks.Error{
			Code: tasks.Invalid, Op: "open ledger", Err: errors.New("the ledger's URL can't be read"),
			Hint: "give postgres://user:password@host:5432/database",
		}
	}
	cfg.ConnectTimeout = CallTimeout / 2
	listening := cfg.Copy()
	cfg.OnNotification = func(*pgconn.PgConn, *pgconn.Notification) {} // a pooler may hand us what others listened to: it is not kept
	views := cfg.Copy()
	// A list is planned for what it asks for: a plan that was kept for some producer reads everything for a smaller one.
	views.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	h := &Handle{listening: listening, Dialect: newPostgres(), Writes: stdlib.OpenDB(*cfg), Reads: stdlib.OpenDB(*cfg), Views: stdlib.OpenDB(*views)}
	h.limit(postgresReads, postgresViews)
	h.Views.SetConnMaxIdleTime(time.Minute)
	return h, nil
}

func newPostgres() *Dialect {
	return &Dialect{
		Name:       "postgres",
		numbered:   true,
		Concurrent: true,
		beginRead:  "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
		BeginWrite: "BEGIN",
		clock:      "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
		like:       "ILIKE",
		ForUpdate:  " FOR UPDATE",
		SkipLocked: " FOR UPDATE SKIP LOCKED",
		Fault:      postgresFault,
	}
}

func postgresFault(err error) Fault {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		switch {
		case e.Code == "40001", e.Code == "40P01", e.Code == "55P03":
			return Fault{Again: true, Reason: "other processes kept the rows locked", hint: "try again"}
		case e.Code == "53100":
			return Fault{gone: true, Reason: "the disk of the ledger is full", hint: "free some space: it goes on by itself"}
		case e.Code == "25006":
			return Fault{gone: true, Reason: "the ledger is read-only", hint: "connect to the primary"}
		case strings.HasPrefix(e.Code, "53"), strings.HasPrefix(e.Code, "57P"), strings.HasPrefix(e.Code, "08"),
			strings.HasPrefix(e.Code, "58"), strings.HasPrefix(e.Code, "28"), e.Code == "3D000", e.Code == "57014":
			return Fault{gone: true, Reason: "the ledger can't be reached", hint: "check that the server is up: it goes on by itself"}
		}
		return Fault{}
	}
	var connect *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, driver.ErrBadConn) || pgconn.SafeToRetry(err) {
		return Fault{gone: true, Reason: "the ledger can't be reached", hint: "check that the server is up: it goes on by itself"}
	}
	return Fault{}
}
