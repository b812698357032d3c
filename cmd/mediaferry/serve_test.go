package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// serve accepts and answers, and leaves the work to others; what a producer submitted is found under its name.
func TestServeAcceptsForOthers(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	g.write("a.jpg", mediatest.Distinct(1, tasks.Image, 3000))
	s := g.served(g.start("serve"))
	shop := *s
	if shop.key = strings.TrimSpace(g.run("keys", "add", "shop").out); shop.key == "" {
		t.Fatal("there is no key for the shop")
	}
	var receipt tasks.Receipt
	const request = `{"external_id":"order-7","type":"image","source":"a.jpg","callback_url":"https://shop.example/hook"}`
	if status := shop.ask("POST", "/v1/uploads", request, &receipt); status != 202 {
		t.Fatalf("status %d", status)
	}
	if r := g.run("show", "--producer", "shop", "order-7"); r.code != tasks.ExitOK || !strings.Contains(r.out, receipt.ID.String()) {
		t.Errorf("show: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if r := g.run("show", "order-7"); r.code == tasks.ExitOK {
		t.Errorf("order-7 is found under another producer's name:\n%s", r.out)
	}
	s.process.signal(syscall.SIGTERM)
	if s.process.err != nil {
		t.Errorf("serve ended with %v", s.process.err)
	}
	if n := len(g.sandbox.Calls()); n != 0 {
		t.Errorf("serve made %d calls", n)
	}
}

// The sandbox is a WeChat with the account, the limits, the journal and the luck that its flags say.
func TestSandboxCommand(t *testing.T) {
	t.Parallel()
	const appid, secret = "wx00000000000000aa", "00000000000000000000000000000aaa"
	journal := filepath.Join(t.TempDir(), "calls.jsonl")
	var first []string
	for range 2 {
		g := newGround(t, wechattest.Config{})
		p := g.start("sandbox", "--listen", "127.0.0.1:0", "--appid", appid, "--secret", secret, "--seed", "7", "--journal", journal,
			"--daily-limit", "1", "--minute-limit", "600")
		p.until("MEDIAFERRY_WECHAT_SECRET=" + secret + "\n")
		said := strings.Fields(p.log.String())
		g.env = append(g.env, said[1:]...)
		g.fill(2, 3000)
		r := g.run("upload", "--output", "json", filepath.Join(g.media, "000", "00000.jpg"))
		if r.code != tasks.ExitOK {
			t.Fatalf("exit code %d\n%s", r.code, r.err)
		}
		first = append(first, g.outcomes(r.out)[0].MediaID)
		if r := g.run("upload", "--wait", "0s", g.media); r.code != tasks.ExitQuota || !strings.Contains(g.run("accounts", "list").out, "45009") {
			t.Errorf("over the daily limit: exit code %d\n%s", r.code, r.err)
		}
		if got := askedRate(t, said[0], appid, secret); got != 600 {
			t.Errorf("quota/get grants %d calls a minute, want 600", got)
		}
		p.signal(syscall.SIGTERM)
		if p.err != nil {
			t.Errorf("the sandbox ended with %v", p.err)
		}
	}
	if first[0] != first[1] {
		t.Errorf("the same seed issues %s and %s", first[0], first[1])
	}
	b, err := os.ReadFile(journal)
	if calls := string(b); err != nil || strings.Count(calls, uploadPath) < 4 || strings.Count(calls, first[0]) != 2 {
		t.Errorf("the journal has not every call, %v:\n%s", err, calls)
	}
}

// askedRate is how many uploads a minute a WeChat grants.
func askedRate(t *testing.T, base, appid, secret string) int {
	t.Helper()
	var token struct {
		Value string `json:"access_token"`
	}
	var quota struct {
		Rate struct {
			Count int `json:"call_count"`
		} `json:"rate_limit"`
	}
	for _, call := range []struct {
		path string
		body string
		into any
	}{
		{"/cgi-bin/stable_token", `{"grant_type":"client_credential","appid":"` + appid + `","secret":"` + secret + `"}`, &token},
		{"/cgi-bin/openapi/quota/get?access_token=", `{"cgi_path":"/cgi-bin/media/upload"}`, &quota},
	} {
		res, err := http.Post(base+call.path+token.Value, "application/json", strings.NewReader(call.body))
		if err != nil {
			t.Fatal(err)
		}
		err = json.NewDecoder(res.Body).Decode(call.into)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	return quota.Rate.Count
}
