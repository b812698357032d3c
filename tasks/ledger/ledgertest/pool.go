package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Postgres returns the URL of a ledger on the server of EmptyPostgres: a schema with all migrations, which nobody else uses
// while the test runs. A test that passed leaves its schema to a later one, which finds it as the migrations left it:
// migrating one takes longer than most tests.
func Postgres(tb testing.TB) string {
	tb.Helper()
	dir := running(tb)
	s, err := schemas.borrow(tb.Context(), dir)
	if err != nil {
		tb.Fatalf("make a ledger: %v", err)
	}
	tb.Cleanup(func() {
		if !tb.Failed() { // else its goroutines may still be at work
			schemas.giveBack(s)
		}
	})
	return address(dir, s.name)
}

// pool keeps the schemas that wait for another test.
type pool struct {
	mu   sync.Mutex
	free []*schema
	conn *pgx.Conn // looks after them; nil: none was needed yet
}

//nolint:gochecknoglobals // as is the server
var schemas pool

func (p *pool) giveBack(s *schema) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, s)
}

// borrow returns a schema that is as its migrations left it.
func (p *pool) borrow(ctx context.Context, dir string) (*schema, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.connect(ctx, dir); err != nil {
		return nil, err
	}
	for i, s := range p.free {
		idle, err := s.idle(ctx, p.conn)
		if err != nil {
			return nil, err
		}
		if idle {
			p.free = slices.Delete(p.free, i, i+1)
			return s, s.clear(ctx, p.conn)
		}
	}
	return newSchema(ctx, p.conn, dir)
}

// tell runs statements that no test's connection needs to.
func (p *pool) tell(ctx context.Context, dir, statements string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.connect(ctx, dir); err != nil {
		return err
	}
	_, err := p.conn.Exec(ctx, statements)
	return err
}

func (p *pool) connect(ctx context.Context, dir string) error {
	if p.conn != nil {
		return nil
	}
	conn, err := pgx.Connect(context.WithoutCancel(ctx), address(dir, "public"))
	if err == nil {
		p.conn = conn
	}
	return err
}

// schema is one with all migrations.
type schema struct {
	name  string
	reset string // brings it back to what the migrations left
}

func newSchema(ctx context.Context, conn *pgx.Conn, dir string) (*schema, error) {
	s := &schema{name: unique()}
	if _, err := conn.Exec(ctx, "CREATE SCHEMA "+s.name); err != nil {
		return nil, err
	}
	if err := migrate(ctx, address(dir, s.name)); err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	return s, s.remember(ctx, conn)
}

// remember makes reset. Emptying a table or restarting a sequence in another way would make new files, which takes most of
// the time of a migration.
func (s *schema) remember(ctx context.Context, conn *pgx.Conn) error {
	tables, err := texts(ctx, conn, "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname = $1 AND tablename <> 'goose_db_version'", s.name)
	if err != nil {
		return err
	}
	var reset strings.Builder
	for _, table := range tables {
		fmt.Fprintf(&reset, "DELETE FROM %s;\n", table)
		rows, err := texts(ctx, conn, "SELECT quote_literal(to_json(r)) FROM "+table+" r")
		if err != nil {
			return err
		}
		for _, row := range rows {
			fmt.Fprintf(&reset, "INSERT INTO %s OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_record(NULL::%[1]s, %s);\n", table, row)
		}
	}
	sequences, err := texts(ctx, conn, "SELECT format('SELECT setval(%L, %s, false);', quote_ident(schemaname) || '.' || quote_ident(sequencename), start_value)"+
		" FROM pg_sequences WHERE schemaname = $1 AND sequencename <> 'goose_db_version_id_seq'", s.name)
	s.reset = reset.String() + strings.Join(sequences, "\n")
	return err
}

// kept marks the connections that outlive a test.
const kept = "_kept"

// Kept returns the URL of Postgres or Clock for connections that the test leaves to later ones on the same schema. While any
// other connection of a test is open, its schema is not lent again; one of these only counts while it is at work.
func Kept(tb testing.TB, ledger string) string {
	tb.Helper()
	u := parse(tb, ledger)
	q := u.Query()
	q.Set("application_name", q.Get("application_name")+kept)
	u.RawQuery = q.Encode()
	return u.String()
}

// idle reports whether no connection of the test before is left. One whose process was killed may still be writing.
func (s *schema) idle(ctx context.Context, conn *pgx.Conn) (bool, error) {
	var n int
	err := conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 OR application_name = $2 AND state <> 'idle'",
		s.name, s.name+kept).Scan(&n)
	return n == 0, err
}

func (s *schema) clear(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, s.reset); err != nil {
		return fmt.Errorf("clear: %w", err)
	}
	return nil
}

// texts returns what a query finds, one text a row.
func texts(ctx context.Context, conn *pgx.Conn, query string, args ...any) ([]string, error) {
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return found, errors.Join(err, rows.Err())
}
