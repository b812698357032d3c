// Package fleet starts a whole mediaferry fleet on this machine, with everything around it, and collects what it recorded.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/clock"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/process"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/proxy"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/receiver"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// Fleet is one running fleet with everything around it. Its exported fields are for attacks.
type Fleet struct {
	Run  scenario.Run
	dir  string
	root string // of the storage
	url  string // of the ledger, through the proxy

	Redis      *redistest.Process
	Rdb        *redis.Client
	Postgres   *ledgertest.Process // nil with SQLite
	ledger     *ledger.Ledger      // straight to the database, without the proxy
	Sandbox    *wechattest.Sandbox
	Receivers  map[string]*receiver.Receiver // by name
	Workers    []*process.Process
	Serves     []*process.Process
	urls       []string          // of the API, one for each of Serves
	keys       []string          // of the API, one for each producer process
	metricsKey string            // of the API, to read metrics
	metrics    map[string]string // URLs of processes that serve metrics, by name
	Producers  []*process.Process
	Proxies    map[string]*proxy.Proxy  // "redis", "wechat", and "ledger" with PostgreSQL
	Sources    *history.Journal         // what attacks do to files
	callbacks  map[string]string        // URLs of receivers, by name
	secret     tasks.Secret             // of webhooks
	frozen     atomic.Bool              // WeChat refuses the frozen account
	Revoked    []string                 // accounts whose tokens were revoked
	Skew       time.Duration            // how far all clocks stay wrong
	clocks     map[string]clock.Clock   // of processes, by name
	skews      map[string]time.Duration // of these clocks while no attack sets them

	observer *observer // of attacked uploads

	running sync.WaitGroup
	closers []func()
}

// Start starts everything but the producers. binary is the mediaferry to attack, dir holds all files. Close the fleet even
// after an error.
func Start(ctx context.Context, run scenario.Run, binary, dir string) (*Fleet, error) {
	f := &Fleet{Run: run, dir: dir, root: filepath.Join(dir, "media"), Proxies: map[string]*proxy.Proxy{}, clocks: map[string]clock.Clock{}, metrics: map[string]string{}, Receivers: map[string]*receiver.Receiver{}, callbacks: map[string]string{}, skews: map[string]time.Duration{}}
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"make folders", f.makeFolders},
		{"start Redis", f.startRedis},
		{"start the ledger", f.startLedger},
		{"start the sandbox", f.startSandbox},
		{"start the receivers", f.startReceivers},
		{"write settings", f.writeSettings},
		{"start workers", func(ctx context.Context) error { return f.startWorkers(ctx, binary) }},
		{"start the API", func(ctx context.Context) error { return f.startServes(ctx, binary) }},
		{"open the observer", f.openObserver},
	}
	for _, s := range steps {
		if err := s.do(ctx); err != nil {
			return f, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return f, nil
}

// Close ends everything, the latest first.
func (f *Fleet) Close() {
	for i := len(f.closers) - 1; i >= 0; i-- {
		f.closers[i]()
	}
	f.closers = nil
	f.running.Wait()
}

func (f *Fleet) onClose(do func()) { f.closers = append(f.closers, do) }

func (f *Fleet) makeFolders(context.Context) (err error) {
	for _, dir := range []string{f.root, f.path("data"), f.path("redis")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	f.Sources, err = history.OpenJournal(f.path("sources.log"))
	if err == nil {
		f.onClose(func() { _ = f.Sources.Close() })
	}
	return err
}

// File returns the path of an upload's source.
func (f *Fleet) File(source string) string { return filepath.Join(f.root, filepath.FromSlash(source)) }

func (f *Fleet) path(name string) string { return filepath.Join(f.dir, name) }

// run supervises p until Close.
func (f *Fleet) run(ctx context.Context, p *process.Process) {
	ctx, cancel := context.WithCancel(ctx)
	f.running.Go(func() { p.Supervise(ctx) })
	f.onClose(func() { cancel(); <-p.Gone })
}

// ownClock names the clock of this tool's own ledger connection.
const ownClock = "chaos"

// clock makes the clock of one process.
func (f *Fleet) clock(name string) (clock.Clock, error) {
	c, err := clock.New(f.path(name + ".clock"))
	f.clocks[name] = c
	return c, errors.Join(err, f.SetClock(name, 0))
}

// SetClock sets the clock of one process wrong by skew, in addition to how far it is wrong without attacks.
func (f *Fleet) SetClock(name string, skew time.Duration) error {
	return f.clocks[name].Set(f.skews[name] + skew)
}

// ClockSkew returns how far the clock of one process is wrong without attacks.
func (f *Fleet) ClockSkew(name string) time.Duration { return f.skews[name] }

// SetClocks sets the clocks of all processes wrong by skew.
func (f *Fleet) SetClocks(skew time.Duration) (err error) {
	for name := range f.clocks {
		err = errors.Join(err, f.SetClock(name, skew))
	}
	return err
}

// List lists at most a thousand uploads that are in one of the states.
func (f *Fleet) List(ctx context.Context, states ...tasks.State) ([]tasks.Outcome, error) {
	page, _, err := f.ledger.List(ctx, tasks.Filter{States: states, Limit: 1000})
	return page, err
}
