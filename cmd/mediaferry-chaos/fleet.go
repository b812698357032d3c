package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"time"
)

func (f *field) startWorkers(ctx context.Context, binary string) error {
	for i := range f.Workers {
		name := fmt.Sprintf("worker-%d", i)
		args := []string{"worker", "--config", f.settings()}
		var env []string
		if i == 0 || f.Soak { // one of them serves HTTP as well, and all of them where somebody reads their metrics
			args[0] = "run"
			addr, err := f.address(name)
			if err != nil {
				return err
			}
			env = append(env, addr)
		}
		if f.Planted != "" {
			args = []string{"planted-worker", f.settings(), f.Planted}
		}
		p, err := f.child(name, env, binary, args...)
		if err != nil {
			return err
		}
		f.workers = append(f.workers, p)
		f.run(ctx, p)
	}
	return untilNil(ctx, startTime, func() error { return f.ready(f.workers, "ready") })
}

// startServes starts the processes that answer HTTP and do nothing else. They stay on their ports over restarts.
func (f *field) startServes(ctx context.Context, binary string) error {
	for i := range f.Serves {
		name := fmt.Sprintf("serve-%d", i)
		addr, err := f.address(name)
		if err != nil {
			return err
		}
		p, err := f.child(name, []string{addr}, binary, "serve", "--config", f.settings())
		if err != nil {
			return err
		}
		f.serves, f.urls = append(f.serves, p), append(f.urls, f.metrics[name])
		f.run(ctx, p)
	}
	return untilNil(ctx, startTime, func() error { return f.ready(f.serves, "listening") })
}

// address finds a port for a process to stay on, as a setting in its environment.
func (f *field) address(name string) (string, error) {
	port, err := freePort()
	if err != nil {
		return "", err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	f.metrics[name] = "http://" + addr
	return "MEDIAFERRY_LISTEN=" + addr, nil
}

// startTime is how long processes may take until they say that they are ready; after that the run is off.
const startTime = 2 * time.Minute

// ready reports which of them has not said so yet.
func (f *field) ready(ps []*process, word string) error {
	for _, p := range ps {
		log, err := os.ReadFile(f.path(p.name + ".log"))
		if err != nil {
			return err
		}
		if !bytes.Contains(log, []byte(`"msg":"`+word+`"`)) {
			return fmt.Errorf("%s does not start:\n%s", p.name, log[max(0, len(log)-1000):])
		}
	}
	return nil
}

// child is a process of ours with a log of its own.
func (f *field) child(name string, env []string, binary string, args ...string) (*process, error) {
	log, err := appendFile(f.path(name + ".log"))
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	f.later(func() { log.Close() })
	own, err := f.clock(name)
	if err != nil {
		return nil, err
	}
	env = append(env, clockEnv+"="+own.path)
	return newProcess(name, log, func() *exec.Cmd {
		cmd := exec.Command(binary, args...) //nolint:noctx // supervise ends it
		cmd.Env = append(append(os.Environ(), "GOMAXPROCS=2"), env...)
		return cmd
	}), nil
}

func (f *field) settings() string { return f.path("mediaferry.yaml") }

// writeSettings writes the fleet's settings file: JSON, which is YAML as well. Pauses that are minutes in production
// are seconds here, so that a run comes to rest.
func (f *field) writeSettings(context.Context) error {
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
	producers := map[string]any{}
	for i := range f.Producers + f.Clients {
		f.keys = append(f.keys, rand.Text())
		producers[producerName(i)] = map[string]any{"key": f.keys[i]}
	}
	f.watchKey = rand.Text()
	producers[watcher] = map[string]any{"key": f.watchKey, "role": "viewer"}
	b, err := json.MarshalIndent(map[string]any{
		"producers":    producers,
		"redis_url":    "redis://" + f.nets["redis"].addr() + "/0",
		"ledger_url":   f.url,
		"data_dir":     f.path("data"),
		"storage_root": f.root,
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
	return os.WriteFile(f.settings(), b, 0o600)
}

func producerName(n int) string { return fmt.Sprintf("producer-%d", n) }

// produce starts the producers: those over the Go package first, then those over HTTP.
func (f *field) produce(ctx context.Context, start time.Time) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	for i := range f.Producers + f.Clients {
		name := producerName(i)
		order := producerOrder{
			Leg: f.leg, Number: i, Name: name, Ledger: f.url, Root: f.root, Journal: f.path(name + ".journal"), Clock: f.path(name + ".clock"), Callback: f.callback,
			Start: start, Deadline: start.Add(f.Duration),
		}
		if i >= f.Producers {
			order.URLs, order.Key = f.urls, f.keys[i]
		}
		b, err := json.Marshal(order)
		if err != nil {
			return err
		}
		if err := os.WriteFile(f.path(name+".json"), b, 0o600); err != nil {
			return err
		}
		p, err := f.child(name, nil, self, "producer", f.path(name+".json"))
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
