package ledger

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/ledger/migrations"
	"github.com/mediaferry/mediaferry/tasks/ledger/view"
)

// beforeRuns is the last version whose programs know no runs.
const beforeRuns = 6

func TestMigrations(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(testing.TB) string{"sqlite": ledgertest.SQLite, "postgres": ledgertest.EmptyPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for name, test := range map[string]func(*testing.T, string){
				"many that start at once make one ledger":               testManyMakeOne,
				"an older schema is changed by who was told to":         testOlderIsRefused,
				"an older schema is changed by who is alone with it":    testAloneMigrates,
				"a schema that nobody opened is completed by anybody":   testCompleted,
				"older processes that live are not left behind":         testOlderProcesses,
				"an action that an older program left open is over":     testOpenAction,
				"old and new work beside each other":                    testSideBySide,
				"a step that breaks with the version before is refused": testBreak,
				"what was there before there were counts is counted":    testCounted,
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, database(t))
				})
			}
		})
	}
}

func testManyMakeOne(t *testing.T, url string) {
	ids := make([]string, 8)
	together(len(ids), func(i int) {
		l, err := Open(t.Context(), url, Options{})
		if err != nil {
			t.Error(err)
			return
		}
		ids[i] = l.ID().String()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("the ledger is called %s and %s", ids[0], id)
		}
	}
}

func testOlderIsRefused(t *testing.T, url string) {
	ledgertest.Older(t, url, beforeRuns)
	for range 2 { // the first time changed nothing
		_, err := Open(t.Context(), url, Options{})
		wantCode(t, err, tasks.Conflict)
		if err != nil && (!strings.Contains(err.Error(), "schema version 6") || !strings.Contains(tasks.AsError(err).Advice(), "mediaferry migrate")) {
			t.Errorf("%v (%s)", err, tasks.AsError(err).Advice())
		}
	}
	from, to, err := Migrate(t.Context(), url, Options{})
	if err != nil || from != beforeRuns || to <= beforeRuns {
		t.Errorf("migrated from %d to %d: %v", from, to, err)
	}
	again, _, err := Migrate(t.Context(), url, Options{})
	if err != nil || again != to {
		t.Errorf("migrated again from %d: %v", again, err)
	}
	if s := look(t, url, Options{}); s.oldest != lastBreak() {
		t.Errorf("it may be worked on by who knows version %d, want %d", s.oldest, lastBreak())
	}
	l := opened(t, url, Options{})
	if err := l.do(t.Context(), "lead as a program that knows no runs", func(t *tx) error {
		_, err := t.Exec("INSERT INTO leaders (role, holder, until_at) VALUES ('dispatch', 'old', 1)")
		return err
	}); err == nil {
		t.Error("a dispatcher of the version before dispatches on")
	}
}

func testAloneMigrates(t *testing.T, url string) {
	ledgertest.Older(t, url, beforeRuns)
	lead(t, url, "dispatch", "who worked here before", time.Hour)
	opened(t, url, Options{Alone: true})
	opened(t, url, Options{})
}

func testCompleted(t *testing.T, url string) {
	h, err := db.Connect(url)
	must(t, err)
	m, err := newMigrator(h, Options{})
	must(t, err)
	_, err = m.provider.UpTo(t.Context(), 3) // and its maker died
	must(t, err)
	must(t, h.Close())
	opened(t, url, Options{})
}

func testOlderProcesses(t *testing.T, url string) {
	ledgertest.Older(t, url, beforeRuns)
	lead(t, url, "probe", "far/1/dead", time.Hour) // such leads outlive their holder by far
	lead(t, url, "dispatch", "far/2/alive", time.Hour)
	_, _, err := Migrate(t.Context(), url, Options{})
	wantCode(t, err, tasks.Conflict)
	if err != nil && (!strings.Contains(err.Error(), "far/2/alive") || strings.Contains(err.Error(), "dead") || !strings.Contains(tasks.AsError(err).Advice(), "stop every run, worker and serve")) {
		t.Errorf("%v (%s)", err, tasks.AsError(err).Advice())
	}
	if s := look(t, url, Options{}); s.version != beforeRuns {
		t.Errorf("the schema has version %d", s.version)
	}
	lead(t, url, "dispatch", "far/2/alive", -time.Second)
	_, _, err = Migrate(t.Context(), url, Options{})
	must(t, err)
}

func testOpenAction(t *testing.T, url string) {
	ledgertest.Older(t, url, 3)
	for i, ended := range []any{nil, int64(9)} {
		behind(t, url, "INSERT INTO actions (id, kind, by_whom, choice, matched, done, remaining, began_at, ended_at) "+
			"VALUES (?, 'retry', 'li@desk', '{}', 5, 2, ?, 7, ?)", bytes.Repeat([]byte{byte(i + 1)}, 16), 3*i, ended)
	}
	page, _, err := opened(t, url, Options{Alone: true}).Actions(t.Context(), tasks.ActionFilter{})
	must(t, err)
	if len(page) != 2 || page[0].State != tasks.ActionDone || page[0].Left["conflict"] != 3 || page[1].State != tasks.ActionStopped || len(page[1].Left) > 0 {
		t.Errorf("%+v", page)
	}
}

// testCounted takes the counts away, as from a ledger that was filled before, and migrates it.
func testCounted(t *testing.T, url string) {
	h := &harness{T: t, url: url}
	h.Ledger = h.another()
	h.populate()
	counted, err := h.Conservation(t.Context())
	must(t, err)
	overTime := h.counted()
	must(t, h.Close())
	older, err := db.Connect(url)
	must(t, err)
	m, err := newMigrator(older, Options{})
	must(t, err)
	_, err = m.provider.DownTo(t.Context(), 11)
	must(t, err)
	must(t, older.Close())
	behind(t, url, "UPDATE uploads SET keep_fresh_until = NULL") // that version kept no media alive
	_, _, err = Migrate(t.Context(), url, Options{})
	must(t, err)
	h.Ledger = h.another()
	h.conserved(counted)
	same(t, "counts over time", h.counted(), overTime)
	groups, err := h.Failures(t.Context(), tasks.CountFilter{})
	if must(t, err); len(groups) != 1 || h.state(groups[0].Example) != tasks.Failed {
		t.Errorf("%+v", groups)
	}
}

// testSideBySide lets today's program and one of the next version, whose step only adds, work on one ledger.
func testSideBySide(t *testing.T, url string) {
	next := Options{steps: more(t, false)}
	old := opened(t, url, Options{})
	must(t, old.Join(t.Context(), tasks.Process{Name: "old", Role: tasks.RoleRun}, []tasks.Account{account}))
	begun := carrying(t, old, "begun before")
	from, to, err := Migrate(t.Context(), url, next)
	if err != nil || to != from+1 {
		t.Fatalf("migrated from %d to %d: %v", from, to, err)
	}
	fresh := opened(t, url, next)
	must(t, fresh.Join(t.Context(), tasks.Process{Name: "new", Role: tasks.RoleRun}, []tasks.Account{account}))
	finish := func(l *Ledger, c tasks.Claim) {
		t.Helper()
		must(t, l.Finish(t.Context(), c.Token, (&harness{T: t, Ledger: l}).success(c.Source)))
	}
	finish(old, begun)
	finish(old, carrying(t, old, "all by the old one"))
	finish(fresh, carrying(t, fresh, "all by the new one"))
	finish(fresh, carrying(t, old, "begun by the old one"))
	finish(old, carrying(t, fresh, "begun by the new one"))
	finish(opened(t, url, Options{}), carrying(t, opened(t, url, Options{}), "by old ones that start now"))
	if from, to, err := Migrate(t.Context(), url, Options{}); err != nil || from != to {
		t.Errorf("an old migrate went from %d to %d: %v", from, to, err)
	}
	for _, l := range []*Ledger{old, fresh} {
		st, err := l.Status(t.Context())
		must(t, err)
		found, err := l.Verify(t.Context(), view.VerifyOptions{})
		must(t, err)
		if st.Counts[tasks.Succeeded] != 6 || len(found) > 0 {
			t.Errorf("%v, %v", st.Counts, found)
		}
	}
}

func testBreak(t *testing.T, url string) {
	next := Options{steps: more(t, true)}
	old := opened(t, url, Options{})
	must(t, old.Join(t.Context(), tasks.Process{Name: "old", Role: tasks.RoleServe, Version: "v0.9"}, nil))
	_, _, err := Migrate(t.Context(), url, next)
	wantCode(t, err, tasks.Conflict)
	if err != nil && !strings.Contains(err.Error(), "serve old (v0.9, seen at ") {
		t.Errorf("%v", err)
	}
	_, err = Open(t.Context(), url, next)
	wantCode(t, err, tasks.Conflict)
	must(t, old.Leave(t.Context(), "old"))
	_, _, err = Migrate(t.Context(), url, next)
	must(t, err)
	fresh := opened(t, url, next)
	must(t, fresh.Join(t.Context(), tasks.Process{Name: "new", Role: tasks.RoleRun}, nil))
	_, err = Open(t.Context(), url, Options{})
	wantCode(t, err, tasks.Conflict)
	if err != nil && !strings.Contains(err.Error(), "written by a newer program") {
		t.Errorf("%v", err)
	}
	if _, _, err := Migrate(t.Context(), url, Options{}); err == nil {
		t.Error("an older program migrated it")
	}
}

// more is the steps of the next version.
func more(t *testing.T, breaks bool) *steps {
	s := ownSteps()
	version := int64(0)
	s.files = func(database string) (fs.FS, error) {
		own, err := migrations.Files(database)
		must(t, err)
		all := fstest.MapFS{}
		must(t, fs.WalkDir(own, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := fs.ReadFile(own, path)
			all[path] = &fstest.MapFile{Data: text}
			return err
		}))
		step := "-- +goose Up\nALTER TABLE uploads ADD COLUMN note TEXT NOT NULL DEFAULT '';\nCREATE TABLE notes (upload BIGINT PRIMARY KEY);\n" +
			"CREATE INDEX uploads_note ON uploads (note) WHERE note <> '';\n"
		if breaks {
			step += fmt.Sprintf("UPDATE meta SET value = '%d' WHERE key = 'oldest_version';\n", version)
		}
		all[fmt.Sprintf("%05d_notes.sql", version)] = &fstest.MapFile{Data: []byte(step)}
		return all, nil
	}
	h, err := db.Connect(ledgertest.SQLite(t))
	must(t, err)
	m, err := newMigrator(h, Options{})
	must(t, err)
	must(t, h.Close())
	version = m.known() + 1
	if breaks {
		s.breaks = append(s.breaks, version)
	}
	return &s
}

func lastBreak() int64 {
	all := migrations.Breaks()
	return all[len(all)-1]
}

// carrying submits one upload and claims it.
func carrying(t *testing.T, l *Ledger, source string) tasks.Claim {
	t.Helper()
	rs, err := l.Accept(t.Context(), []tasks.Upload{{Producer: "crm", ExternalID: source, Account: account.Name, Type: tasks.Image, Source: source}})
	must(t, err)
	if rs[0].Err != nil {
		t.Fatal(rs[0].Err)
	}
	chunks, err := l.Dispatch(t.Context(), wide)
	must(t, err)
	for _, d := range sentOf(chunks) {
		c, err := claimOne(l, d.ID, d.Generation, "w")
		must(t, err)
		return c
	}
	t.Fatal("nothing was dispatched")
	return tasks.Claim{}
}

func opened(t *testing.T, url string, o Options) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), url, o)
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l
}

func look(t *testing.T, url string, o Options) state {
	t.Helper()
	h, err := db.Connect(url)
	must(t, err)
	defer func() { must(t, h.Close()) }()
	m, err := newMigrator(h, o)
	must(t, err)
	s, err := m.inspect(t.Context())
	must(t, err)
	return s
}

// behind runs a statement where no ledger is open.
func behind(t *testing.T, url, query string, args ...any) {
	t.Helper()
	h, err := db.Connect(url)
	must(t, err)
	_, err = h.Writes.ExecContext(t.Context(), h.Dialect.Bind(query), args...)
	must(t, err)
	must(t, h.Close())
}

// lead makes somebody the leader of a role, by the schema before version 7.
func lead(t *testing.T, url, role, holder string, left time.Duration) {
	t.Helper()
	behind(t, url, "INSERT INTO leaders (role, holder, until_at) VALUES (?, ?, ?) ON CONFLICT (role) DO UPDATE SET until_at = excluded.until_at",
		role, holder, time.Now().Add(left).UnixMicro())
}
