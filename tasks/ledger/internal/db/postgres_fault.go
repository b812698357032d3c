package db

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	codeReadOnly     = "25006" // read_only_sql_transaction
	codeNotPrepared  = "26000" // invalid_sql_statement_name
	codePreparedTwin = "42P05" // duplicate_prepared_statement
	codeDenied       = "42501" // insufficient_privilege
	codeTooMany      = "53300" // too_many_connections
)

// codesEnded are what a server says to a connection that it closes: at a shutdown, and when it was idle for too long.
var codesEnded = []string{"57P01", "57P05", "25P03"}

// errStandby says that a connection leads to a server that only repeats what its primary writes.
var errStandby = errors.New("the server is a standby")

func postgresFault(err error) Fault {
	const byItself = ": it goes on by itself"
	var e *pgconn.PgError
	if errors.As(err, &e) {
		switch e.Code {
		case "40001", "40P01", "55P03":
			return Fault{Again: true, Reason: "other processes kept the rows locked", hint: "try again"}
		case codePreparedTwin, codeNotPrepared:
			return Fault{Again: true, Reason: "a pooler lends connections for one transaction only", hint: "try again: prepared statements are not used from now on"}
		case "53100":
			return Fault{gone: true, Reason: "the disk of the ledger is full", hint: "free some space" + byItself}
		case codeTooMany:
			return Fault{Again: true, gone: true, Reason: "the ledger's server has no connection left", hint: "raise max_connections, or the connection limit of the role" + byItself}
		case codeReadOnly:
			return readOnly
		case codeDenied:
			return Fault{gone: true, Reason: "the ledger's role lacks a right", hint: "grant it what it lacks" + byItself}
		case "57014":
			return Fault{gone: true, Reason: "the database stopped a statement", hint: "raise statement_timeout for the role, or set it in the ledger's URL (?statement_timeout=60s)" + byItself}
		case "28P01", "28000":
			return Fault{gone: true, Reason: "the ledger's server refuses the role or its password", hint: "check user and password of the ledger's URL, and pg_hba.conf" + byItself}
		case "3D000":
			return Fault{gone: true, Reason: "the ledger's server has no such database", hint: "make it, or check the ledger's URL" + byItself}
		}
		for _, class := range []string{"53", "57P", "08", "58", "25P03", "25P04"} {
			if strings.HasPrefix(e.Code, class) {
				return away
			}
		}
		return Fault{}
	}
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.Is(err, errStandby):
		return readOnly
	case errors.As(err, &connect), errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF),
		errors.Is(err, net.ErrClosed), errors.Is(err, driver.ErrBadConn), pgconn.SafeToRetry(err):
		return away
	}
	return Fault{}
}

var (
	away     = Fault{gone: true, Reason: "the ledger can't be reached", hint: "check that the server is up: it goes on by itself"}
	readOnly = Fault{gone: true, Reason: "the ledger is read-only", hint: "connect to the primary, or name all servers in the ledger's URL: it goes on by itself"}
)

// Denied reports whether the database's role lacks a right.
func Denied(err error) bool { return isCode(err, codeDenied) }

func isCode(err error, codes ...string) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if e.Code == c {
			return true
		}
	}
	return false
}
