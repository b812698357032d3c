package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// Two processes and a Redis that is wiped in between spend exactly what the settings grant a day.
func TestDailyLimitIsNeverOverrun(t *testing.T) {
	t.Parallel()
	const files, limit = 80, 50
	g := newGround(t, wechattest.Config{Accounts: []wechattest.Account{
		{AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret, NoQuota: true},
	}})
	g.fill(files, 4000)
	r := g.fleet()
	g.set("MEDIAFERRY_ACCOUNTS__DEFAULT__DAILY_LIMIT", fmt.Sprint(limit))
	g.set("MEDIAFERRY_WORKER__CONCURRENCY", "4")
	if r := g.run("upload", "--detach", g.media); r.code != tasks.ExitOK {
		t.Fatal(r.err)
	}
	g.start("worker")
	g.start("worker")
	taskstest.Until(t, "some uploads are done", func() bool { return g.sandbox.Count(uploadPath) >= limit/2 })
	if err := r.Client().FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	l := g.ledger()
	taskstest.Until(t, "the day is spent and nothing runs", func() bool {
		s, err := l.Status(t.Context())
		return err == nil && s.Counts[tasks.Succeeded] == limit && s.Counts[tasks.Waiting] == files-limit
	})
	if n := g.sandbox.Count(uploadPath); n != limit {
		t.Errorf("%d calls, the day grants %d", n, limit)
	}
}

// Ten thousand uploads wait for an account without a call to anybody; when the hold ends, one goes first.
func TestHeldAccountCostsNothingAndComesBackByAProbe(t *testing.T) {
	t.Parallel()
	const waiting, hold = 10_000, 3 * time.Second
	g := newGround(t, wechattest.Config{})
	for i := range 40 { // every file is uploaded anew: the ramp needs some tens
		g.write(fmt.Sprintf("%d.jpg", i), mediatest.Distinct(i, tasks.Image, 800))
	}
	g.start("run")
	l := g.readyLedger()
	account := onlyAccount(t, l)
	taskstest.Until(t, "the rate was asked for", func() bool { return g.sandbox.Count("quota/get") > 0 })
	ends := time.Now().Add(hold)
	err := l.Hold(t.Context(), tasks.Hold{Realm: account.Realm, AppID: account.AppID, Code: tasks.MinuteLimit, Errcode: 45011, Reason: "test", Until: ends})
	if err != nil {
		t.Fatal(err)
	}
	g.sandbox.Rate(wechattest.Fault{Kind: wechattest.Slow, Path: "media/upload", Delay: 30 * time.Millisecond}, 1)
	before := len(g.sandbox.Calls())
	acceptMany(t, l, waiting)
	taskstest.Until(t, "the first call after the hold", func() bool { return g.sandbox.Count(uploadPath) > 0 })
	calls := g.sandbox.Calls()[before:]
	first := calls[0].Time
	if first.Before(ends) {
		t.Errorf("a call was made %v before the hold ended", ends.Sub(first))
	}
	t.Logf("the first call came %v after the hold ended", first.Sub(ends))
	taskstest.Until(t, "the account is back", func() bool { return onlyAccount(t, l).Hold == nil })
	for i, c := range g.sandbox.Calls()[before:] {
		if i > 0 && c.Path == calls[0].Path && c.Time.Before(first.Add(30*time.Millisecond)) {
			t.Errorf("call %d was made while the probe was under way", i)
		}
	}
}

// readyLedger waits until a process has registered the accounts, and opens the ledger beside it.
func (g *ground) readyLedger() *ledger.Ledger {
	g.t.Helper()
	taskstest.Until(g.t, "the owner has the data dir", g.owned)
	l := g.ledger()
	taskstest.Until(g.t, "the account is registered", func() bool {
		accounts, err := l.Accounts(g.t.Context())
		return err == nil && len(accounts) == 1
	})
	return l
}

func onlyAccount(t *testing.T, l *ledger.Ledger) tasks.AccountStatus {
	t.Helper()
	accounts, err := l.Accounts(t.Context())
	if err != nil || len(accounts) != 1 {
		t.Fatalf("%d accounts, %v", len(accounts), err)
	}
	return accounts[0]
}

func acceptMany(t *testing.T, l *ledger.Ledger, n int) {
	t.Helper()
	uploads := make([]tasks.Upload, n)
	for i := range uploads {
		uploads[i] = tasks.Upload{
			ID: uuid.Must(uuid.NewV7()), Producer: "shop", Account: "default", Type: tasks.Image,
			Source: fmt.Sprintf("%d.jpg", i%40), NoReuse: true,
		}
	}
	if _, err := l.Accept(t.Context(), uploads); err != nil {
		t.Fatal(err)
	}
}
