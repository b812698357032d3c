package main

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync"
	"sync/atomic"
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

// These tests are of law 8: nobody pays for another. Each has two workers that differ.

// pictures accepts n uploads of an account, each of a content of its own.
func pictures(g *clitest.Ground, l *ledger.Ledger, account string, n int) {
	g.T.Helper()
	uploads := make([]tasks.Upload, n)
	for i := range uploads {
		id := uuid.New()
		source := fmt.Sprintf("%s/%s.jpg", account, id)
		g.Write(source, mediatest.Distinct(int(id.ID()), tasks.Image, 800))
		uploads[i] = tasks.Upload{Producer: "shop", Account: account, Type: tasks.Image, Source: source}
	}
	if _, err := l.Accept(g.T.Context(), uploads); err != nil {
		g.T.Fatal(err)
	}
}

// number counts the uploads that f chooses.
func number(t *testing.T, l *ledger.Ledger, f tasks.Filter) int {
	t.Helper()
	counts, err := l.Count(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range counts {
		n += c.Uploads
	}
	return n
}

func in(s tasks.State, account string) tasks.Filter {
	return tasks.Filter{States: []tasks.State{s}, Account: account}
}

// succeed waits until all n uploads of the account have succeeded, and fails the test as soon as one of them has failed.
func succeed(t *testing.T, l *ledger.Ledger, account string, n int) {
	t.Helper()
	taskstest.Until(t, fmt.Sprintf("%d uploads of %s succeeded", n, account), func() bool {
		if failed := number(t, l, in(tasks.Failed, account)); failed > 0 {
			t.Fatalf("%d uploads failed", failed)
		}
		return number(t, l, in(tasks.Succeeded, account)) == n
	})
}

// joined waits until the ledger knows n living workers.
func joined(t *testing.T, l *ledger.Ledger, n int) {
	t.Helper()
	taskstest.Until(t, fmt.Sprintf("%d workers have joined", n), func() bool {
		ps, err := l.Processes(t.Context())
		return err == nil && len(ps) == n
	})
}

// An account that may call six times a minute has work for an hour. The uploads of another one are all done meanwhile.
func TestAnAccountsRateIsItsOwn(t *testing.T) {
	t.Parallel()
	const waiting, quick, rate = 300, 40, 6
	g := clitest.New(t, wechattest.Config{Accounts: []wechattest.Account{
		{AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret},
		{AppID: "wxslow", Secret: "secret-of-slow"},
	}})
	fleet(g)
	g.Set("MEDIAFERRY_ACCOUNTS__ASLOW__APPID", "wxslow")
	g.Set("MEDIAFERRY_ACCOUNTS__ASLOW__SECRET", "secret-of-slow")
	g.Set("MEDIAFERRY_ACCOUNTS__ASLOW__RATE_PER_MINUTE", fmt.Sprint(rate))
	l := g.Ledger()
	pictures(g, l, "aslow", waiting)
	g.Set("MEDIAFERRY_WORKER__CONCURRENCY", "8")
	g.Start("worker")
	g.Set("MEDIAFERRY_WORKER__CONCURRENCY", "2")
	g.Start("worker")
	joined(t, l, 2)
	taskstest.Until(t, "an upload of the slow account is done", func() bool { return number(t, l, in(tasks.Succeeded, "aslow")) > 0 })
	pictures(g, l, "default", quick)
	succeed(t, l, "default", quick)
	if left := waiting - number(t, l, in(tasks.Succeeded, "aslow")); left < waiting/2 {
		t.Errorf("%d of the slow account are left, want most of %d: %d calls a minute are granted", left, waiting, rate)
	}
}

// Workers that look at held accounts in different rhythms take nothing from each other: a hold lasts as long as it
// should, nothing that runs is taken over, and nobody counts as dead.
func TestWorkersOfDifferentRhythmsLiveSideBySide(t *testing.T) {
	t.Parallel()
	const uploads, hold = 24, time.Hour
	g := clitest.New(t, wechattest.Config{Accounts: []wechattest.Account{
		{AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret},
		{AppID: "wxheld", Secret: "secret-of-held"},
	}})
	fleet(g)
	g.Sandbox.Rate(wechattest.Fault{Kind: wechattest.Slow, Path: "media/upload", Delay: time.Second}, 1)
	g.Set("MEDIAFERRY_ACCOUNTS__HELD__APPID", "wxheld")
	g.Set("MEDIAFERRY_ACCOUNTS__HELD__SECRET", "secret-of-held")
	g.Set("MEDIAFERRY_WORKER__CONCURRENCY", "2")
	l := g.Ledger()
	g.Set("MEDIAFERRY_WORKER__HOLD_RECHECK", "10m")
	patient := g.Start("worker")
	joined(t, l, 1)
	g.Set("MEDIAFERRY_WORKER__HOLD_RECHECK", "1m")
	g.Set("MEDIAFERRY_WORKER__LEASE", "2s")
	eager := g.Start("worker")
	joined(t, l, 2)
	accounts, err := l.Accounts(t.Context())
	if err != nil || len(accounts) != 2 || accounts[1].Name != "held" {
		t.Fatalf("accounts %+v, %v", accounts, err)
	}
	err = l.Hold(t.Context(), tasks.Hold{Realm: accounts[1].Realm, AppID: "wxheld", Code: tasks.AccountHeld, Errcode: 40013, Reason: "test", Until: time.Now().Add(hold)})
	if err != nil {
		t.Fatal(err)
	}
	until := holdOf(t, l, "held").Until
	pictures(g, l, "held", 5)
	pictures(g, l, "default", uploads)
	succeed(t, l, "default", uploads)

	if n := accepted(g.Sandbox); n != uploads {
		t.Errorf("%d uploads were made of %d files", n, uploads)
	}
	if h := holdOf(t, l, "held"); h == nil || !h.Until.Equal(until) {
		t.Errorf("the hold is %+v, want it to end at %s", h, until)
	}
	if n := number(t, l, in(tasks.Waiting, "held")); n != 5 {
		t.Errorf("%d of the held account wait, want all 5", n)
	}
	for _, p := range []*clitest.Process{patient, eager} {
		for _, wrong := range []string{"the ledger's clock was set back", "another worker owns the upload", "lease"} {
			if p.Says(wrong) {
				t.Errorf("a worker says %q:\n%s", wrong, p.Log.Tail())
			}
		}
	}
}

func holdOf(t *testing.T, l *ledger.Ledger, account string) *tasks.Hold {
	t.Helper()
	accounts, err := l.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range accounts {
		if a.Name == account {
			return a.Hold
		}
	}
	return nil
}

// line is a network cable between workers and the sandbox, which can be cut.
type line struct {
	t    *testing.T
	to   string
	addr string

	mu    sync.Mutex
	at    net.Listener
	calls map[net.Conn]bool
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	n := &line{t: t, to: strings.TrimPrefix(to, "http://"), addr: "127.0.0.2:0", calls: map[net.Conn]bool{}}
	n.mend()
	t.Cleanup(n.cut)
	return n
}

// url is where the sandbox is for those on this line.
func (n *line) url() string { return "http://" + n.addr }

// mend lets connections through, at the same address as before.
func (n *line) mend() {
	n.t.Helper()
	at, err := (&net.ListenConfig{}).Listen(n.t.Context(), "tcp", n.addr)
	if err != nil {
		n.t.Fatal(err)
	}
	n.mu.Lock()
	n.at, n.addr = at, at.Addr().String()
	n.mu.Unlock()
	go func() {
		for {
			c, err := at.Accept()
			if err != nil {
				return
			}
			go n.carry(c)
		}
	}()
}

func (n *line) carry(c net.Conn) {
	defer c.Close()
	far, err := (&net.Dialer{}).DialContext(context.WithoutCancel(n.t.Context()), "tcp", n.to)
	if err != nil {
		return
	}
	defer far.Close()
	n.mu.Lock()
	n.calls[c] = true
	n.mu.Unlock()
	go func() { _, _ = io.Copy(far, c) }()
	_, _ = io.Copy(c, far)
	n.mu.Lock()
	delete(n.calls, c)
	n.mu.Unlock()
}

// cut refuses connections, and ends those that there are.
func (n *line) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.at.Close()
	for c := range n.calls {
		c.Close()
	}
}

// While nothing can connect to WeChat uploads wait, and burn no attempt: here a second one would be the last.
func TestAnOutageFailsNothing(t *testing.T) {
	t.Parallel()
	const before, during = 4, 12
	g := clitest.New(t, wechattest.Config{})
	fleet(g)
	cable := newLine(t, g.Sandbox.URL)
	g.Set("MEDIAFERRY_WECHAT_BASE_URL", cable.url())
	g.Set("MEDIAFERRY_WORKER__ATTEMPTS", "2")
	g.Set("MEDIAFERRY_WORKER__BACKOFF_BASE", "1ms")
	g.Set("MEDIAFERRY_WORKER__CONCURRENCY", "1")
	l := g.Ledger()
	g.Start("worker")
	g.Set("MEDIAFERRY_WORKER__BACKOFF_CAP", "1ms")
	g.Start("worker")
	joined(t, l, 2)
	pictures(g, l, "default", before)
	succeed(t, l, "default", before)

	cable.cut()
	pictures(g, l, "default", during)
	cutOff := tasks.Filter{Code: tasks.Unreachable}
	taskstest.Until(t, "some wait for the way to WeChat", func() bool { return number(t, l, cutOff) >= during/3 })
	cable.mend()
	succeed(t, l, "default", before+during)
	all, _, err := l.List(t.Context(), tasks.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range all {
		if o.Attempts != 1 {
			t.Errorf("an upload has %d attempts, want the one that succeeded", o.Attempts)
		}
	}
}

// way is one worker's way to WeChat, whose address an account may refuse.
type way struct {
	*httptest.Server
	refuses atomic.Bool
	refused atomic.Int64
}

func newWay(t *testing.T) *way {
	t.Helper()
	w := new(way)
	through := &httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.refuses.Load() && strings.HasSuffix(r.URL.Path, clitest.UploadPath) {
			w.refused.Add(1)
			_, _ = io.Copy(io.Discard, r.Body)
			fmt.Fprint(rw, `{"errcode":40164,"errmsg":"invalid ip 203.0.113.9, not in whitelist rid: 1"}`)
			return
		}
		through.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.Close)
	return w
}

// An account that refuses the address of one worker is left to the other, and held only once it refuses both.
func TestARefusedAddressIsItsWorkersOwn(t *testing.T) {
	t.Parallel()
	const uploads = 12
	g := clitest.New(t, wechattest.Config{})
	fleet(g)
	g.Sandbox.Rate(wechattest.Fault{Kind: wechattest.Slow, Path: "media/upload", Delay: 100 * time.Millisecond}, 1)
	l := g.Ledger()
	ways := []*way{newWay(t), newWay(t)}
	for _, w := range ways {
		g.Set("MEDIAFERRY_WECHAT_PROXY", w.URL)
		g.Set("MEDIAFERRY_WORKER__CONCURRENCY", "1")
		g.Start("worker")
	}
	joined(t, l, 2)

	ways[0].refuses.Store(true)
	sent := 0
	taskstest.Until(t, "one worker was refused", func() bool {
		if number(t, l, in(tasks.Succeeded, "default")) == sent { // the other one was faster
			pictures(g, l, "default", uploads)
			sent += uploads
		}
		return ways[0].refused.Load() > 0
	})
	succeed(t, l, "default", sent)
	if h := holdOf(t, l, "default"); h != nil {
		t.Errorf("the account is held for all: %+v", h)
	}
	events, err := l.Events(t.Context(), tasks.EventFilter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events.Events {
		if e.Type == tasks.HoldBegan {
			t.Errorf("the account was held: %s", e.Data)
		}
	}

	ways[1].refuses.Store(true)
	pictures(g, l, "default", uploads)
	taskstest.Until(t, "the account is held", func() bool { return holdOf(t, l, "default") != nil })
	if h := holdOf(t, l, "default"); h.Code != tasks.AccountHeld || h.Errcode != 40164 {
		t.Errorf("held for %s, %d, want account, 40164", h.Code, h.Errcode)
	}
	if n := number(t, l, in(tasks.Failed, "default")); n != 0 {
		t.Errorf("%d uploads failed", n)
	}
}

// blankPNG is a PNG of 16 bits a channel and four channels, of one colour: a megabyte that decodes to a thousand times as
// much.
func blankPNG(side int, comment string) []byte {
	raw := side * (1 + 8*side) // a filter byte a row
	const step = 1 << 20
	var packed bytes.Buffer
	z, err := flate.NewWriter(&packed, flate.BestSpeed)
	if err != nil {
		panic(err)
	}
	pack := func(n int) []byte {
		packed.Reset()
		_, _ = z.Write(make([]byte, n)) // a buffer takes everything
		_ = z.Flush()
		return bytes.Clone(packed.Bytes())
	}
	data := append([]byte{0x78, 0x01}, pack(step)...)
	data = append(data, bytes.Repeat(pack(step), raw/step-1)...)
	data = append(data, pack(raw%step)...)
	data = append(data, 1, 0, 0, 0xff, 0xff) // an empty last block
	data = binary.BigEndian.AppendUint32(data, uint32(raw%65521)<<16|1)

	b := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(name string, body []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
		from := len(b)
		b = append(append(b, name...), body...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[from:]))
	}
	size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(side)), uint32(side))
	chunk("IHDR", append(size, 16, 6, 0, 0, 0))
	chunk("tEXt", []byte("Comment\x00"+comment))
	chunk("IDAT", data)
	chunk("IEND", nil)
	return b
}

// Pictures that would take a gigabyte to decode are refused by their headers, and those that are decoded wait for each
// other: another producer's picture is through meanwhile.
func TestHeavyPicturesHoldNobodyUp(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	fleet(g)
	l := g.Ledger()
	heavy := make([]tasks.Upload, 6)
	for i := range heavy {
		side := 9999
		if i%2 == 1 {
			side = 1500
		}
		g.Write(fmt.Sprintf("heavy%d.png", i), blankPNG(side, fmt.Sprint(i)))
		heavy[i] = tasks.Upload{Producer: "greedy", Account: "default", Type: tasks.Thumb, Source: fmt.Sprintf("heavy%d.png", i), Fix: true}
	}
	if _, err := l.Accept(t.Context(), heavy); err != nil {
		t.Fatal(err)
	}
	g.Set("MEDIAFERRY_WORKER__CONCURRENCY", "2")
	workers := []*clitest.Process{g.Start("worker")}
	g.Set("MEDIAFERRY_WORKER__MEMORY_BUDGET", "64MiB")
	workers = append(workers, g.Start("worker"))
	g.Write("light.jpg", mediatest.Distinct(1, tasks.Image, 800))
	if _, err := l.Accept(t.Context(), []tasks.Upload{{Producer: "shop", Account: "default", Type: tasks.Image, Source: "light.jpg"}}); err != nil {
		t.Fatal(err)
	}
	light := tasks.Filter{Producer: "shop", States: []tasks.State{tasks.Succeeded}}
	taskstest.Until(t, "the light one is through", func() bool { return number(t, l, light) == 1 })
	refused := tasks.Filter{States: []tasks.State{tasks.Failed}, Code: tasks.TooLarge}
	taskstest.Until(t, "the others have their outcomes", func() bool { return number(t, l, refused) == 3 && number(t, l, in(tasks.Succeeded, "default")) == 4 })
	outcomes, _, err := l.List(t.Context(), refused)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outcomes {
		if !strings.Contains(o.Reason, "9999 × 9999 pixels") || !strings.Contains(o.Reason, "--fix takes") {
			t.Errorf("refused because %s", o.Reason)
		}
	}
	for _, w := range workers {
		t.Logf("peak memory of a worker: %d MiB", peakMemory(w.Process.Pid)>>20)
	}
}
