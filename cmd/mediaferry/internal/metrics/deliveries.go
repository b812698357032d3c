package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mediaferry/mediaferry/tasks"
)

// Deliveries returns what counts the webhook requests of this process.
func (m *Metrics) Deliveries() func(tasks.DeliveryResult) {
	attempts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "delivery_attempts_total",
		Help: "Attempts to deliver a webhook, by result: delivered, pending (it comes again), failed (given up), disabled (410), skipped (no request was made).",
	}, []string{"result"})
	took := prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "delivery_duration_seconds", Buckets: deliveryBuckets,
		Help: "How long receivers of webhooks took to answer.",
	})
	for _, result := range []string{string(tasks.Delivered), string(tasks.Pending), string(tasks.GivenUp), string(tasks.Disabled), skipped} {
		attempts.WithLabelValues(result)
	}
	m.registry.MustRegister(attempts, took)
	return func(r tasks.DeliveryResult) {
		if r.Skipped {
			attempts.WithLabelValues(skipped).Inc()
			return
		}
		attempts.WithLabelValues(string(r.State)).Inc()
		if r.Took > 0 {
			took.Observe(r.Took.Seconds())
		}
	}
}

const skipped = "skipped"
