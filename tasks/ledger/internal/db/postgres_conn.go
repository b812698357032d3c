package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// connectionLife is how long a connection is used at most. What it leads to may have changed: a name may stand for another
// server, and a new server behind a balancer gets its share.
const connectionLife = 30 * time.Minute

// server is what the connections of one Handle know of the server that they lead to.
type server struct {
	// pooled says that a pooler is between us and the server. It may lend a connection for one transaction only, so that
	// what one transaction prepares is not there for the next.
	pooled atomic.Bool
	// turn counts how often the connections led to the wrong server. Those of an earlier turn are not used again.
	turn atomic.Int64

	through Through // may be nil
}

// pool makes a pool whose connections suit the server.
func (s *server) pool(cfg *pgx.ConnConfig, use string) *sql.DB {
	var c driver.Connector = &connector{stdlib.GetConnector(*cfg,
		stdlib.OptionBeforeConnect(s.choose), stdlib.OptionAfterConnect(s.meet), stdlib.OptionResetSession(s.check))}
	if s.through != nil {
		c = s.through(use, c)
	}
	pool := sql.OpenDB(c)
	pool.SetConnMaxLifetime(connectionLife)
	return pool
}

// connector connects once more if the first connection finds out that a pooler is there.
type connector struct{ driver.Connector }

// Connect opens a connection.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if errors.Is(err, errPooled) {
		conn, err = c.Connector.Connect(ctx)
	}
	return conn, err
}

var errPooled = errors.New("a pooler is between us and the server")

// choose lets a connection prepare statements, unless a pooler is there. Then it only remembers their parameters.
func (s *server) choose(_ context.Context, cfg *pgx.ConnConfig) error {
	if s.pooled.Load() && cfg.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		cfg.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	return nil
}

// turnOf is the key under which a connection keeps the turn in which it was opened.
const turnOf = "mediaferry turn"

// meet finds out whether a pooler is there: a pooler tells its clients another process ID than the server's own.
func (s *server) meet(ctx context.Context, conn *pgx.Conn) error {
	conn.PgConn().CustomData()[turnOf] = s.turn.Load()
	if s.pooled.Load() {
		return nil
	}
	var pid uint32
	err := conn.QueryRow(ctx, "SELECT pg_backend_pid()", pgx.QueryExecModeSimpleProtocol).Scan(&pid)
	if err == nil && pid != conn.PgConn().PID() {
		s.pooled.Store(true)
		err = errPooled
	}
	if err != nil {
		return errors.Join(err, conn.Close(ctx)) // the driver does not close it
	}
	return nil
}

// check keeps a connection of an earlier turn from being used again.
func (s *server) check(_ context.Context, conn *pgx.Conn) error {
	if conn.PgConn().CustomData()[turnOf] != s.turn.Load() {
		return driver.ErrBadConn
	}
	return nil
}

// learn draws the conclusions from an error, and reports whether no connection of before may be used again.
func (s *server) learn(err error) bool {
	switch {
	case isCode(err, codePreparedTwin, codeNotPrepared): // a pooler that was not recognized
		s.pooled.Store(true)
	case isCode(err, codeReadOnly), errors.Is(err, errStandby): // another server is the primary now
	default:
		return false
	}
	s.turn.Add(1)
	return true
}

// writable refuses a server that can't be written to, so that the next one of the URL is tried.
func writable(ctx context.Context, conn *pgconn.PgConn) error {
	const query = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool"
	r := conn.ExecParams(ctx, query, nil, nil, nil, nil).Read()
	switch {
	case r.Err != nil:
		return fmt.Errorf("ask whether it can be written to: %w", r.Err)
	case string(r.Rows[0][0]) != "f":
		return errStandby
	}
	return nil
}

// hostsOf is the number of servers that a URL names.
func hostsOf(cfg *pgx.ConnConfig) int {
	type address struct {
		host string
		port uint16
	}
	all := map[address]bool{{cfg.Host, cfg.Port}: true}
	for _, f := range cfg.Fallbacks { // also the same server without TLS
		all[address{f.Host, f.Port}] = true
	}
	return len(all)
}
