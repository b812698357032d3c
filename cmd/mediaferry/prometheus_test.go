package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/watch"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// causedElsewhere are the alerts whose cause can't be had in a test of half a minute. Those of package watch fire for data that
// are made.
var causedElsewhere = map[string]string{
	"MediaferryUnreachable":    "no worker may reach WeChat for ten seconds",
	"MediaferryAddressRefused": "and stay so while others work",
	"MediaferryCutOff":         "the same, of one worker",
	"MediaferryLedgerFails":    "the database is shared with other tests",
	"MediaferryLedgerSlow":     "likewise",
	"MediaferryMemoryShort":    "uploads of hundreds of megabytes",
	"MediaferryVersionsDiffer": "a program of another version",
}

// A real Prometheus scrapes a fleet in which much goes wrong: each panel shows something, and each alert fires.
func TestPrometheusShowsAndTells(t *testing.T) {
	t.Parallel()
	taskstest.Full(t)
	program := taskstest.Tool(t, "prometheus")
	g, redis := watched(t, 2)
	g.Set("MEDIAFERRY_ACCOUNTS__BAD__APPID", "wxbad")
	g.Set("MEDIAFERRY_ACCOUNTS__BAD__SECRET", "secret-of-bad")
	g.Set("MEDIAFERRY_WEBHOOK__ALLOW", "127.0.0.1")
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }))
	t.Cleanup(receiver.Close)
	l := g.Ledger()
	workers := []*clitest.Process{g.Start("worker"), g.Start("worker")}
	serve := g.Start("serve")
	joined(t, l, 3)
	p := startPrometheus(t, program, watch.Times{Window: 20 * time.Second, Late: 2 * time.Second}, append(workers, serve))

	pictures(g, l, "default", 6)
	succeed(t, l, "default", 6)
	g.Write("same.jpg", mediatest.Distinct(1, tasks.Image, 800))
	for n := range 2 { // the second time it is reused
		if _, err := l.Accept(t.Context(), []tasks.Upload{{Producer: "shop", Account: "default", Type: tasks.Image, Source: "same.jpg"}}); err != nil {
			t.Fatal(err)
		}
		succeed(t, l, "default", 7+n)
	}
	g.Sandbox.Script(
		wechattest.Fault{Kind: wechattest.Errcode, Path: "media/upload", Errcode: 77777},
		wechattest.Fault{Kind: wechattest.Errcode, Path: "media/upload", Errcode: 41005},
	)
	pictures(g, l, "default", 2)
	p.fires("MediaferryUnknownErrcode", "MediaferryDefect")
	pictures(g, l, "few", 4)
	pictures(g, l, "bad", 2)
	wrong := []tasks.Upload{{Producer: "shop", Account: "nobody", Type: tasks.Image, Source: "x.jpg"}}
	for i := range 6 {
		wrong = append(wrong, tasks.Upload{Producer: "shop", Account: "default", Type: tasks.Image, Source: fmt.Sprintf("gone%d.jpg", i), CallbackURL: receiver.URL})
	}
	if _, err := l.Accept(t.Context(), wrong); err != nil {
		t.Fatal(err)
	}
	p.fires("MediaferryUploadsFail", "MediaferryDaySpent", "MediaferryAccountHeld", "MediaferryUnserved", "MediaferryWebhooksLate")
	g.Sandbox.Script(wechattest.Fault{Kind: wechattest.Errcode, Path: "media/upload", Errcode: 40001, Times: 100})
	pictures(g, l, "default", 8)
	p.fires("MediaferryTokenContested")

	inspector := asynq.NewInspectorFromRedisClient(redis.Client())
	if err := inspector.PauseQueue("mediaferry:bulk"); err != nil {
		t.Fatal(err)
	}
	pictures(g, l, "default", 5)
	p.fires("MediaferryQueuePaused", "MediaferryStandsStill", "MediaferryUploadsLate")
	for _, row := range watch.Rows {
		for _, panel := range row.Panels {
			for _, q := range panel.Queries {
				expr := strings.ReplaceAll(q.Expr, "$__rate_interval", "2m")
				if n := p.results(expr); n == 0 {
					t.Errorf("the panel %q shows nothing: %s", panel.Title, expr)
				}
			}
		}
	}
	ledgertest.Fill(t, g.Variable("MEDIAFERRY_LEDGER_URL"), "UPDATE balances SET accepted = accepted + 3")
	p.fires("MediaferryUploadsMissing")
	redis.Kill()
	p.fires("MediaferryRedisFails")
	redis.Restart()
	for _, w := range workers {
		w.Signal(syscall.SIGKILL)
	}
	p.fires("MediaferryNoWorkers")
	serve.Signal(syscall.SIGKILL)
	p.fires("MediaferryNoFigures")
	for _, a := range watch.Alerts {
		if !p.fired[a.Name] && causedElsewhere[a.Name] == "" {
			t.Errorf("%s was never caused", a.Name)
		}
	}
}

// scraper is a Prometheus.
type scraper struct {
	t     *testing.T
	url   string
	fired map[string]bool
}

// startPrometheus lets a Prometheus scrape processes each second. Its alerts fire at once.
func startPrometheus(t *testing.T, program string, times watch.Times, ps []*clitest.Process) *scraper {
	t.Helper()
	rules, err := watch.Rules(times)
	if err != nil {
		t.Fatal(err)
	}
	rules = regexp.MustCompile(`(?m)^ +for: .*\n`).ReplaceAll(rules, nil)
	var targets []string
	for _, p := range ps {
		targets = append(targets, strings.TrimPrefix(p.MetricsURL(), "http://"))
	}
	dir := t.TempDir()
	config := fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yaml]
scrape_configs: [{job_name: mediaferry, static_configs: [{targets: ['%s']}]}]
`, strings.Join(targets, "', '"))
	for name, text := range map[string]string{"prometheus.yaml": config, "rules.yaml": string(rules)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := freeAddress(t)
	cmd := exec.CommandContext(t.Context(), program, "--config.file=prometheus.yaml", "--storage.tsdb.path=data", "--web.listen-address="+at)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log := new(clitest.Log)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("prometheus:\n%s", log.Tail())
		}
	})
	s := &scraper{t, "http://" + at, map[string]bool{}}
	taskstest.Until(t, "all processes are scraped", func() bool { return s.results("up == 1") == len(ps) })
	return s
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// results counts the series that an expression gives now. It returns 0 where Prometheus does not answer yet.
func (s *scraper) results(expr string) int {
	s.t.Helper()
	var answer struct {
		Status, Error string
		Data          struct{ Result []json.RawMessage }
	}
	res, err := http.Get(s.url + "/api/v1/query?query=" + url.QueryEscape(expr))
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return 0
	}
	if answer.Status != "success" {
		s.t.Errorf("%s: %s", expr, answer.Error)
	}
	return len(answer.Data.Result)
}

// fires waits until these alerts fire.
func (s *scraper) fires(names ...string) {
	s.t.Helper()
	for _, name := range names {
		taskstest.Until(s.t, name+" fires", func() bool {
			return s.results(fmt.Sprintf("ALERTS{alertname=%q,alertstate=\"firing\"}", name)) > 0
		})
		s.fired[name] = true
	}
}
