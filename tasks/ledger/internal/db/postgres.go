package db

import (
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mediaferry/mediaferry/tasks"
)

// Every process of a fleet has these connections: one for the writer, one that listens, two for the reads of the engine,
// and two for lists, which are closed soon after. A server allows 100 by default, 3 of them for its
// superuser: 16 processes open 96 at most, and 64 while nobody asks for lists.
const (
	postgresReads = 2
	postgresViews = 2
)

// viewsIdle is how long a connection for lists is kept that serves none. It is less than CallTimeout, so that a list of a
// process that gets no connection may wait for it.
const viewsIdle = 5 * time.Second

func connectPostgres(url string, through Through) (*Handle, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil { // its text may hold the password
		return nil, &tasks.Error{
			Code: tasks.Invalid, Op: "open ledger", Err: tasks.Textf("the ledger's URL can't be read"),
			Hint: "give postgres://user:password@host:5432/database",
		}
	}
	hosts := hostsOf(cfg)
	cfg.ConnectTimeout = max(time.Second, CallTimeout/2/time.Duration(hosts))
	if hosts > 1 && cfg.ValidateConnect == nil { // no target_session_attrs: the others are its standbys
		cfg.ValidateConnect = writable
	}
	listening := cfg.Copy()
	cfg.OnNotification = func(*pgconn.PgConn, *pgconn.Notification) {} // a pooler may hand us what others listened to: it is not kept
	views := cfg.Copy()
	// A list is planned for what it asks for: a plan that was kept for some producer reads everything for a smaller one.
	views.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	s := &server{through: through}
	h := &Handle{
		listening: listening, server: s, Dialect: newPostgres(),
		Writes: s.pool(cfg, Write), Reads: s.pool(cfg, Read), Views: s.pool(views, Look),
	}
	h.limit(postgresReads, postgresViews)
	h.Views.SetConnMaxIdleTime(viewsIdle)
	return h, nil
}

func newPostgres() *Dialect {
	return &Dialect{
		Name:       "postgres",
		numbered:   true,
		Concurrent: true,
		beginRead:  "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
		BeginWrite: "BEGIN ISOLATION LEVEL READ COMMITTED", // whatever default the role has: others change rows while ours wait for them
		clock:      "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, pg_is_in_recovery()",
		like:       "ILIKE",
		ForUpdate:  " FOR UPDATE",
		SkipLocked: " FOR UPDATE SKIP LOCKED",
		Fault:      postgresFault,
	}
}
