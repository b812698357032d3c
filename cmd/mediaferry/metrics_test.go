package main

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// watched makes the ground one of a fleet with two accounts that differ, of which one may make few calls a day, and whose
// processes show their figures.
func watched(t *testing.T, daily int) (*clitest.Ground, *redistest.Server) {
	g := clitest.New(t, wechattest.Config{Accounts: []wechattest.Account{
		{AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret, NoQuota: true},
		{AppID: "wxfew", Secret: "secret-of-few", NoQuota: true},
	}})
	redis := fleet(g)
	g.Set("MEDIAFERRY_ACCOUNTS__FEW__APPID", "wxfew")
	g.Set("MEDIAFERRY_ACCOUNTS__FEW__SECRET", "secret-of-few")
	g.Set("MEDIAFERRY_ACCOUNTS__FEW__DAILY_LIMIT", fmt.Sprint(daily))
	g.Set("MEDIAFERRY_METRICS__LISTEN", "127.0.0.1:0")
	g.Set("MEDIAFERRY_METRICS__REFRESH", "1s")
	g.Set("MEDIAFERRY_WORKER__CONCURRENCY", "4")
	g.Set("MEDIAFERRY_WORKER__BACKOFF_BASE", "10ms")
	return g, redis
}

// What a fleet shows is what its ledger says, whichever process shows it, and a sum over processes counts nothing twice.
func TestFiguresOfAFleetAreThoseOfItsLedger(t *testing.T) {
	t.Parallel()
	const many, few, daily, busy = 24, 7, 3, 5
	g, _ := watched(t, daily)
	g.Sandbox.Script(slices.Repeat([]wechattest.Fault{{Kind: wechattest.Errcode, Path: "media/upload", Errcode: -1}}, busy)...)
	l := g.Ledger()
	pictures(g, l, "default", many)
	g.Write("broken.jpg", []byte("no picture"))
	_, err := l.Accept(t.Context(), []tasks.Upload{{Producer: "shop", Account: "default", Type: tasks.Image, Source: "broken.jpg"}})
	if err != nil {
		t.Fatal(err)
	}
	ps := []*clitest.Process{g.Start("worker"), g.Start("worker"), g.Start("serve")}
	joined(t, l, len(ps))
	done := func() bool {
		return number(t, l, in(tasks.Succeeded, "default")) == many && number(t, l, in(tasks.Failed, "default")) == 1
	}
	taskstest.Until(t, "the uploads of the one account are done", done)
	pictures(g, l, "few", few)
	taskstest.Until(t, "the day of the other is spent", func() bool {
		return number(t, l, in(tasks.Succeeded, "few")) == daily && number(t, l, in(tasks.Waiting, "few")) == few-daily
	})

	sum := agree(t, l, ps)
	for _, c := range []struct {
		what string
		got  float64
		want float64
	}{
		{"uploads", sum.Of("mediaferry_tries_total", `state="succeeded"`), many + daily},
		{"busy", sum.Of("mediaferry_tries_total", `account="default"`, `errcode="-1"`, `state="waiting"`), busy},
		{"calls", sum.Of("mediaferry_stage_duration_seconds_count", `stage="upload"`), many + daily + busy},
		{"held", sum.Of("mediaferry_account_held", `account="few"`, `code="daily_limit"`), 1},
		{"not held", sum.Of("mediaferry_account_held", `account="default"`), 0},
		{"calls today", sum.Of("mediaferry_account_calls_today", `account="few"`), daily},
		{"calls left", sum.Of("mediaferry_account_calls_left", `account="few"`), 0},
		{"workers", sum.Of("mediaferry_processes", `role="worker"`), 2},
		{"serves", sum.Of("mediaferry_processes", `role="serve"`), 1},
		{"programs", sum.Of("mediaferry_build_info"), 3},
	} {
		if c.got != c.want {
			t.Errorf("%s: the sum of the processes is %v, want %v", c.what, c.got, c.want)
		}
	}
	if n := sum.Of("mediaferry_queue_duration_seconds_count"); n < many || n > many+few+1 {
		t.Errorf("%v uploads were claimed for the first time", n)
	}
	if sum.Of("mediaferry_redis_duration_seconds_count") == 0 || sum.Of("mediaferry_ledger_duration_seconds_count", `use="write"`) == 0 {
		t.Error("no call of Redis or of the ledger was counted")
	}

	if _, shown := sum[`mediaferry_belt_paused{queue="bulk"}`]; !shown {
		t.Error("nothing is shown of the belt")
	}

	leader := slices.IndexFunc(ps, func(p *clitest.Process) bool { return p.Figures().Of("mediaferry_leader", `role="figures"`) == 1 })
	ps[leader].Signal(syscall.SIGKILL)
	agree(t, l, slices.Delete(ps, leader, leader+1))
}

// agree waits until one of the processes leads, and the sum of what they show of the whole installation is what the ledger says.
func agree(t *testing.T, l *ledger.Ledger, ps []*clitest.Process) clitest.Figures {
	t.Helper()
	var sum clitest.Figures
	diff := "no leader"
	defer func() {
		if t.Failed() {
			t.Logf("figures and ledger (-ledger +figures):\n%s", diff)
		}
	}()
	taskstest.Until(t, "the figures are those of the ledger", func() bool {
		sum = clitest.SumFigures(ps...)
		if sum.Of("mediaferry_leader", `role="figures"`) != 1 {
			return false
		}
		shown := clitest.Figures{}
		for series, n := range sum {
			if n != 0 && aboutUploads(series) {
				shown[series] = n
			}
		}
		diff = cmp.Diff(told(t, l), shown)
		return diff == ""
	})
	return sum
}

func aboutUploads(series string) bool {
	f := clitest.Figures{series: 1}
	return f.Of("mediaferry_uploads_accepted_total")+f.Of("mediaferry_uploads_ended_total")+f.Of("mediaferry_uploads_open") > 0
}

// told is what the ledger says of the same.
func told(t *testing.T, l *ledger.Ledger) clitest.Figures {
	t.Helper()
	want := clitest.Figures{}
	ctx := context.WithoutCancel(t.Context())
	all, err := l.Tally(ctx, time.Unix(0, 0), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, y := range all {
		series := fmt.Sprintf("mediaferry_uploads_accepted_total{account=%q,type=%q}", y.Account, y.Type)
		if y.State.Final() {
			series = fmt.Sprintf(`mediaferry_uploads_ended_total{account=%q,code=%q,outcome=%q,reused="%v",type=%q}`, y.Account, y.Code, y.State, y.Reused, y.Type)
		}
		want[series] += float64(y.Count)
	}
	figures, err := l.Figures(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range figures.Groups {
		want[fmt.Sprintf("mediaferry_uploads_open{account=%q,reason=%q,state=%q}", o.Account, o.Reason, o.State)] += float64(o.Uploads)
	}
	return want
}
