package worker

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mediaferry/mediaferry/tasks"
)

// Metrics counts what workers of this process did.
type Metrics struct {
	tries   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	held    *prometheus.GaugeVec
	unknown *prometheus.CounterVec
}

// NewMetrics registers the metrics with r; nil keeps them to themselves.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		tries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mediaferry_tries_total",
			Help: "Tries to carry an upload, by the state they left it in, the code of the failure and WeChat's media type.",
		}, []string{"state", "code", "type"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "mediaferry_try_seconds",
			Help:    "How long one try took, from claim to result.",
			Buckets: prometheus.ExponentialBuckets(0.005, 2, 15), // 5 ms to 82 s, beyond the longest upload
		}, []string{"state"}),
	}
	m.held = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mediaferry_account_held",
		Help: "1 while an account is held, by the code of what caused it.",
	}, []string{"account", "code"})
	m.unknown = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mediaferry_unknown_errcodes_total",
		Help: "Answers of WeChat with an errcode that no table knows.",
	}, []string{"errcode"})
	if r != nil {
		r.MustRegister(m.tries, m.seconds, m.held, m.unknown)
	}
	return m
}

func (m *Metrics) ended(c tasks.Claim, end ending, took time.Duration) {
	var code tasks.Code
	if end.cause != nil {
		code = end.cause.Code
	}
	if code == tasks.Unknown {
		m.unknown.WithLabelValues(strconv.Itoa(end.cause.Errcode)).Inc()
	}
	m.tries.WithLabelValues(string(end.state), string(code), string(c.Type)).Inc()
	m.seconds.WithLabelValues(string(end.state)).Observe(took.Seconds())
}
