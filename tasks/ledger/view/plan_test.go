package view_test

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/ledger/view"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// many is how many uploads there are: a million in full size, elsewhere some windows of a list.
func many() int {
	const million, windows = 1_000_000, 10 * mostRows
	if n := taskstest.Size(million); n < million {
		return min(n, windows)
	}
	return million
}

// mostRows is how many rows one step of a query may touch: a window of a list, and a little.
const mostRows = 5_500

// small is how many uploads are those of the producer small and the account quiet: the oldest, in all states. All others
// are of the producer big and the account busy, and nearly all succeeded. Each upload has what comes with it.
const small = 60

func fill(d *db.Dialect, rows int) string {
	numbers := fmt.Sprintf("(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n) x", rows)
	if d.Concurrent {
		numbers = fmt.Sprintf("generate_series(1, %d) AS x(i)", rows)
	}
	of := func(some, others string) string {
		return fmt.Sprintf("CASE WHEN i <= %d THEN %s ELSE %s END", small, some, others)
	}
	return strings.NewReplacer(
		"{numbers}", numbers, "{producer}", of("'small'", "'big'"), "{account}", of("'quiet'", "'busy'"), "{type}", of("'voice'", "'image'"),
		"{phase}", of("CASE i % 5 WHEN 0 THEN 0 WHEN 1 THEN 3 ELSE i % 5 + 2 END", "CASE WHEN i % 50 = 0 THEN 6 ELSE 4 END"),
		"{delivery}", of("CASE i % 4 WHEN 0 THEN 0 ELSE i % 4 + 2 END", "3"),
		"{upload}", made(d, 1), "{batch}", made(d, 2), "{webhook}", made(d, 3), "{hash}", made(d, 4),
	).Replace(`
		INSERT INTO uploads (id, phase, priority, batch, submitted_at, due_at, finished_at, digest, producer, account, type, source, external_id, code)
			SELECT {upload}, p, 0, CASE WHEN i % 2 = 0 THEN 1 + i / 100 ELSE 0 END, i, CASE WHEN p = 3 THEN i END, CASE WHEN p >= 4 THEN i END, '',
			{producer}, {account}, {type}, 'in/' || i || '.jpg', 'n' || i, CASE WHEN p = 5 THEN 'missing' END FROM (SELECT i, {phase} AS p FROM {numbers}) y;
		INSERT INTO batches (id, producer, sealed, total, submitted_at, touched_at, external_id) SELECT {batch}, {producer}, 1, 1, i, i, 'b' || i FROM {numbers};
		INSERT INTO refusals (batch, line, code, reason) SELECT 1 + i / 100, i, 'invalid', 'no' FROM {numbers};
		INSERT INTO attempts (upload, round, number, started_at, took, errcode) SELECT i, 1, 1, i, 1, 0 FROM {numbers};
		INSERT INTO events (seq, type, at, upload, round) SELECT seq, CASE phase WHEN 4 THEN 'upload.succeeded' WHEN 5 THEN 'upload.failed' ELSE 'upload.canceled' END,
			seq, seq, 1 FROM uploads WHERE phase >= 4;
		INSERT INTO deliveries (id, event, url, phase, due_at, producer) SELECT {webhook}, i, 'https://x.example', p, CASE WHEN p = 0 THEN i END, {producer}
			FROM (SELECT i, {delivery} AS p FROM (SELECT seq AS i FROM events) e) y;
		INSERT INTO media (realm, appid, type, hash, media_id, issued_at, expires_at) SELECT 'r', 'wx1', 'image', {hash}, 'm' || i, i, 4102444800000000 + i FROM {numbers};
		INSERT INTO accounts (name, realm, appid, fingerprint, daily_limit) VALUES ('busy', 'r', 'wx1', 'f', 0), ('quiet', 'r', 'wx2', 'f', 0);
		ANALYZE;`)
}

// made is the ID of the row i, and named the same in Go.
func made(d *db.Dialect, kind int) string {
	if d.Concurrent {
		return fmt.Sprintf("decode('%08d' || lpad(i::text, 24, '0'), 'hex')", kind)
	}
	return fmt.Sprintf("unhex(printf('%%08d%%024d', %d, i))", kind)
}

func named(kind, i int) uuid.UUID {
	return uuid.MustParse(strings.ReplaceAll(fmt.Sprintf("%08d%024d", kind, i), "-", ""))
}

type read func(context.Context, *view.View) error

// reads are all that people and programs ask a view for, each in the ways that differ for the database.
func reads() map[string][]read {
	filters := []tasks.Filter{
		{}, {Producer: "small"}, {Producer: "big"}, {Account: "quiet"}, {Account: "busy"}, {Producer: "big", Account: "quiet"},
		{Type: tasks.Voice}, {Query: "in/7."}, {Code: tasks.Missing}, {Errcode: 40004}, {Since: time.UnixMicro(5), Until: time.UnixMicro(9)},
		{Batch: named(2, 7)}, {Batch: named(2, 7), Producer: "small"}, {IDs: []uuid.UUID{named(1, 1), named(1, 2)}, Producer: "small"},
		{Source: "in/7.*"}, {Metadata: map[string]string{"a": "b"}, Producer: "small"},
	}
	for _, s := range tasks.States {
		filters = append(filters, tasks.Filter{States: []tasks.State{s}}, tasks.Filter{States: []tasks.State{s}, Producer: "small"},
			tasks.Filter{States: []tasks.State{s}, Producer: "big"}, tasks.Filter{States: []tasks.State{s}, Account: "quiet", Code: tasks.Missing})
	}
	filters = append(filters, tasks.Filter{States: []tasks.State{tasks.Failed, tasks.Canceled}}, tasks.Filter{States: []tasks.State{tasks.Queued, tasks.Waiting, tasks.Running}},
		tasks.Filter{States: tasks.States[:], Producer: "small"})
	rs := map[string][]read{}
	add := func(name string, r read) { rs[name] = append(rs[name], r) }
	deep := db.Cursor(int64(many() / 2))
	for _, f := range filters {
		for _, cursor := range []string{"", deep} {
			f.Cursor = cursor
			add("List", func(ctx context.Context, v *view.View) error { _, _, err := v.List(ctx, f); return err })
		}
		f.Cursor = ""
		add("CountUpTo", func(ctx context.Context, v *view.View) error { _, _, err := v.CountUpTo(ctx, f, 10_000); return err })
		add("Count", func(ctx context.Context, v *view.View) error { _, err := v.Count(ctx, f); return err })
	}
	for _, f := range []tasks.Filter{{}, {Producer: "small"}, {Producer: "big", Query: "b7"}, {Query: "b7"}, {Until: time.UnixMicro(9)}, {Cursor: deep, Producer: "small"}} {
		add("Batches", func(ctx context.Context, v *view.View) error { _, _, err := v.Batches(ctx, f); return err })
	}
	for _, producer := range []string{"", "small", "big"} {
		for _, s := range []tasks.DeliveryState{"", tasks.Pending, tasks.Delivered, tasks.GivenUp, tasks.Disabled} {
			for _, of := range []uuid.UUID{uuid.Nil, named(1, 7), named(2, 7)} {
				f := tasks.DeliveryFilter{Producer: producer, State: s, Upload: of}
				if s == "" {
					add("Endpoints", func(ctx context.Context, v *view.View) error { _, err := v.Endpoints(ctx, producer); return err })
				}
				add("Deliveries", func(ctx context.Context, v *view.View) error { _, _, err := v.Deliveries(ctx, f); return err })
			}
		}
	}
	for _, f := range []tasks.EventFilter{{}, {After: int64(many() / 2)}, {Producers: []string{"small"}}, {Producers: []string{"small"}, After: int64(many() / 2)}, {Producers: []string{"big", "small"}}} {
		add("Events", func(ctx context.Context, v *view.View) error { _, err := v.Events(ctx, f); return err })
	}
	add("EventsSince", func(ctx context.Context, v *view.View) error {
		_, err := v.EventsSince(ctx, time.UnixMicro(int64(many()/2)))
		return err
	})
	add("Leaders", func(ctx context.Context, v *view.View) error { _, err := v.Leaders(ctx); return err })
	add("Size", func(ctx context.Context, v *view.View) error { _, err := v.Size(ctx); return err })
	add("EventsEnd", func(ctx context.Context, v *view.View) error { _, err := v.EventsEnd(ctx); return err })
	add("NewestEvent", func(ctx context.Context, v *view.View) error { _, err := v.NewestEvent(ctx); return err })
	add("Outcome", func(ctx context.Context, v *view.View) error { _, err := v.Outcome(ctx, named(1, 7)); return err })
	add("Find", func(ctx context.Context, v *view.View) error { _, err := v.Find(ctx, "small", "n7"); return err })
	add("Outcomes", func(ctx context.Context, v *view.View) error {
		_, err := v.Outcomes(ctx, []uuid.UUID{named(1, 7), named(1, 9)})
		return err
	})
	add("KnownSources", func(ctx context.Context, v *view.View) error {
		_, err := v.KnownSources(ctx, "small", []string{"n7", "n9"})
		return err
	})
	add("OutcomesBetween", func(ctx context.Context, v *view.View) error {
		_, err := v.OutcomesBetween(ctx, named(1, 7), named(1, 7000), 10)
		return err
	})
	add("Batch", func(ctx context.Context, v *view.View) error { _, err := v.Batch(ctx, named(2, 7)); return err })
	add("Rows", func(ctx context.Context, v *view.View) error {
		_, _, err := v.Rows(ctx, named(2, 7), "", 0)
		return err
	})
	add("Refusals", func(ctx context.Context, v *view.View) error {
		_, err := v.Refusals(ctx, named(2, 7), 0, 0)
		return err
	})
	add("Delivery", func(ctx context.Context, v *view.View) error { _, err := v.Delivery(ctx, named(3, 7)); return err })
	add("Media", func(ctx context.Context, v *view.View) error {
		_, err := v.Media(ctx, tasks.MediaKey{Realm: "r", AppID: "wx1", Type: tasks.Image}, 0)
		return notFound(err)
	})
	add("MediaAccount", func(ctx context.Context, v *view.View) error {
		_, err := v.MediaAccount(ctx, "m7", []string{"busy", "quiet"}, "small")
		return err
	})
	for _, f := range []tasks.MediaFilter{{}, {Account: "busy", Limit: 10}, {Account: "quiet"}, {Producer: "small"}, {Query: "nothing has it"}, {Kept: true, Accounts: []string{"busy"}}, {Account: "busy", Within: 12 * time.Hour}} {
		add("LiveMedia", func(ctx context.Context, v *view.View) error {
			_, next, err := v.LiveMedia(ctx, f)
			if err == nil && next != "" {
				f.Cursor = next
				_, _, err = v.LiveMedia(ctx, f)
			}
			return err
		})
	}
	add("KnownMedia", func(ctx context.Context, v *view.View) error {
		_, err := v.KnownMedia(ctx, "m7", []string{"busy"}, "small")
		return err
	})
	for _, producer := range []string{"", "small"} {
		add("MediaReuse", func(ctx context.Context, v *view.View) error {
			_, err := v.MediaReuse(ctx, named(1, 7), producer)
			return err
		})
	}
	add("Action", func(ctx context.Context, v *view.View) error {
		_, err := v.Action(ctx, named(5, 1))
		return notFound(err)
	})
	add("Actions", func(ctx context.Context, v *view.View) error {
		_, _, err := v.Actions(ctx, tasks.ActionFilter{Producer: "small"})
		return err
	})
	add("Accounts", func(ctx context.Context, v *view.View) error { _, err := v.Accounts(ctx); return err })
	add("AccountNames", func(ctx context.Context, v *view.View) error { _, err := v.AccountNames(ctx); return err })
	add("Processes", func(ctx context.Context, v *view.View) error { _, err := v.Processes(ctx); return err })
	for _, f := range []tasks.CountFilter{{}, {Account: "quiet", Since: time.Now().Add(-20 * 24 * time.Hour)}} {
		add("Series", func(ctx context.Context, v *view.View) error { _, err := v.Series(ctx, f, 0); return err })
		add("Failures", func(ctx context.Context, v *view.View) error { _, err := v.Failures(ctx, f); return err })
	}
	add("Conservation", func(ctx context.Context, v *view.View) error { _, err := v.Conservation(ctx); return err })
	add("Figures", func(ctx context.Context, v *view.View) error { _, err := v.Figures(ctx); return err })
	add("Tally", func(ctx context.Context, v *view.View) error {
		_, err := v.Tally(ctx, time.Now().Add(-24*time.Hour), time.Now())
		return err
	})
	add("TalliesBegin", func(ctx context.Context, v *view.View) error { _, _, err := v.TalliesBegin(ctx); return err })
	add("Status", func(ctx context.Context, v *view.View) error { _, err := v.Status(ctx); return err })
	return rs
}

func notFound(err error) error {
	if tasks.CodeOf(err) == tasks.NotFound {
		return nil
	}
	return err
}

// whole are the reads that may touch every row, within a time limit of their own: they look for what can't be.
var whole = map[string]bool{"Verify": true}

// Every read of a view is quick in a ledger where nearly nothing is what it asks for.
func TestNoReadTouchesAllRows(t *testing.T) {
	t.Parallel()
	cases := reads()
	for i, v := 0, reflect.TypeFor[*view.View](); i < v.NumMethod(); i++ {
		m := v.Method(i)
		if len(cases[m.Name]) == 0 && !whole[m.Name] {
			t.Errorf("%s is not looked at", m.Name)
		}
	}
	for name, database := range map[string]func(testing.TB) string{"sqlite": ledgertest.SQLite, "postgres": ledgertest.EmptyPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newPlans(t, database(t))
			for method, rs := range cases {
				for i, r := range rs {
					v.examine(fmt.Sprintf("%s %d", method, i), r)
				}
			}
		})
	}
}

// plans is a view whose statements are explained.
type plans struct {
	*testing.T
	view   *view.View
	handle *db.Handle
	known  map[string]bool
}

func newPlans(t *testing.T, url string) *plans {
	l, err := ledger.Open(t.Context(), url, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	h, err := db.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	ledgertest.Fill(t, url, fill(h.Dialect, many()))
	return &plans{t, view.New(h, time.Now), h, map[string]bool{}}
}

type statement struct {
	query string
	args  []any
}

// examine looks at the plans of the statements that a read runs, each text once.
func (p *plans) examine(name string, r read) {
	p.Helper()
	var found []statement
	p.handle.Dialect.Trace = func(q string, a []any) {
		if !p.known[q] && strings.HasPrefix(q, "SELECT") {
			p.known[q] = true
			found = append(found, statement{q, a})
		}
	}
	err := r(p.Context(), p.view)
	p.handle.Dialect.Trace = nil
	if err != nil {
		p.Errorf("%s: %v", name, err)
	}
	for _, s := range found {
		for _, line := range p.plan(s) {
			if why := touchesTooMuch(line); why != "" {
				p.Errorf("%s: %s\n%s %v\n\tplan: %s", name, why, s.query, s.args, line)
			}
		}
	}
}

func (p *plans) plan(s statement) []string {
	p.Helper()
	explain := "EXPLAIN QUERY PLAN "
	if p.handle.Dialect.Concurrent {
		explain = "EXPLAIN ANALYZE "
	}
	var lines []string
	rd := db.Reader{Handle: p.handle, Pool: p.handle.Views, Now: time.Now}
	err := rd.Snapshot(p.Context(), "explain", func(t *db.Tx) error {
		lines = nil
		return t.Each(explain+s.query, s.args, func(r db.Scanner) error {
			var line string
			if p.handle.Dialect.Concurrent {
				err := r.Scan(&line)
				lines = append(lines, line)
				return err
			}
			var a, b, c int
			err := r.Scan(&a, &b, &c, &line)
			lines = append(lines, line)
			return err
		})
	})
	if err != nil {
		p.Errorf("%s: %v", s.query, err)
	}
	return lines
}

var (
	// SQLite names what it reads from end to end; the tables here are those with many rows, by their aliases too.
	fullScan = regexp.MustCompile(`^SCAN (uploads|batches|refusals|attempts|events|deliveries|media|[uberdm])\b`)
	// Some indexes hold nothing but what is asked for: uploads that are ready or wait, deliveries that are due.
	partial = regexp.MustCompile(` INDEX (uploads_ready|uploads_due|deliveries_due)$`)
	// PostgreSQL counts.
	counted = regexp.MustCompile(`actual time=\S+ rows=(\d+) loops=(\d+)|Rows Removed by \w+: (\d+)`)
)

func touchesTooMuch(line string) string {
	if fullScan.MatchString(line) && !partial.MatchString(line) {
		return "all rows are read"
	}
	for _, m := range counted.FindAllStringSubmatch(line, -1) {
		rows, _ := strconv.Atoi(m[1] + m[3])
		loops, _ := strconv.Atoi(m[2])
		if rows*max(loops, 1) > mostRows {
			return fmt.Sprintf("%d rows are touched", rows*max(loops, 1))
		}
	}
	return ""
}
