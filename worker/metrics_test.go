package worker

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestUnknownErrcodesAreCountedByNumber(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := NewMetrics(registry)
	for _, cause := range []*tasks.Error{
		nil, {Code: tasks.Rejected, Errcode: 40004}, {Code: tasks.Unknown, Errcode: 77777}, {Code: tasks.Unknown, Errcode: 77777},
	} {
		m.ended(tasks.Claim{}, ending{state: tasks.Waiting, cause: cause}, time.Second)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "mediaferry_unknown_errcodes_total" {
			continue
		}
		if got := f.String(); len(f.GetMetric()) != 1 || f.GetMetric()[0].GetCounter().GetValue() != 2 || f.GetMetric()[0].GetLabel()[0].GetValue() != "77777" {
			t.Errorf("counted %s", got)
		}
		return
	}
	t.Error("nothing was counted")
}
