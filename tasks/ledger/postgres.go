package ledger

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/mediaferry/mediaferry/tasks"
)

// connectPostgres opens a pool for reads, and one connection for the writer.
func connectPostgres(url string) (backend, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil { // its text may hold the password
		return backend{}, &tasks.Error{
			Code: tasks.Invalid, Op: "open ledger", Err: errors.New("the ledger's URL can't be read"),
			Hint: "give postgres://user:password@host:5432/database",
		}
	}
	cfg.ConnectTimeout = callTimeout / 2
	reads, writes := stdlib.OpenDB(*cfg), stdlib.OpenDB(*cfg)
	reads.SetMaxOpenConns(readers)
	reads.SetMaxIdleConns(readers)
	writes.SetMaxOpenConns(1)
	return backend{newPostgres(), reads, writes}, nil
}

func newPostgres() *dialect {
	return &dialect{
		name:       "postgres",
		numbered:   true,
		concurrent: true,
		beginRead:  "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
		beginWrite: "BEGIN",
		clock:      "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
		lockEvents: "SELECT pg_advisory_xact_lock('events'::regclass::oid::bigint)",
		like:       "ILIKE",
		forUpdate:  " FOR UPDATE",
		skipLocked: " FOR UPDATE SKIP LOCKED",
		fault:      postgresFault,
	}
}

func postgresFault(err error) fault {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		switch {
		case e.Code == "40001", e.Code == "40P01", e.Code == "55P03":
			return fault{again: true, reason: "other processes kept the rows locked", hint: "try again"}
		case e.Code == "53100":
			return fault{gone: true, reason: "the disk of the ledger is full", hint: "free some space: it goes on by itself"}
		case e.Code == "25006":
			return fault{gone: true, reason: "the ledger is read-only", hint: "connect to the primary"}
		case strings.HasPrefix(e.Code, "53"), strings.HasPrefix(e.Code, "57P"), strings.HasPrefix(e.Code, "08"),
			strings.HasPrefix(e.Code, "58"), strings.HasPrefix(e.Code, "28"), e.Code == "3D000", e.Code == "57014":
			return fault{gone: true, reason: "the ledger can't be reached", hint: "check that the server is up: it goes on by itself"}
		}
		return fault{}
	}
	var connect *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, driver.ErrBadConn) || pgconn.SafeToRetry(err) {
		return fault{gone: true, reason: "the ledger can't be reached", hint: "check that the server is up: it goes on by itself"}
	}
	return fault{}
}
