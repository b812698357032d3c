package ledger

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

var starveContract = []testCase{
	{"slow lists that hold every connection for people don't hold up the work", func(h *harness) {
		release := h.slowLists()
		defer release()
		ctx := h.Context()
		h.submit(1)
		ds, err := h.Dispatch(ctx, wide)
		must(h, err)
		c := h.claimed(sentOf(ds)[0])
		must(h, h.Finish(ctx, c.Token, h.success("x")))
		for name, read := range map[string]func() error{
			"ping":       func() error { return h.Ping(ctx) },
			"belt":       func() error { _, err := h.OnBelt(ctx, 0, 10); return err },
			"belt epoch": func() error { _, err := h.BeltEpoch(ctx); return err },
			"holds":      func() error { _, err := h.Holds(ctx); return err },
			"keys":       func() error { _, err := h.Keys(ctx); return err },
			"prune":      func() error { _, err := h.Prune(ctx, time.Hour, 10); return err },
		} {
			if err := read(); err != nil {
				h.Errorf("%s: %v", name, err)
			}
		}
	}},
	{"a list waits for a connection only as long as its context", func(h *harness) {
		release := h.slowLists()
		defer release()
		ctx, cancel := context.WithCancel(h.Context())
		listed := make(chan error, 1)
		go func() {
			_, _, err := h.List(ctx, tasks.Filter{})
			listed <- err
		}()
		taskstest.Until(h, "the list waits for a connection", func() bool { return h.handle.Views.Stats().WaitCount > 0 })
		cancel()
		wantCode(h, <-listed, tasks.Unavailable)
	}},
}

// slowLists takes every connection for people until release is called.
func (h *harness) slowLists() (release func()) {
	h.Helper()
	pool := h.handle.Views
	var free []func()
	for range pool.Stats().MaxOpenConnections {
		conn, err := pool.Conn(h.Context())
		must(h, err)
		free = append(free, func() { _ = conn.Close() })
	}
	return func() {
		for _, f := range free {
			f()
		}
	}
}
