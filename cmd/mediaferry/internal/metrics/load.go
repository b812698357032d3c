package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mediaferry/mediaferry/worker"
)

// Load shows the slots and the memory of this process's worker, as load tells them.
func (m *Metrics) Load(load func() []worker.Load) {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, []string{"lane"}, nil)
	}
	m.registry.MustRegister(&loads{load, map[*prometheus.Desc]func(worker.Load) int64{
		desc("slots", "Uploads that this process sends at once."):                   func(l worker.Load) int64 { return l.Slots },
		desc("slots_used", "Uploads that this process sends now."):                  func(l worker.Load) int64 { return l.SlotsUsed },
		desc("memory_budget_bytes", "Bytes of files that this process may hold."):   func(l worker.Load) int64 { return l.Memory },
		desc("memory_used_bytes", "Bytes of files that this process holds."):        func(l worker.Load) int64 { return l.MemoryUsed },
		desc("memory_waiting", "Uploads in this process that wait for memory now."): func(l worker.Load) int64 { return l.MemoryWaits },
	}})
}

type loads struct {
	load   func() []worker.Load
	figure map[*prometheus.Desc]func(worker.Load) int64
}

// Describe implements prometheus.Collector.
func (l *loads) Describe(to chan<- *prometheus.Desc) {
	for d := range l.figure {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (l *loads) Collect(to chan<- prometheus.Metric) {
	for _, lane := range l.load() {
		for d, figure := range l.figure {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(figure(lane)), lane.Lane)
		}
	}
}
