package metrics

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mediaferry/mediaferry/tasks"
)

// Ledger returns what times the calls of the ledger's database: ledger.Options.Observe.
func (m *Metrics) Ledger() func(use string, took time.Duration, err error) {
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: "ledger_duration_seconds", Buckets: callBuckets,
		Help: "How long calls of the ledger's database took: commits (write), reads that the work needs (read), lists and counts for people (view).",
	}, []string{"use"})
	failed := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "ledger_errors_total", Help: "Calls of the ledger's database that failed; some are tried again.",
	}, []string{"use"})
	for _, use := range []string{"write", "read", "view"} {
		failed.WithLabelValues(use)
	}
	m.registry.MustRegister(took, failed)
	return func(use string, d time.Duration, err error) {
		took.WithLabelValues(use).Observe(d.Seconds())
		var known *tasks.Error
		if err != nil && (!errors.As(err, &known) || known.Code == tasks.Unavailable) { // others are answers
			failed.WithLabelValues(use).Inc()
		}
	}
}
