package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func TestCancelRunning(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Fill(3, 5000)
	g.Sandbox.Rate(wechattest.Fault{Kind: wechattest.Slow, Path: "media/upload", Delay: time.Minute}, 1)
	g.Run("status") // makes the ledger
	l := g.Ledger()
	p := g.Start("upload", "--output", "json", g.Media)
	taskstest.Until(t, "uploads are under way", func() bool {
		status, err := l.Status(t.Context())
		return err == nil && status.Counts[tasks.Running] == 3
	})
	r := g.Run("cancel", "--state", "running", "--yes", "--wait", "1m", "--output", "json")
	if r.Code != tasks.ExitOK || !strings.Contains(r.Err, "3 of them are running: what WeChat has answered by then succeeds") ||
		!strings.Contains(r.Err, "0 canceled, 3 asked to stop") {
		t.Errorf("exit code %d\n%s", r.Code, r.Err)
	}
	for _, o := range g.Outcomes(r.Out) {
		if o.State != tasks.Canceled || o.Code != tasks.Stopped {
			t.Errorf("%s is %s %s, want canceled", o.Filename, o.State, o.Code)
		}
	}
	<-p.Done
	if p.ProcessState.ExitCode() != tasks.ExitFailed {
		t.Errorf("the upload itself ended with %d, want %d", p.ProcessState.ExitCode(), tasks.ExitFailed)
	}
}

func TestCancelSucceedsForWhatWeChatHasAnswered(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Fill(1, 5000)
	if r := g.Run("upload", "--detach", g.Media); r.Code != tasks.ExitOK {
		t.Fatal(r.Err)
	}
	l := g.Ledger()
	claim := claimed(g, l) // by a worker that WeChat has answered, and that has not yet heard of the cancel
	asked := make(chan clitest.Result)
	go func() { asked <- g.Run("cancel", "--wait", "1m", claim.ID.String()) }()
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
	if r.Code != tasks.ExitOK || !strings.Contains(r.Err, "1 had been answered by WeChat already, and succeeded") {
		t.Errorf("exit code %d\n%s", r.Code, r.Err)
	}
}

func TestCancelEndsKeeps(t *testing.T) {
	t.Parallel()
	for name, postgres := range map[string]bool{"sqlite": false, "postgres": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := clitest.New(t, wechattest.Config{})
			if postgres {
				g.Set("MEDIAFERRY_LEDGER_URL", ledgertest.Postgres(t))
			}
			g.Run("status") // makes the ledger
			l := g.Ledger()
			now := time.Now()
			names := []string{"a.jpg", "b.jpg", "c.jpg"}
			for _, name := range names {
				u := tasks.Upload{Producer: "local", ExternalID: name, Account: "default", Type: tasks.Image, Source: name, KeepFreshUntil: now.Add(300 * time.Hour)}
				if _, err := l.Accept(t.Context(), []tasks.Upload{u}); err != nil {
					t.Fatal(err)
				}
				err := l.Finish(t.Context(), claimed(g, l).Token, tasks.Result{State: tasks.Succeeded, Key: tasks.MediaKey{Realm: "wechat", AppID: "wx1", Type: u.Type, Hash: tasks.HashOf([]byte(name))},
					Media: tasks.Media{ID: "m-" + name, IssuedAt: now, ExpiresAt: now.Add(72 * time.Hour)}, Attempt: &tasks.Attempt{Started: now}})
				if err != nil {
					t.Fatal(err)
				}
			}
			kept := func(want ...string) {
				t.Helper()
				page, _, err := l.List(t.Context(), tasks.Filter{})
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, o := range page {
					if !o.KeepFresh.IsZero() {
						got = append(got, o.Source)
					}
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("kept alive: %s", d)
				}
			}
			kept("c.jpg", "b.jpg", "a.jpg")
			if r := g.Run("cancel", "b.jpg"); r.Code != tasks.ExitOK || !strings.Contains(r.Err, "the media of 1 upload is not kept alive for it any more") {
				t.Errorf("exit code %d\n%s", r.Code, r.Err)
			}
			kept("c.jpg", "a.jpg")
			r := g.Run("cancel", "--state", "succeeded", "--yes")
			if r.Code != tasks.ExitOK || !strings.Contains(r.Err, "3 match: 2 can be canceled, 1 can't because they have their outcome; 2 of them have succeeded") ||
				!strings.Contains(r.Err, "0 canceled, 0 asked to stop, 0 had changed meanwhile") || !strings.Contains(r.Err, "the media of 2 uploads are not kept alive for them any more") {
				t.Errorf("exit code %d\n%s", r.Code, r.Err)
			}
			kept()
			if r := g.Run("cancel", "a.jpg"); r.Code != tasks.ExitUsage {
				t.Errorf("exit code %d\n%s", r.Code, r.Err)
			}
		})
	}
}

// claimed lets a worker of the test's own have the one upload that is queued.
func claimed(g *clitest.Ground, l *ledger.Ledger) tasks.Claim {
	g.T.Helper()
	dispatched, err := l.Dispatch(g.T.Context(), tasks.Window{Bulk: 1})
	if err != nil || len(dispatched) != 1 {
		g.T.Fatalf("%d dispatched: %v", len(dispatched), err)
	}
	claims, err := l.Claim(g.T.Context(), tasks.NewBids(dispatched[0].Runs), "test", time.Minute)
	if err != nil || len(claims) != 1 {
		g.T.Fatalf("%d claimed: %v", len(claims), err)
	}
	return claims[0]
}

// Beside a shared Redis, too, a cancel that waits for a worker ends when its time is over.
func TestCancelWaitsForAWorkerNoLongerThanAsked(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Fill(1, 5000)
	if r := g.Run("upload", "--detach", g.Media); r.Code != tasks.ExitOK {
		t.Fatal(r.Err)
	}
	claim := claimed(g, g.Ledger())
	g.Set("MEDIAFERRY_REDIS_URL", redistest.Start(t).URL())
	g.Set("MEDIAFERRY_TOKEN_KEY", strings.Repeat("0123456789abcdef", 4))
	r := g.Run("cancel", "--wait", "2s", claim.ID.String())
	if r.Code != tasks.ExitOK || !strings.Contains(r.Err, "1 upload is still with a worker") {
		t.Errorf("exit code %d\n%s", r.Code, r.Err)
	}
}
