package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

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
	for _, limit := range []struct{ daily, minute, errcode string }{{"1", "0", "45009"}, {"0", "1", "45011"}} {
		g := newGround(t, wechattest.Config{})
		p := g.start("sandbox", "--listen", "127.0.0.1:0", "--appid", appid, "--secret", secret, "--seed", "7", "--journal", journal,
			"--daily-limit", limit.daily, "--minute-limit", limit.minute)
		until(t, time.Minute, "the sandbox says how it is reached", p.says("MEDIAFERRY_WECHAT_SECRET="+secret+"\n"))
		g.env = append(g.env, strings.Fields(p.log.String())[1:]...)
		g.fill(2, 3000)
		r := g.run("upload", "--output", "json", filepath.Join(g.media, "000", "00000.jpg"))
		if r.code != tasks.ExitOK {
			t.Fatalf("exit code %d\n%s", r.code, r.err)
		}
		first = append(first, g.outcomes(r.out)[0].MediaID)
		if r := g.run("upload", "--wait", "0s", g.media); r.code != tasks.ExitQuota || !strings.Contains(g.run("accounts", "list").out, limit.errcode) {
			t.Errorf("want %s: exit code %d\n%s", limit.errcode, r.code, r.err)
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
