package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker"
)

// Work counts what the worker of this process does. It is a worker.Observer.
type Work struct {
	accounts names
	errcode  func(int) bool
	tries    *prometheus.CounterVec
	took     *prometheus.HistogramVec
	waited   prometheus.Histogram
	stages   map[tasks.Stage]prometheus.Observer
}

// Work begins to count the work on these accounts. errcode reports whether an errcode of WeChat's is known.
func (m *Metrics) Work(accounts []string, errcode func(int) bool) *Work {
	w := &Work{
		accounts: namesOf(accounts), errcode: errcode,
		tries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "tries_total",
			Help: "Tries to carry an upload, by the state they left it in, the code of the failure and WeChat's errcode.",
		}, []string{"account", "type", "state", "code", "errcode"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "try_duration_seconds", Buckets: tryBuckets,
			Help: "How long one try took, from claim to result.",
		}, []string{"state"}),
		waited: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "queue_duration_seconds", Buckets: queueBuckets,
			Help: "How long an upload waited from its acceptance until a worker claimed it for the first time.",
		}),
		stages: map[tasks.Stage]prometheus.Observer{},
	}
	stages := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: "stage_duration_seconds", Buckets: stageBuckets,
		Help: "How long the stages of a try took: open, read, validate, token, upload, record.",
	}, []string{"stage"})
	for _, s := range tasks.Stages {
		w.stages[s] = stages.WithLabelValues(string(s))
	}
	m.registry.MustRegister(w.tries, w.took, w.waited, stages)
	return w
}

// Claimed counts how long an upload waited.
func (w *Work) Claimed(waited time.Duration) { w.waited.Observe(waited.Seconds()) }

// Passed counts how long a stage took.
func (w *Work) Passed(s tasks.Stage, took time.Duration) {
	if stage := w.stages[s]; stage != nil {
		stage.Observe(took.Seconds())
	}
}

// Tried counts a try.
func (w *Work) Tried(t worker.Try) {
	w.tries.WithLabelValues(w.accounts.label(t.Account), typeLabel(t.Type), string(t.State), codeLabel(t.Code), errcodeLabel(t.Errcode, w.errcode)).Inc()
	w.took.WithLabelValues(string(t.State)).Observe(t.Took.Seconds())
}
