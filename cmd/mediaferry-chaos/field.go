package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
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
	producers []*process
	nets      map[string]*proxy // "redis", "wechat", and "ledger" with PostgreSQL
	sources   *journal          // of what attacks did to files
	callback  string
	revoked   []string // accounts

	running sync.WaitGroup
	closing []func()
}

// build starts everything but the producers. Close it even after an error.
func build(ctx context.Context, l leg, binary, dir string) (*field, error) {
	f := &field{leg: l, dir: dir, root: filepath.Join(dir, "media"), nets: map[string]*proxy{}}
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"make folders", f.makeFolders},
		{"start Redis", f.startRedis},
		{"start the ledger", f.startLedger},
		{"start the sandbox", f.startSandbox},
		{"start the receiver", f.startReceiver},
		{"start workers", func(ctx context.Context) error { return f.startWorkers(ctx, binary) }},
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
	direct := "sqlite:" + f.path("ledger.db")
	f.url = direct
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
	if f.ledger, err = ledger.Open(ctx, direct, ledger.Options{}); err != nil {
		return err
	}
	f.later(func() { f.ledger.Close() })
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

func (f *field) startWorkers(ctx context.Context, binary string) error {
	config := f.path("mediaferry.yaml")
	if err := f.writeSettings(config); err != nil {
		return err
	}
	for i := range f.Workers {
		name := fmt.Sprintf("worker-%d", i)
		args := []string{"worker", "--config", config}
		if i == 0 { // one of them serves HTTP as well
			args[0] = "run"
		}
		if f.Planted != "" {
			args = []string{"planted-worker", config, f.Planted}
		}
		p, err := f.child(name, binary, args...)
		if err != nil {
			return err
		}
		f.workers = append(f.workers, p)
		f.run(ctx, p)
	}
	return untilNil(ctx, startTime, f.workersReady)
}

// startTime is how long workers may take until they say that they are ready; after that the run is off.
const startTime = 20 * time.Second

func (f *field) workersReady() error {
	for _, p := range f.workers {
		log, err := os.ReadFile(f.path(p.name + ".log"))
		if err != nil {
			return err
		}
		if !bytes.Contains(log, []byte(`"msg":"ready"`)) {
			return fmt.Errorf("%s does not start:\n%s", p.name, log[max(0, len(log)-1000):])
		}
	}
	return nil
}

// child is a process of ours with a log of its own.
func (f *field) child(name, binary string, args ...string) (*process, error) {
	log, err := appendFile(f.path(name + ".log"))
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	f.later(func() { log.Close() })
	return newProcess(name, log, func() *exec.Cmd {
		cmd := exec.Command(binary, args...) //nolint:noctx // supervise ends it
		cmd.Env = append(os.Environ(), "GOMAXPROCS=2")
		return cmd
	}), nil
}

// writeSettings writes the workers' settings file: JSON, which is YAML as well. Pauses that are minutes in production
// are seconds here, so that a run comes to rest.
func (f *field) writeSettings(path string) error {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	accounts := map[string]any{}
	for name, id := range appIDs {
		a := map[string]any{"appid": id, "secret": secretOf(id)}
		if name == accountSmall {
			a["daily_limit"] = smallLimit
		}
		accounts[name] = a
	}
	b, err := json.MarshalIndent(map[string]any{
		"redis_url":    "redis://" + f.nets["redis"].addr() + "/0",
		"ledger_url":   f.url,
		"data_dir":     f.path("data"),
		"storage_root": f.root,
		"listen":       "127.0.0.1:0",
		"token_key":    hex.EncodeToString(key),
		"log":          map[string]any{"level": "info", "format": "json"},
		"wechat":       map[string]any{"base_url": []string{"http://" + f.nets["wechat"].addr()}, "timeout": "5s", "connect_timeout": "2s"},
		"accounts":     accounts,
		"worker": map[string]any{
			"concurrency": f.Slots, "interactive": f.Slots / 4, "lease": f.Lease.String(), "shutdown_timeout": "1s", "attempts": f.Attempts,
			"backoff_base": "200ms", "backoff_cap": "2s", "unknown_pause": "1s", "hold_recheck": "2s", "hold_recheck_slow": "2s",
		},
		"webhook": map[string]any{"secrets": []string{f.receiver.secret.Reveal()}, "allow": []string{"127.0.0.1"}, "attempts": 50, "timeout": "3s"},
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}

// produce starts the producers.
func (f *field) produce(ctx context.Context, start time.Time) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	for i := range f.Producers {
		name := fmt.Sprintf("producer-%d", i)
		order := producerOrder{
			Leg: f.leg, Number: i, Name: name, Ledger: f.url, Root: f.root, Journal: f.path(name + ".journal"), Callback: f.callback,
			Start: start, Deadline: start.Add(f.Duration),
		}
		b, err := json.Marshal(order)
		if err != nil {
			return err
		}
		if err := os.WriteFile(f.path(name+".json"), b, 0o600); err != nil {
			return err
		}
		p, err := f.child(name, self, "producer", f.path(name+".json"))
		if err != nil {
			return err
		}
		f.producers = append(f.producers, p)
		f.run(ctx, p)
	}
	return nil
}

// produced reports whether every producer is through.
func (f *field) produced() bool {
	for _, p := range f.producers {
		if !p.finished() {
			return false
		}
	}
	return true
}

// open lists uploads without an outcome, in any of the states, at most a thousand.
func (f *field) open(ctx context.Context, states ...tasks.State) ([]tasks.Outcome, error) {
	page, _, err := f.ledger.List(ctx, tasks.Filter{States: states, Limit: 1000})
	return page, err
}
