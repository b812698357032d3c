package ledger

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
)

// crowd is how many uploads there are of each kind that dispatch must not look at.
const crowd = 20_000

// crowded fills the ledger with uploads that are held, wait for a later time, or have their outcome, and a few that
// are ready.
func (h *harness) crowded() {
	h.Helper()
	h.register()
	h.hold(tasks.AccountHeld, time.Hour)
	later := db.Micros(h.today().Add(time.Hour))
	must(h, h.Close())
	ledgertest.Fill(h, h.url, crowdRows(h.d, crowd, schema.Ready, 1, account.Name, "NULL")+
		crowdRows(h.d, crowd, schema.Waiting, 2, "later", fmt.Sprint(later, " + i"))+crowdRows(h.d, crowd, schema.Succeeded, 3, "zeta", "NULL"))
	h.Ledger = h.another()
	c := h.running(of("alpha"), func(u *tasks.Upload) { u.ExpiresBy = h.today().Add(time.Hour) })
	must(h, h.Wait(h.Context(), c.Token, tasks.Pause{For: time.Millisecond}))
	h.submit(3, of("zeta"))
	h.submit(2, of("zeta"), urgent)
	h.submit(2, of("zeta"), in(h.batch(tasks.Batch{}).ID))
	h.pass(time.Second)
	h.analyze()
}

// analyze counts what the tables hold, for the planner. On PostgreSQL it leaves the tables of other tests alone, whose plans
// would be made for what they held in the middle of it.
func (h *harness) analyze() {
	h.Helper()
	if !h.d.Concurrent {
		h.sql("ANALYZE")
		return
	}
	h.sql(`DO $$ BEGIN EXECUTE (SELECT 'ANALYZE ' || string_agg(quote_ident(tablename), ', ') FROM pg_tables WHERE schemaname = current_schema()); END $$`)
}

// statement is one that an operation ran.
type statement struct {
	query string
	args  []any
}

// traced returns the statements that f runs, each text once.
func (h *harness) traced(f func()) []statement {
	var mu sync.Mutex
	var got []statement
	seen := map[string]bool{}
	h.d.Trace = func(q string, a []any) {
		mu.Lock()
		defer mu.Unlock()
		if !seen[q] && (strings.Contains(q, "uploads") || strings.Contains(q, "deliveries") || strings.Contains(q, "media")) {
			seen[q] = true
			got = append(got, statement{q, a})
		}
	}
	f()
	h.d.Trace = nil
	return got
}

func (h *harness) plan(explain string, s statement) []string {
	h.Helper()
	var lines []string
	must(h, h.do(h.Context(), "test", func(t *tx) error {
		lines = nil
		return t.Each(explain+s.query, s.args, func(r db.Scanner) error {
			var line string
			if h.d.Concurrent {
				err := r.Scan(&line)
				lines = append(lines, line)
				return err
			}
			var a, b, c int
			err := r.Scan(&a, &b, &c, &line)
			lines = append(lines, line)
			return err
		})
	}))
	return lines
}

// crowdedOutbox fills the ledger with deliveries that were delivered, and with others that wait for their next attempt,
// and makes a few that are due.
func (h *harness) crowdedOutbox() {
	h.Helper()
	id := "randomblob(16)"
	if h.d.Concurrent {
		id = "decode(md5(i || ' ' || p), 'hex')"
	}
	h.sql(fmt.Sprintf(`INSERT INTO deliveries (id, event, url, phase, due_at, endpoint)
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		SELECT %s, 0, 'https://crowd.example', p, CASE p WHEN 0 THEN %d + i END, 'crm https://crowd.example' FROM n, (SELECT 0 AS p UNION SELECT 3 AS p) phases`,
		crowd, id, h.today().Add(time.Hour).UnixMicro()))
	h.analyze()
	h.owes(3, "https://one.example/hook")
	h.owes(3, "https://two.example/hook")
}

// dispatcherWork is the operations of the dispatcher, which run several times a second however much lies in the ledger.
func (h *harness) dispatcherWork() {
	ds := h.dispatch()
	if len(ds) != 7 {
		h.Errorf("%d were dispatched, want 7", len(ds))
	}
	if n := h.mature(); n != 1 {
		h.Errorf("%d matured, want 1", n)
	}
	c := h.claimed(ds[0])
	h.belt()
	h.takeOver()
	h.admit(c, "x", tasks.Proceed)
	must(h, h.Finish(h.Context(), c.Token, h.success("x")))
}

func (h *harness) deliver() {
	ds := h.due(100)
	if len(ds) != 6 {
		h.Errorf("%d deliveries were dispatched, want 6", len(ds))
	}
	h.answered(ds[0], time.Millisecond)
}

func TestDeliveriesAreDispatchedWithoutALookAtOthersOnSQLite(t *testing.T) {
	t.Parallel()
	h := openSQLiteHarness(t)
	h.crowdedOutbox()
	for _, s := range h.traced(h.deliver) {
		for _, line := range h.plan("EXPLAIN QUERY PLAN ", s) {
			if strings.HasPrefix(line, "SCAN d") || strings.Contains(line, "TEMP B-TREE FOR ORDER") {
				t.Errorf("%s\n\tplan: %s", s.query, line)
			}
		}
	}
}

func TestDeliveriesAreDispatchedWithoutALookAtOthersOnPostgres(t *testing.T) {
	t.Parallel()
	h := openUnusedHarness(t)
	h.crowdedOutbox()
	h.wantFewRows("deliveries", h.deliver)
}

func TestDispatchReadsNoRowItHasNoUseForOnSQLite(t *testing.T) {
	t.Parallel()
	h := openSQLiteHarness(t)
	h.crowded()
	for _, s := range h.traced(h.dispatcherWork) {
		for _, line := range h.plan("EXPLAIN QUERY PLAN ", s) {
			if strings.HasPrefix(line, "SCAN uploads") || (strings.Contains(line, "TEMP B-TREE FOR ORDER") && !strings.Contains(s.query, "FROM runs")) {
				t.Errorf("%s\n\tplan: %s", s.query, line)
			}
		}
	}
	// What is found by an index is found by all of its columns that are known: nothing of a held account lies between.
	for query, want := range map[string]string{
		"SELECT account FROM uploads WHERE phase = 0 AND (lost":    "SEARCH uploads USING INDEX uploads_first (priority=? AND account>?)",
		"SELECT account FROM uploads WHERE phase = 0 AND priority": "SEARCH uploads USING COVERING INDEX uploads_ready (priority=? AND account>?)",
		"SELECT producer FROM uploads WHERE phase = 0":             "SEARCH uploads USING COVERING INDEX uploads_ready (priority=? AND account=? AND producer>?",
		"SELECT batch FROM uploads WHERE phase = 0":                "SEARCH uploads USING COVERING INDEX uploads_ready (priority=? AND account=? AND producer=? AND batch>? AND batch<?)",
		"SELECT seq, id, generation + 1, lost_leases + crashes":    "SEARCH uploads USING INDEX uploads_ready (priority=? AND account=? AND producer=? AND batch=?)",
	} {
		found := false
		for _, s := range h.traced(func() { h.submit(1, of("zeta")); h.dispatch(); h.belt() }) {
			dated := strings.Contains(s.query, "expires_by IS NOT NULL") // these have an index of their own
			if strings.HasPrefix(s.query, query) && !dated {
				found = true
				if got := h.plan("EXPLAIN QUERY PLAN ", s); !strings.HasPrefix(got[0], want) {
					t.Errorf("%s\n\tplan: %s\n\twant: %s", s.query, got[0], want)
				}
			}
		}
		if !found {
			t.Errorf("no statement begins with %q", query)
		}
	}
}

func TestDispatchReadsNoRowItHasNoUseForOnPostgres(t *testing.T) {
	t.Parallel()
	h := openUnusedHarness(t)
	h.crowded()
	h.wantFewRows("uploads", h.dispatcherWork)
}

// crowdedMedia fills the ledger with media of other contents.
func (h *harness) crowdedMedia() {
	h.Helper()
	hash := "randomblob(32)"
	if h.d.Concurrent {
		hash = "decode(md5(i::text) || md5(i::text), 'hex')"
	}
	h.register()
	h.sql(fmt.Sprintf(`INSERT INTO media (realm, appid, type, hash, media_id, issued_at, expires_at)
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT '%s', '%s', 'image', %s, 'm' || i, i, i FROM n`,
		crowd, account.Realm, account.AppID, hash))
	h.analyze()
}

func (h *harness) forget() {
	must(h, h.Forget(h.Context(), "m7", nil, ""))
	must(h, h.Forget(h.Context(), "m8", []string{account.Name}, ""))
}

func TestMediaAreForgottenWithoutALookAtOthersOnSQLite(t *testing.T) {
	t.Parallel()
	h := openSQLiteHarness(t)
	h.crowdedMedia()
	for _, s := range h.traced(h.forget) {
		for _, line := range h.plan("EXPLAIN QUERY PLAN ", s) {
			if strings.HasPrefix(line, "SCAN media") {
				t.Errorf("%s\n\tplan: %s", s.query, line)
			}
		}
	}
}

func TestMediaAreForgottenWithoutALookAtOthersOnPostgres(t *testing.T) {
	t.Parallel()
	h := openUnusedHarness(t)
	h.crowdedMedia()
	h.wantFewRows("media", h.forget)
}

// decided is what a person decides about an upload, a delivery or an account, and about some of them at once.
func (h *harness) decided() (decide func()) {
	h.Helper()
	failed := h.failed(4, of("zeta"))
	h.crowded()
	h.crowdedOutbox()
	open := h.submit(2, of("zeta"))
	var gaveUp []uuid.UUID
	for _, d := range h.due(3) {
		_, k, err := h.ClaimDelivery(h.Context(), d.ID, d.Generation, lease)
		must(h, err)
		must(h, h.FinishDelivery(h.Context(), k, tasks.DeliveryResult{State: tasks.GivenUp, Status: 500}))
		gaveUp = append(gaveUp, d.ID)
	}
	return func() {
		must(h, h.Retry(h.Context(), failed[0], false))
		a := h.begin(retryAll(), "p1")
		a, _, err := h.RunActionStep(h.Context(), nextStep(a, "p1", "further", failed[1:]...))
		must(h, err)
		_, err = h.StopAction(h.Context(), a.ID)
		must(h, err)
		for _, id := range open {
			if state, err := h.Cancel(h.Context(), id); err != nil || state != tasks.Canceled {
				h.Errorf("canceled: %s, %v", state, err)
			}
		}
		must(h, h.Replay(h.Context(), gaveUp[0]))
		if n, err := h.ReplayAll(h.Context(), gaveUp[1:]); err != nil || n != 2 {
			h.Errorf("%d sent again, want 2: %v", n, err)
		}
		if lifted, err := h.Resume(h.Context(), account.Realm, account.AppID); err != nil || !lifted {
			h.Errorf("lifted: %t, %v", lifted, err)
		}
	}
}

func TestWhatIsDecidedTouchesNoOthersOnSQLite(t *testing.T) {
	t.Parallel()
	testWhatIsDecidedTouchesNoOthers(openSQLiteHarness(t), "EXPLAIN QUERY PLAN ")
}

func TestWhatIsDecidedTouchesNoOthersOnPostgres(t *testing.T) {
	t.Parallel()
	testWhatIsDecidedTouchesNoOthers(openUnusedHarness(t), "EXPLAIN ")
}

// Its statements change what they find, so they are explained and not run once more.
func testWhatIsDecidedTouchesNoOthers(h *harness, explain string) {
	all := regexp.MustCompile(`^SCAN (uploads|deliveries|[ud])\b|Seq Scan on (uploads|deliveries)\b`)
	statements := h.traced(h.decided())
	if len(statements) < 6 {
		h.Errorf("%d statements, want at least 6", len(statements))
	}
	for _, s := range statements {
		for _, line := range h.plan(explain, s) {
			if all.MatchString(line) {
				h.Errorf("%s\n\tplan: %s", s.query, line)
			}
		}
	}
}

// wantFewRows runs the statements of f once more, and fails where one reads a crowd, or all of the table.
func (h *harness) wantFewRows(table string, f func()) {
	h.Helper()
	rows := regexp.MustCompile(`actual time=\S+ rows=(\d+) loops=(\d+)|Rows Removed by \w+: (\d+)()`)
	for _, s := range h.traced(f) {
		for _, line := range h.plan("EXPLAIN ANALYZE ", s) {
			for _, m := range rows.FindAllStringSubmatch(line, -1) {
				if n, _ := strconv.Atoi(m[1] + m[3]); n > 100 {
					h.Errorf("%s\n\t%d rows: %s", s.query, n, line)
				}
			}
			if strings.Contains(line, "Seq Scan on "+table) {
				h.Errorf("%s\n\tplan: %s", s.query, line)
			}
		}
	}
}
