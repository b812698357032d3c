package main

import (
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func TestCancelRunning(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	g.fill(3, 5000)
	g.sandbox.Rate(wechattest.Fault{Kind: wechattest.Slow, Path: "media/upload", Delay: time.Minute}, 1)
	g.run("status") // makes the ledger
	l := g.ledger()
	p := g.start("upload", "--output", "json", g.media)
	taskstest.Until(t, "uploads are under way", func() bool {
		status, err := l.Status(t.Context())
		return err == nil && status.Counts[tasks.Running] == 3
	})
	r := g.run("cancel", "--state", "running", "--yes", "--wait", "1m", "--output", "json")
	if r.code != tasks.ExitOK || !strings.Contains(r.err, "3 of them are running: what WeChat has answered by then succeeds") ||
		!strings.Contains(r.err, "0 canceled, 3 asked to stop") {
		t.Errorf("exit code %d\n%s", r.code, r.err)
	}
	for _, o := range g.outcomes(r.out) {
		if o.State != tasks.Canceled || o.Code != tasks.Stopped {
			t.Errorf("%s is %s %s, want canceled", o.Filename, o.State, o.Code)
		}
	}
	<-p.done
	if p.ProcessState.ExitCode() != tasks.ExitFailed {
		t.Errorf("the upload itself ended with %d, want %d", p.ProcessState.ExitCode(), tasks.ExitFailed)
	}
}

func TestCancelSucceedsForWhatWeChatHasAnswered(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	g.fill(1, 5000)
	if r := g.run("upload", "--detach", g.media); r.code != tasks.ExitOK {
		t.Fatal(r.err)
	}
	l := g.ledger()
	claim := g.claimed(l) // by a worker that WeChat has answered, and that has not yet heard of the cancel
	asked := make(chan result)
	go func() { asked <- g.run("cancel", "--wait", "1m", claim.ID.String()) }()
	taskstest.Until(t, "the worker hears of the cancel", func() bool {
		r, err := l.Renew(t.Context(), []tasks.Token{claim.Token}, time.Minute)
		return err == nil && len(r.Canceled) == 1
	})
	now := time.Now()
	err := l.Finish(t.Context(), claim.Token, tasks.Result{State: tasks.Succeeded, Key: tasks.MediaKey{Realm: "wechat", AppID: "wx1", Type: claim.Type, Hash: tasks.HashOf(nil)},
		Media: tasks.Media{ID: "m1", IssuedAt: now, ExpiresAt: now.Add(72 * time.Hour)}, Attempt: &tasks.Attempt{Started: now}})
	if err != nil {
		t.Fatal(err)
	}
	r := <-asked
	if r.code != tasks.ExitOK || !strings.Contains(r.err, "1 had been answered by WeChat already, and succeeded") {
		t.Errorf("exit code %d\n%s", r.code, r.err)
	}
}

// claimed lets a worker of the test's own have the one upload that is queued.
func (g *ground) claimed(l *ledger.Ledger) tasks.Claim {
	g.t.Helper()
	dispatched, err := l.Dispatch(g.t.Context(), tasks.Window{Bulk: 1})
	if err != nil || len(dispatched) != 1 {
		g.t.Fatalf("%d dispatched: %v", len(dispatched), err)
	}
	claim, err := l.Claim(g.t.Context(), dispatched[0].ID, dispatched[0].Generation, "test", time.Minute)
	if err != nil {
		g.t.Fatal(err)
	}
	return claim
}

// Beside a shared Redis, too, a cancel that waits for a worker ends when its time is over.
func TestCancelWaitsForAWorkerNoLongerThanAsked(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	g.fill(1, 5000)
	if r := g.run("upload", "--detach", g.media); r.code != tasks.ExitOK {
		t.Fatal(r.err)
	}
	claim := g.claimed(g.ledger())
	g.set("MEDIAFERRY_REDIS_URL", redistest.Start(t).URL())
	g.set("MEDIAFERRY_TOKEN_KEY", strings.Repeat("0123456789abcdef", 4))
	r := g.run("cancel", "--wait", crewInterval.String(), claim.ID.String())
	if r.code != tasks.ExitOK || !strings.Contains(r.err, "1 upload is still with a worker") {
		t.Errorf("exit code %d\n%s", r.code, r.err)
	}
}

func TestBulkAsks(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{"y\n": true, "Yes\n": true, "yes": true, "\n": false, "no\n": false, "": false} {
		var out strings.Builder
		got, err := (&bulk{kind: tasks.ActionRetry}).ask(strings.NewReader(answer), &out, 300)
		if got != want || (err == nil) != want || !strings.HasPrefix(out.String(), "retry 300 uploads? [y/N] ") {
			t.Errorf("%q: %v, %v after %q", answer, got, err, out.String())
		}
	}
}

func TestProducerAloneIsNoChoice(t *testing.T) {
	t.Parallel()
	if (filterFlags{Source: "a/**", Producer: "shop"}).none() || !(filterFlags{Producer: "shop"}).none() {
		t.Error("what is no choice is taken for one, or the other way round")
	}
}
