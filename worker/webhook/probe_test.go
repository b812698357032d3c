package webhook

import (
	"testing"
	"time"
)

// A request that was to find out whether an endpoint is back, and was given up by us, found out nothing: the next one does.
func TestBreakerAllowsAnotherProbeAfterAnUnprovenOne(t *testing.T) {
	t.Parallel()
	b, now := newBreakers(), time.Unix(1_800_000_000, 0)
	for range breakerFailures {
		b.report("e", down, now)
	}
	if b.admit("e", now) == 0 {
		t.Fatal("the breaker is not open")
	}
	now = now.Add(breakerOpen)
	if wait := b.admit("e", now); wait != 0 {
		t.Fatalf("the probe has to wait %v", wait)
	}
	if b.admit("e", now) == 0 {
		t.Fatal("there are two probes at once")
	}
	b.report("e", unproven, now)
	if wait := b.admit("e", now); wait != 0 {
		t.Errorf("after a probe that was given up the next has to wait %v", wait)
	}
}
