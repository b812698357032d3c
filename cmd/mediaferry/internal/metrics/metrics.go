// Package metrics counts and times what mediaferry does, for Prometheus. It owns the names of all figures. The other packages
// tell what happens through small interfaces of their own, and don't know Prometheus.
//
// What one process does is counted in that process. What concerns the whole installation is read from the ledger by Fleet, and
// shown by one elected process alone, so that a sum over processes is right for every figure.
package metrics

import (
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// namespace begins every name.
const namespace = "mediaferry"

// Metrics are the figures of one process. It is safe for concurrent use.
type Metrics struct{ registry *prometheus.Registry }

// New returns figures with those of the Go runtime and the process.
func New() *Metrics {
	m := &Metrics{prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler answers with the figures as Prometheus reads them.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Build shows what program this is, and what the process does.
func (m *Metrics) Build(version, role string) {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "1, with the version of the program, of Go, and what the process does.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version(), "role": role},
	})
	info.Set(1)
	m.registry.MustRegister(info)
}
