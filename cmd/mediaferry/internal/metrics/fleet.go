package metrics

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// FleetLedger is what a Fleet needs of the ledger.
type FleetLedger interface {
	Lead(ctx context.Context, role, holder string, ttl time.Duration) (bool, error)
	Resign(ctx context.Context, role, holder string) error
	Figures(ctx context.Context) (tasks.Figures, error)
	TallyLedger
}

// Queues lists the queues of the belt.
type Queues interface {
	Queues(ctx context.Context) ([]enqueue.QueueState, error)
}

// RoleFigures is the role of the process that shows the figures of a Fleet.
const RoleFigures = "figures"

// Fleet shows the figures that concern the whole installation. Run one in every process whose figures Prometheus reads: a
// lease in the ledger elects the one that shows them. It reads the ledger by itself, now and then, so that nobody who asks for
// the figures can make it slow. When the ledger is away the figures end with the term of the process that showed them.
type Fleet struct {
	Ledger FleetLedger
	Belt   Queues // nil: there is no belt to look at
	Every  time.Duration
	Holder string // names this process in the election
	Log    *slog.Logger

	tallies tallies

	mu    sync.Mutex
	shown []prometheus.Metric
	until time.Time // of the term
}

// Fleet shows the figures of f, which the caller runs.
func (m *Metrics) Fleet(f *Fleet) { m.registry.MustRegister(f) }

// termMore is how much longer than two turns a term lasts.
const termMore = 5 * time.Second

// Run works until ctx ends, and then lets another process lead.
func (f *Fleet) Run(ctx context.Context) {
	defer f.resign(ctx)
	tick := time.NewTicker(f.Every)
	defer tick.Stop()
	for {
		f.turn(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// turn stands for the role and, as its leader, reads the figures anew. What it can't read stays as it was read last.
func (f *Fleet) turn(ctx context.Context) {
	term := 2*f.Every + termMore
	until := time.Now().Add(term)
	leads, err := f.Ledger.Lead(ctx, RoleFigures, f.Holder, term)
	if err != nil {
		f.Log.DebugContext(ctx, "no figures of the whole installation", "error", err) // others log that the ledger is away
		return
	}
	if !leads {
		f.tallies = tallies{}
		f.show(nil, time.Time{})
		return
	}
	read, err := f.read(ctx)
	if err != nil {
		f.Log.WarnContext(ctx, "the figures of the whole installation could not be read", "error", err)
		return
	}
	f.show(read, until)
}

func (f *Fleet) resign(ctx context.Context) {
	f.show(nil, time.Time{})
	_ = f.Ledger.Resign(context.WithoutCancel(ctx), RoleFigures, f.Holder) // its term ends by itself anyway
}

func (f *Fleet) show(ms []prometheus.Metric, until time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shown, f.until = ms, until
}

// Describe implements prometheus.Collector.
func (f *Fleet) Describe(to chan<- *prometheus.Desc) {
	for _, d := range fleetDescs {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (f *Fleet) Collect(to chan<- prometheus.Metric) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !time.Now().Before(f.until) {
		return
	}
	for _, m := range f.shown {
		to <- m
	}
}

func (f *Fleet) read(ctx context.Context) ([]prometheus.Metric, error) {
	figures, err := f.Ledger.Figures(ctx)
	if err != nil {
		return nil, err
	}
	counted, err := f.tallies.read(ctx, f.Ledger)
	if err != nil {
		return nil, err
	}
	b := newBook(figures)
	b.figures(figures)
	b.tallies(counted)
	if f.Belt == nil {
		return b.metrics, nil
	}
	queues, err := f.Belt.Queues(ctx)
	if err != nil {
		f.Log.DebugContext(ctx, "no figures of the belt", "error", err) // others log that Redis is away
	}
	b.queues(queues)
	return b.metrics, nil
}
