package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// field is one running fleet with everything around it: what attacks strike.
type field struct {
	leg
	dir  string
	root string // of the storage
	url  string // of the ledger, past the proxy

	redis     *redisServer
	postgres  *postgresServer // nil with SQLite
	ledger    *ledger.Ledger  // straight to the database, for watching
	sandbox   *wechattest.Sandbox
	receiver  *receiver
	workers   []*process
	serves    []*process
	urls      []string          // of the API, one for each of serves
	keys      []string          // of the API, one for each producer process
	watchKey  string            // of the API, for reading metrics
	metrics   map[string]string // where processes serve them, by name
	producers []*process
	nets      map[string]*proxy // "redis", "wechat", and "ledger" with PostgreSQL
	sources   *journal          // of what attacks did to files
	callback  string
	revoked   []string         // accounts
	skew      time.Duration    // how wrong all clocks of the machine are, for good
	clocks    map[string]clock // of processes, by their names

	watching *watch // of uploads that were struck

	running sync.WaitGroup
	closing []func()
}

// build starts everything but the producers. Close it even after an error.
func build(ctx context.Context, l leg, binary, dir string) (*field, error) {
	f := &field{leg: l, dir: dir, root: filepath.Join(dir, "media"), nets: map[string]*proxy{}, clocks: map[string]clock{}, metrics: map[string]string{}}
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"make folders", f.makeFolders},
		{"start Redis", f.startRedis},
		{"start the ledger", f.startLedger},
		{"start the sandbox", f.startSandbox},
		{"start the receiver", f.startReceiver},
		{"write settings", f.writeSettings},
		{"start workers", func(ctx context.Context) error { return f.startWorkers(ctx, binary) }},
		{"start the API", func(ctx context.Context) error { return f.startServes(ctx, binary) }},
	}
	for _, s := range steps {
		if err := s.do(ctx); err != nil {
			return f, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return f, nil
}

// close ends everything that was started, in the other order.
func (f *field) close() {
	for i := len(f.closing) - 1; i >= 0; i-- {
		f.closing[i]()
	}
	f.closing = nil
	f.running.Wait()
}

func (f *field) later(do func()) { f.closing = append(f.closing, do) }

func (f *field) makeFolders(context.Context) (err error) {
	for _, dir := range []string{f.root, f.path("data")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	f.sources, err = openJournal(f.path("sources.log"))
	if err == nil {
		f.later(func() { _ = f.sources.close() })
	}
	return err
}

func (f *field) path(name string) string { return filepath.Join(f.dir, name) }

// run supervises p until the field is closed.
func (f *field) run(ctx context.Context, p *process) {
	ctx, cancel := context.WithCancel(ctx)
	f.running.Go(func() { p.supervise(ctx) })
	f.later(func() { cancel(); <-p.gone })
}

func (f *field) startRedis(ctx context.Context) (err error) {
	if f.redis, err = newRedis(f.dir, f.AOF); err != nil {
		return err
	}
	f.later(func() { _ = f.redis.client.Close() })
	f.run(ctx, f.redis.process)
	return errors.Join(f.redis.answers(ctx), f.between("redis", f.redis.addr()))
}

// between puts a proxy before target.
func (f *field) between(name, target string) error {
	p, err := newProxy(target)
	if err != nil {
		return err
	}
	f.nets[name] = p
	f.later(p.close)
	return nil
}

func (f *field) startLedger(ctx context.Context) (err error) {
	direct := "sqlite:" + f.path("ledger/ledger.db")
	f.url = direct
	if f.Ledger == "sqlite" {
		if err := f.makeDisk(f.path("ledger")); err != nil {
			return err
		}
	}
	if f.Ledger == "postgres" {
		if f.postgres, err = newPostgres(f.dir); err != nil {
			return err
		}
		f.run(ctx, f.postgres.process)
		if err := errors.Join(f.postgres.answers(ctx), f.between("ledger", f.postgres.addr())); err != nil {
			return err
		}
		direct, f.url = postgresURL(f.postgres.addr()), postgresURL(f.nets["ledger"].addr())
	}
	own, err := f.clock(ownClock)
	if err != nil {
		return err
	}
	if f.ledger, err = ledger.Open(ctx, direct, ledger.Options{Now: own.now}); err != nil {
		return err
	}
	f.later(func() { f.ledger.Close() })
	return nil
}

// diskBytes and diskRow are the size of an SQLite ledger's disk: some to begin with, and some for each upload, far
// beyond what it needs.
const diskBytes, diskRow = 64 << 20, 16 << 10

// makeDisk gives the folder a small disk of its own, where that is allowed.
func (f *field) makeDisk(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	size := int64(diskBytes + diskRow*f.Uploads)
	if mountDisk(dir, size) == nil {
		f.Disk = size
		f.later(func() { _ = unmountDisk(dir) }) // it shows in the list of mounts
	}
	return nil
}

func (f *field) startSandbox(ctx context.Context) error {
	journal, err := appendFile(f.path("sandbox.log"))
	if err != nil {
		return err
	}
	f.later(func() { journal.Close() })
	c := wechattest.Config{Seed: int64(f.Seed&(1<<62-1)) + 1, Journal: journal, KeepBytes: 1 << 30}
	for _, id := range appIDs {
		c.Accounts = append(c.Accounts, wechattest.Account{AppID: id, Secret: secretOf(id), NoQuota: true})
	}
	f.sandbox = wechattest.New(c)
	f.calm()
	addr, err := f.serve(ctx, f.sandbox)
	if err != nil {
		return err
	}
	return f.between("wechat", addr)
}

// secretOf is the appsecret of an account of the sandbox.
func secretOf(appID string) string { return hex.EncodeToString([]byte(appID)[:16]) }

// calm is WeChat's behaviour while no attack changes it: some answers take their time, so that a killed worker always
// has uploads under way.
func (f *field) calm() {
	f.sandbox.Rate(wechattest.Fault{Path: "media/upload", Kind: wechattest.Slow, Delay: 300 * time.Millisecond}, 0.5)
}

func (f *field) startReceiver(ctx context.Context) (err error) {
	if f.receiver, err = newReceiver(); err != nil {
		return err
	}
	addr, err := f.serve(ctx, f.receiver)
	f.callback = "http://" + addr + "/hook"
	return err
}

// ownClock names the clock by which this tool looks at the ledger.
const ownClock = "chaos"

// clock makes the clock of one process.
func (f *field) clock(name string) (clock, error) {
	c, err := newClock(f.path(name + ".clock"))
	f.clocks[name] = c
	return c, err
}

// serve answers with h on a free loopback port.
func (f *field) serve(ctx context.Context, h http.Handler) (addr string, err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	f.running.Go(func() { _ = server.Serve(l) }) // ends with Close
	f.later(func() { server.Close() })
	return l.Addr().String(), nil
}

// open lists uploads without an outcome, in any of the states, at most a thousand.
func (f *field) open(ctx context.Context, states ...tasks.State) ([]tasks.Outcome, error) {
	page, _, err := f.ledger.List(ctx, tasks.Filter{States: states, Limit: 1000})
	return page, err
}
