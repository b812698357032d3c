package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
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
	g := clitest.New(t, wechattest.Config{Accounts: []wechattest.Account{
		{AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret, NoQuota: true},
	}})
	g.Fill(files, 4000)
	r := fleet(g)
	g.Set("MEDIAFERRY_ACCOUNTS__DEFAULT__DAILY_LIMIT", fmt.Sprint(limit))
	g.Set("MEDIAFERRY_ACCOUNTS__DEFAULT__RESERVE", "0")
	g.Set("MEDIAFERRY_WORKER__CONCURRENCY", "4")
	if r := g.Run("upload", "--detach", g.Media); r.Code != tasks.ExitOK {
		t.Fatal(r.Err)
	}
	g.Start("worker")
	g.Start("worker")
	taskstest.Until(t, "some uploads are done", func() bool { return g.Sandbox.Count(clitest.UploadPath) >= limit/2 })
	if err := r.Client().FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	l := g.Ledger()
	taskstest.Until(t, "the day is spent and nothing runs", func() bool {
		s, err := l.Status(t.Context())
		return err == nil && s.Counts[tasks.Succeeded] == limit && s.Counts[tasks.Waiting] == files-limit
	})
	if n := g.Sandbox.Count(clitest.UploadPath); n != limit {
		t.Errorf("%d calls, the day grants %d", n, limit)
	}
}

// Thousands of uploads wait for an account without a call to anybody; when the hold ends, one goes first.
func TestHeldAccountCostsNothingAndComesBackByAProbe(t *testing.T) {
	t.Parallel()
	const hold = 3 * time.Second
	waiting := taskstest.Size(10_000)
	g := clitest.New(t, wechattest.Config{})
	for i := range 40 { // every file is uploaded anew: the ramp needs some tens
		g.Write(fmt.Sprintf("%d.jpg", i), mediatest.Distinct(i, tasks.Image, 800))
	}
	g.Start("run")
	l := g.ReadyLedger()
	account := onlyAccount(t, l)
	taskstest.Until(t, "the rate was asked for", func() bool { return g.Sandbox.Count("quota/get") > 0 })
	ends := time.Now().Add(hold)
	err := l.Hold(t.Context(), tasks.Hold{Realm: account.Realm, AppID: account.AppID, Code: tasks.MinuteLimit, Errcode: 45011, Reason: "test", Until: ends})
	if err != nil {
		t.Fatal(err)
	}
	g.Sandbox.Rate(wechattest.Fault{Kind: wechattest.Slow, Path: "media/upload", Delay: 30 * time.Millisecond}, 1)
	before := len(g.Sandbox.Calls())
	acceptMany(t, l, waiting)
	taskstest.Until(t, "the first call after the hold", func() bool { return g.Sandbox.Count(clitest.UploadPath) > 0 })
	calls := g.Sandbox.Calls()[before:]
	first := calls[0].Time
	if first.Before(ends) {
		t.Errorf("a call was made %v before the hold ended", ends.Sub(first))
	}
	t.Logf("the first call came %v after the hold ended", first.Sub(ends))
	taskstest.Until(t, "the account is back", func() bool { return onlyAccount(t, l).Hold == nil })
	for i, c := range g.Sandbox.Calls()[before:] {
		if i > 0 && c.Path == calls[0].Path && c.Time.Before(first.Add(30*time.Millisecond)) {
			t.Errorf("call %d was made while the probe was under way", i)
		}
	}
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

// A secret that changes in its file is taken over by the processes that run, and the account's hold ends by it.
func TestChangedSecretFileLiftsTheHold(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Env = slices.DeleteFunc(g.Env, func(v string) bool { return strings.HasPrefix(v, "MEDIAFERRY_WECHAT_SECRET=") })
	secret := filepath.Join(g.Dir, "secret")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(secret, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("not-the-secret-00000000000000000")
	g.Set("MEDIAFERRY_WECHAT_SECRET_FILE", secret)
	for i := range 2 {
		g.Write(fmt.Sprintf("%d.jpg", i), mediatest.Distinct(i, tasks.Image, 800))
	}
	p := g.Start("run")
	l := g.ReadyLedger()
	acceptMany(t, l, 2)
	held := func() bool { return onlyAccount(t, l).Hold != nil }
	taskstest.Until(t, "the account is held", held)
	if r := g.Run("accounts", "resume", "default"); r.Code != tasks.ExitAccount || !held() {
		t.Errorf("resumed under the wrong secret: exit %d, held: %v: %s", r.Code, held(), r.Err)
	}
	write(wechattest.DefaultSecret)
	taskstest.Until(t, "all is uploaded", func() bool {
		s, err := l.Status(t.Context())
		return err == nil && s.Counts[tasks.Succeeded] == 2
	})
	if !p.Says("the account has new credentials") {
		t.Errorf("the log does not say so:\n%s", p.Log)
	}
}

// A serve alone passes calls on with the account's token: it, too, takes a secret that changes without a restart.
func TestServeTakesASecretThatChanges(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	fleet(g)
	secret := filepath.Join(g.Dir, "secret")
	write := func(s string) {
		t.Helper()
		if err := os.WriteFile(secret, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("not-the-secret-00000000000000000")
	g.Set("MEDIAFERRY_WECHAT_SECRET", "")
	g.Set("MEDIAFERRY_WECHAT_SECRET_FILE", secret)
	g.Set("MEDIAFERRY_PASSTHROUGH", "message/custom/send")
	g.Set("MEDIAFERRY_PRODUCERS__SHOP__KEY", shopKey)
	p := g.Start("serve")
	s := &town{ledger: g.Ledger(), Served: g.ServedAs(p, shopKey)}
	var token struct {
		Token string `json:"access_token"`
	}
	s.Ask("GET", "/cgi-bin/token?grant_type=client_credential&appid=shop&secret="+shopKey, "", &token)
	send := func() string {
		_, answer := s.post("", "/cgi-bin/message/custom/send?access_token="+token.Token, "application/json", `{"touser":"openid","msgtype":"text","text":{"content":"hello"}}`)
		return answer
	}
	const refused = "errcode 40001"
	if answer := send(); !strings.Contains(answer, refused) {
		t.Fatalf("with the wrong secret: %s", answer)
	}
	write(wechattest.DefaultSecret)
	taskstest.Until(t, "the new secret is taken", func() bool { return p.Says("the account has new credentials") })
	if answer := send(); !strings.Contains(answer, "errcode") || strings.Contains(answer, refused) { // it says something of the message now
		t.Errorf("with the new secret: %s", answer)
	}
}
