package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Leaders shows the roles that this process leads in, each until its term ends.
type Leaders struct {
	desc *prometheus.Desc

	mu    sync.Mutex
	until map[string]time.Time // by role; zero: it does not lead
}

// Leaders begins to show roles.
func (m *Metrics) Leaders() *Leaders {
	l := &Leaders{
		desc:  prometheus.NewDesc(prometheus.BuildFQName(namespace, "", "leader"), "1 while this process leads in a role, otherwise 0.", []string{"role"}, nil),
		until: map[string]time.Time{},
	}
	m.registry.MustRegister(l)
	return l
}

// Elected records the result of an election: the end of this process's term, and the zero time if another process leads.
func (l *Leaders) Elected(role string, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until[role] = until
}

// Describe implements prometheus.Collector.
func (l *Leaders) Describe(to chan<- *prometheus.Desc) { to <- l.desc }

// Collect implements prometheus.Collector.
func (l *Leaders) Collect(to chan<- prometheus.Metric) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for role, until := range l.until {
		leads := 0.0
		if time.Now().Before(until) {
			leads = 1
		}
		to <- prometheus.MustNewConstMetric(l.desc, prometheus.GaugeValue, leads, role)
	}
}
