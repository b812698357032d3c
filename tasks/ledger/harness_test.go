package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// clock is a process's clock that stands still until it is told to go on.
type clock struct {
	mu  sync.Mutex
	at  time.Time
	set func(time.Time) // sets the server's clock too; nil: there is no server
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
	if c.set != nil {
		c.set(c.at)
	}
}

// harness is a fresh ledger with shorthands for what most tests do.
type harness struct {
	*testing.T
	*Ledger
	url   string
	clock *clock // nil: the real one
	names int
	// careless saves the time of fsync, where a test is not about the loss of power.
	careless bool
	// through keeps connections for later tests; nil: they end with the ledger.
	through db.Through
}

var (
	wide    = tasks.Window{Bulk: 1000, Interactive: 1000}
	account = tasks.Account{Name: "shop", Realm: "wechat.example", AppID: "wx1", Fingerprint: "f1"}
)

const lease = time.Minute

// noon is the time at which the ledgers of most tests begin: in Shanghai, where WeChat's day ends.
var noon = time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)

func openSQLiteHarness(t *testing.T) *harness {
	h := newSQLiteHarness(t)
	h.careless = true
	empty, err := migrated()
	must(t, err)
	must(t, os.WriteFile(strings.TrimPrefix(h.url, "sqlite:"), empty, 0o600))
	h.Ledger = h.another()
	return h
}

// openDurableHarness opens a file as everybody does who is no test.
func openDurableHarness(t *testing.T) *harness {
	h := newSQLiteHarness(t)
	h.Ledger = h.another()
	return h
}

func newSQLiteHarness(t *testing.T) *harness {
	return &harness{T: t, url: ledgertest.SQLite(t), clock: &clock{at: noon}}
}

// migrated is an empty SQLite ledger, which is copied for each test: that is faster than to migrate it each time.
//
//nolint:gochecknoglobals // made once for all tests
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "empty.db")
	if _, _, err := Migrate(context.Background(), "sqlite:"+path, Options{}); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func openPostgresHarness(t *testing.T) *harness {
	url, clock := clockAt(t, ledgertest.Postgres(t), noon)
	h := &harness{T: t, url: ledgertest.Kept(t, url), clock: clock}
	h.through = connections.through(h.url)
	h.Ledger = h.another()
	return h
}

// openTimedHarness opens one by the server's real clock.
func openTimedHarness(t *testing.T) *harness {
	h := &harness{T: t, url: ledgertest.Postgres(t)}
	h.Ledger = h.another()
	return h
}

// openUnusedHarness opens a schema that no test has used before: for plans, and for what the server counts.
func openUnusedHarness(t *testing.T) *harness {
	h := &harness{T: t}
	h.url, h.clock = clockAt(t, ledgertest.EmptyPostgres(t), time.Now().Truncate(time.Microsecond))
	h.Ledger = h.another()
	return h
}

func clockAt(t *testing.T, url string, at time.Time) (string, *clock) {
	c := &clock{at: at.UTC()}
	url, c.set = ledgertest.Clock(t, url, at)
	return url, c
}

// another opens the same ledger once more, as another process would.
func (h *harness) another() *Ledger {
	h.Helper()
	o := Options{Linger: time.Millisecond, through: h.through}
	if h.clock != nil {
		o.Now = h.clock.now
	}
	l, err := Open(h.Context(), h.url, o)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() {
		if err := l.Close(); err != nil {
			h.Error(err)
		}
	})
	if h.careless {
		must(h, l.do(h.Context(), "test", func(t *tx) error {
			for _, q := range []string{"COMMIT", "PRAGMA synchronous = OFF", t.l.d.BeginWrite} { // a transaction keeps its setting
				if _, err := t.Exec(q); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	return l
}

// pass lets time pass.
func (h *harness) pass(d time.Duration) { h.clock.pass(d) }

// sql runs a statement behind the ledger's back.
func (h *harness) sql(query string, args ...any) {
	h.Helper()
	must(h, h.do(h.Context(), "test", func(t *tx) error {
		_, err := t.Exec(query, args...)
		return err
	}))
}

// number reads one number.
func (h *harness) number(query string, a ...any) int {
	h.Helper()
	var n int
	must(h, h.engine.Snapshot(h.Context(), "test", func(t *db.Tx) error {
		_, err := t.Row(query, a, &n)
		return err
	}))
	return n
}

// upload is a valid request with a name of its own.
func (h *harness) upload(change ...func(*tasks.Upload)) tasks.Upload {
	h.names++
	u := tasks.Upload{Producer: "crm", ExternalID: fmt.Sprintf("n%d", h.names), Account: account.Name, Type: tasks.Image, Source: fmt.Sprintf("in/%d.jpg", h.names)}
	for _, c := range change {
		c(&u)
	}
	return u
}

// submit accepts n uploads, changed the same way, and returns their ids.
func (h *harness) submit(n int, change ...func(*tasks.Upload)) []uuid.UUID {
	h.Helper()
	us := make([]tasks.Upload, n)
	for i := range us {
		us[i] = h.upload(change...)
	}
	rs := value(h, h.Accept)(h.Context(), us)
	ids := make([]uuid.UUID, n)
	for i, r := range rs {
		if r.Err != nil {
			h.Fatalf("row %d: %v", i, r.Err)
		}
		ids[i] = r.ID
	}
	return ids
}

// sent is one run as it was dispatched.
type sent struct {
	ID         uuid.UUID
	Generation int
	tasks.Chunk
}

// sentOf takes chunks apart.
func sentOf(chunks []tasks.Chunk) []sent {
	var ds []sent
	for _, c := range chunks {
		for _, r := range c.Runs {
			ds = append(ds, sent{r.Upload, r.Generation, c})
		}
	}
	return ds
}

// fill dispatches as much as the window takes.
func (h *harness) fill(w tasks.Window) []sent {
	h.Helper()
	chunks, err := h.Dispatch(h.Context(), w)
	must(h, err)
	return sentOf(chunks)
}

// undispatch takes runs back.
func (h *harness) undispatch(ds []sent) (int, error) {
	h.Helper()
	var chunks []tasks.Chunk
	for _, d := range ds {
		chunks = append(chunks, tasks.Chunk{Runs: []tasks.RunRef{{Upload: d.ID, Generation: d.Generation}}})
	}
	return h.Undispatch(h.Context(), chunks)
}

// claimOne claims one run under a token of its own: ErrFenced where it was refused.
func claimOne(l *Ledger, id uuid.UUID, generation int, worker string) (tasks.Claim, error) {
	claims, err := l.Claim(context.Background(), tasks.NewBids([]tasks.RunRef{{Upload: id, Generation: generation}}), worker, lease)
	switch {
	case err != nil:
		return tasks.Claim{}, err
	case len(claims) == 0:
		return tasks.Claim{}, tasks.ErrFenced
	}
	return claims[0], nil
}

func (h *harness) dispatch() []sent {
	h.Helper()
	return h.fill(wide)
}

func (h *harness) claimed(d sent) tasks.Claim {
	h.Helper()
	c, err := claimOne(h.Ledger, d.ID, d.Generation, "w1")
	must(h, err)
	return c
}

// running submits one upload and claims it.
func (h *harness) running(change ...func(*tasks.Upload)) tasks.Claim {
	h.Helper()
	return h.runningN(1, change...)[0]
}

func (h *harness) runningN(n int, change ...func(*tasks.Upload)) []tasks.Claim {
	h.Helper()
	h.submit(n, change...)
	var cs []tasks.Claim
	for _, d := range h.dispatch() {
		cs = append(cs, h.claimed(d))
	}
	if len(cs) != n {
		h.Fatalf("%d uploads are running, want %d", len(cs), n)
	}
	return cs
}

// again dispatches and claims the only upload that is ready.
func (h *harness) again() tasks.Claim {
	h.Helper()
	ds := h.dispatch()
	if len(ds) != 1 {
		h.Fatalf("%d uploads were dispatched, want 1", len(ds))
	}
	return h.claimed(ds[0])
}

func (h *harness) outcome(id uuid.UUID) tasks.Outcome {
	h.Helper()
	o, err := h.Outcome(h.Context(), id)
	must(h, err)
	return o
}

func (h *harness) state(id uuid.UUID) tasks.State {
	h.Helper()
	return h.outcome(id).State
}

func (h *harness) wantState(id uuid.UUID, want tasks.State) {
	h.Helper()
	if got := h.state(id); got != want {
		h.Errorf("upload is %s, want %s", got, want)
	}
}

func (h *harness) events() []tasks.Event {
	h.Helper()
	es, _ := h.eventsBehind(0)
	return es
}

// eventsBehind returns the events behind a place, and the place behind them. It waits until all that are committed can be
// read: on PostgreSQL the transactions of other tests hold them back.
func (h *harness) eventsBehind(place int64) ([]tasks.Event, int64) {
	h.Helper()
	newest, err := h.NewestEvent(h.Context())
	must(h, err)
	var es []tasks.Event
	taskstest.Until(h, "all events can be read", func() bool {
		page, err := h.Events(h.Context(), tasks.EventFilter{After: place, Limit: db.MaxPage})
		must(h, err)
		es, place = append(es, page.Events...), page.Next
		return place >= newest
	})
	return es, place
}

func (h *harness) eventTypes() []tasks.EventType {
	h.Helper()
	var ts []tasks.EventType
	for _, e := range h.events() {
		ts = append(ts, e.Type)
	}
	return ts
}

func (h *harness) batch(b tasks.Batch) tasks.Batch {
	h.Helper()
	if b.Producer == "" {
		b.Producer = "crm"
	}
	got, _, err := h.OpenBatch(h.Context(), b)
	must(h, err)
	return got
}

// limit registers the account of the tests with limits.
func (h *harness) limit(change func(*tasks.Account)) {
	h.Helper()
	a := account
	change(&a)
	must(h, h.Join(h.Context(), tasks.Process{Name: "test", Role: tasks.RoleRun}, []tasks.Account{a}))
}

// Refuse records refused rows of a batch.
func (h *harness) Refuse(ctx context.Context, batch uuid.UUID, rs []tasks.Refusal) error {
	s := tasks.Submission{Producer: "crm", Batch: batch}
	for _, r := range rs {
		s.Rows = append(s.Rows, tasks.SubmittedRow{Upload: tasks.Upload{ExternalID: r.ExternalID}, Line: r.Line, Err: &tasks.Error{Code: r.Code, Err: errors.New(r.Reason), Params: r.Params}})
	}
	_, err := h.Submit(ctx, s)
	return err
}

func in(b uuid.UUID) func(*tasks.Upload) { return func(u *tasks.Upload) { u.Batch = b } }

func of(account string) func(*tasks.Upload) { return func(u *tasks.Upload) { u.Account = account } }

func urgent(u *tasks.Upload) { u.Priority = tasks.Interactive }

// key is the media key of a content in the account of the tests.
func key(content string) tasks.MediaKey {
	return tasks.MediaKey{Realm: account.Realm, AppID: account.AppID, Type: tasks.Image, Hash: tasks.HashOf([]byte(content))}
}

// success is what a worker reports that uploaded content.
func (h *harness) success(content string) tasks.Result {
	now := h.today()
	return tasks.Result{
		State: tasks.Succeeded, Key: key(content), Size: int64(len(content)), Media: h.media("media-" + content),
		Attempt: &tasks.Attempt{Started: now, Took: 250 * time.Millisecond},
	}
}

func (h *harness) media(id string) tasks.Media {
	now := h.today()
	return tasks.Media{ID: id, IssuedAt: now, ExpiresAt: now.Add(72 * time.Hour)}
}

// today is about the ledger's time.
func (h *harness) today() time.Time {
	if h.clock != nil {
		return h.clock.now()
	}
	return time.Now().UTC().Truncate(time.Microsecond)
}

func failure(code tasks.Code) tasks.Result {
	return tasks.Result{State: tasks.Failed, Cause: &tasks.Error{Code: code, Op: "upload media", Errcode: 40004, RID: "r-1", Err: errors.New("refused")}, Attempt: &tasks.Attempt{Code: code, Errcode: 40004, RID: "r-1"}}
}

// reporter is what testing.T and rapid.T have in common.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
}

func must(t reporter, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// value turns a method that returns a value and an error into one that fails the test.
func value[A, R any](t reporter, f func(context.Context, A) (R, error)) func(context.Context, A) R {
	return func(ctx context.Context, a A) R {
		t.Helper()
		r, err := f(ctx, a)
		must(t, err)
		return r
	}
}

func wantCode(t reporter, err error, want tasks.Code) {
	t.Helper()
	if got := tasks.CodeOf(err); err == nil || got != want {
		t.Errorf("error %v has code %q, want %q", err, got, want)
	}
}

func wantFenced(t reporter, err error) {
	t.Helper()
	if !errors.Is(err, tasks.ErrFenced) {
		t.Errorf("got %v, want ErrFenced", err)
	}
}

func same(t reporter, what string, got, want any, opts ...cmp.Option) {
	t.Helper()
	if d := cmp.Diff(want, got, opts...); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// together runs f(0) … f(n-1) at once and waits for all.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}
