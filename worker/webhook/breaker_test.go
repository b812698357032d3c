package webhook_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/webhook/webhooktest"
)

const failures = 5 // in a row, before an endpoint is left alone

func (b *bundle) requests() int {
	total, _ := b.receiver.Requests()
	return total
}

func (b *bundle) fail(t *testing.T, n int, status int) {
	t.Helper()
	for range n {
		b.receiver.Answer(webhooktest.Status(status))
		if r := b.sender.Deliver(t.Context(), delivery(b.url)); r.Skipped || r.Status != status {
			t.Fatalf("%+v", r)
		}
	}
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fail(t, failures, 503)

	r := b.sender.Deliver(t.Context(), delivery(b.url))
	if !r.Skipped || r.State != tasks.Pending || r.Status != 0 || r.Retry < 54*time.Second || r.Retry > 66*time.Second {
		t.Errorf("an open breaker: %+v", r)
	}
	b.clock.advance(time.Minute)
	b.fail(t, 1, 503) // the probe
	if r := b.sender.Deliver(t.Context(), delivery(b.url)); !r.Skipped {
		t.Errorf("after a probe that failed: %+v", r)
	}
	if got := b.requests(); got != failures+1 {
		t.Errorf("%d requests", got)
	}
	b.clock.advance(time.Minute)
	for range 2 * failures {
		if r := b.sender.Deliver(t.Context(), delivery(b.url)); r.State != tasks.Delivered {
			t.Fatalf("after a probe that went well: %+v", r)
		}
	}
}

// While the probe is under way nothing else is sent.
func TestBreakerOneProbe(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fail(t, failures, 503)
	b.clock.advance(time.Minute)
	inside, leave := make(chan struct{}), make(chan struct{})
	b.receiver.Answer(func(w http.ResponseWriter, _ *http.Request) {
		close(inside)
		<-leave
		w.WriteHeader(204)
	})
	probe := make(chan tasks.DeliveryResult)
	ctx := t.Context()
	go func() { probe <- b.sender.Deliver(ctx, delivery(b.url)) }()
	<-inside
	if r := b.sender.Deliver(ctx, delivery(b.url)); !r.Skipped {
		t.Errorf("beside the probe: %+v", r)
	}
	close(leave)
	if r := <-probe; r.State != tasks.Delivered {
		t.Errorf("the probe: %+v", r)
	}
}

// An endpoint that answers is alive, whatever it thinks of single events; so is one that failed now and then.
func TestBreakerStaysClosed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 404, 500, 301} {
		b := setup(t, nil)
		b.fail(t, 3*failures, status)
	}
	b := setup(t, nil)
	for range 3 {
		b.fail(t, failures-1, 503)
		b.fail(t, 1, 404)
	}
}

// One endpoint, or one producer, does not stand for another.
func TestBreakerOfOneEndpoint(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fail(t, failures, 503)
	if r := b.sender.Deliver(t.Context(), delivery(serve(t, b.receiver))); r.State != tasks.Delivered {
		t.Errorf("another endpoint: %+v", r)
	}
	d := delivery(b.url)
	d.Event.Producer = "other"
	if r := b.sender.Deliver(t.Context(), d); r.State != tasks.Delivered {
		t.Errorf("another producer: %+v", r)
	}
	if r := b.sender.Deliver(t.Context(), delivery(b.url+"/another/path")); !r.Skipped {
		t.Errorf("another path: %+v", r)
	}
}

// A receiver that can't be reached at all is left alone as well; one that we may not call is refused each time.
func TestBreakerOfTheUnreachable(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for i := range failures + 1 {
		if r := b.sender.Deliver(t.Context(), delivery("http://127.0.0.1:1")); r.Skipped != (i == failures) {
			t.Errorf("attempt %d: %+v", i+1, r)
		}
		if r := b.sender.Deliver(t.Context(), delivery("http://10.0.0.1:1")); r.Skipped {
			t.Errorf("attempt %d: %+v", i+1, r)
		}
	}
}
