package metrics

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/watch"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker"
)

// shown is what Prometheus would read.
func shown(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("HTTP %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// series counts the series of ours.
func series(text string) int {
	n := 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, namespace) {
			n++
		}
	}
	return n
}

func open(t *testing.T) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), ledgertest.SQLite(t), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// hostile are figures full of names that nobody would choose.
func hostile(n int) tasks.Figures {
	f := tasks.Figures{At: time.Now(), OldestDelivery: time.Now()}
	f.OldestOpen, f.Deliveries = time.Now(), 3
	for i := range n {
		name := fmt.Sprintf("a%d\"}\n{\\", i)
		f.Accounts = append(f.Accounts, tasks.AccountStatus{
			Name: name, DailyLimit: 7, CallsToday: i, Hold: &tasks.Hold{Code: tasks.Code(name), Until: time.Now()},
		})
		f.Groups = append(f.Groups, tasks.OpenGroup{Account: name, State: tasks.Queued, Reason: tasks.OpenReady, Uploads: 1})
		f.Groups = append(f.Groups, tasks.OpenGroup{Account: "unknown" + name, State: tasks.Queued, Reason: tasks.OpenReady, Uploads: 1})
		f.Processes = append(f.Processes, tasks.Process{Role: tasks.ProcessRole(name)})
		f.Unserved = append(f.Unserved, tasks.Unserved{Account: name, Open: 1})
	}
	return f
}

// everything shows all figures there are, from a process that has met hostile names n times.
func everything(t *testing.T, n int) *Metrics {
	t.Helper()
	m := New()
	m.Build("v1.2.3", "worker")
	m.Leaders().Elected("dispatch", time.Now().Add(time.Hour))
	work := m.Work([]string{"shop", "crm"}, func(errcode int) bool { return errcode == -1 })
	work.Claimed(time.Second)
	deliver, call := m.Deliveries(), m.Ledger()
	m.Redis()
	call("write", time.Millisecond, errors.New("away"))
	m.Load(func() []worker.Load { return []worker.Load{{Lane: "bulk", Slots: 4}} })
	f := &Fleet{Ledger: open(t), Every: time.Hour, Holder: "a", Log: slog.New(slog.DiscardHandler)}
	m.Fleet(f)
	b := newBook(hostile(n))
	tallied := map[tasks.Tally]int{}
	for i := range n {
		name := fmt.Sprintf("x%d\"}\n", i)
		work.Passed(tasks.Stage(name), time.Second)
		work.Tried(worker.Try{Account: name, Type: tasks.MediaType(name), State: tasks.Failed, Code: tasks.Code(name), Errcode: i + 1})
		work.Tried(worker.Try{Account: "shop", Type: tasks.Image, State: tasks.Failed, Code: tasks.Temporary, Errcode: -1})
		deliver(tasks.DeliveryResult{State: tasks.Delivered, Took: time.Second})
		tallied[tasks.Tally{Account: name, Type: tasks.MediaType(name), State: tasks.Queued}] = 1
		tallied[tasks.Tally{Account: name, Type: tasks.MediaType(name), State: tasks.Failed, Code: tasks.Code(name)}] = 1
	}
	b.figures(hostile(n))
	b.tallies(tallied)
	b.queues([]enqueue.QueueState{{Name: tasks.QueueBulk, Pending: 3, Paused: true}})
	f.show(b.metrics, time.Now().Add(time.Hour))
	return m
}

func TestHostileNamesMakeNoSeries(t *testing.T) {
	t.Parallel()
	few, many := shown(t, everything(t, maxAccounts)), shown(t, everything(t, 10*maxAccounts))
	if a, b := series(few), series(many); b > a+20 { // those of "other"
		t.Errorf("%d series of %d names, %d of %d", a, maxAccounts, b, 10*maxAccounts)
	}
	for _, want := range []string{
		`mediaferry_uploads_open{account="other",reason="ready",state="queued"} 9500`, // all unknown ones, and those beyond the first 500
		`mediaferry_uploads_accepted_total{account="other",type="other"} 5000`,
		`mediaferry_tries_total{account="other",code="other",errcode="other",state="failed",type="other"} 5000`,
		`mediaferry_tries_total{account="shop",code="temporary",errcode="-1",state="failed",type="image"} 5000`,
	} {
		if !strings.Contains(many, want+"\n") {
			t.Errorf("it does not show %s", want)
		}
	}
}

func TestPromtoolFindsNothing(t *testing.T) {
	t.Parallel()
	promtool := taskstest.FullTool(t, "promtool")
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(shown(t, everything(t, 3)))
	if out, err := cmd.CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

var figureName = regexp.MustCompile(`mediaferry_[a-z_]+`)

// What the dashboard and the alerts ask for is what is shown.
func TestDashboardAndAlertsAskForFiguresThatAre(t *testing.T) {
	t.Parallel()
	is := map[string]bool{}
	for _, name := range figureName.FindAllString(shown(t, everything(t, 3)), -1) {
		is[name] = true
	}
	asked := map[string]bool{}
	for _, a := range watch.Alerts {
		asked[a.Expr] = true
	}
	for _, row := range watch.Rows {
		for _, p := range row.Panels {
			for _, q := range p.Queries {
				asked[q.Expr] = true
			}
		}
	}
	for expr := range asked {
		for _, name := range figureName.FindAllString(expr, -1) {
			if !is[name] {
				t.Errorf("no %s is shown: %s", name, expr)
			}
		}
	}
}

func TestOneProcessShowsTheFleet(t *testing.T) {
	t.Parallel()
	l := open(t)
	member := func(holder string) (*Metrics, *Fleet) {
		m := New()
		f := &Fleet{Ledger: l, Every: time.Hour, Holder: holder, Log: slog.New(slog.DiscardHandler)}
		m.Fleet(f)
		return m, f
	}
	a, first := member("a")
	b, second := member("b")
	first.turn(t.Context())
	second.turn(t.Context())
	shows := func() []bool {
		return []bool{strings.Contains(shown(t, a), "mediaferry_uploads_missing 0"), strings.Contains(shown(t, b), "mediaferry_uploads_missing 0")}
	}
	if got := shows(); !slices.Equal(got, []bool{true, false}) {
		t.Errorf("at first they show %v", got)
	}
	first.mu.Lock()
	first.until = time.Now() // its term has ended, as it would while the ledger is away
	first.mu.Unlock()
	if got := shows(); !slices.Equal(got, []bool{false, false}) {
		t.Errorf("after the term they show %v", got)
	}
	first.resign(t.Context())
	second.turn(t.Context())
	first.turn(t.Context())
	if got := shows(); !slices.Equal(got, []bool{false, true}) {
		t.Errorf("after the first has resigned they show %v", got)
	}
}
