package redistest_test

import (
	"context"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

func TestServerAnswersUntilItIsKilled(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := s.Client()
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	if err := c.Get(t.Context(), "k").Err(); err == nil {
		t.Fatal("a killed server answered")
	}
	addr := s.Addr()
	s.Restart()
	if s.Addr() != addr {
		t.Errorf("the address changed from %s to %s", addr, s.Addr())
	}
	if n, err := c.Exists(t.Context(), "k").Result(); err != nil || n != 0 {
		t.Errorf("after a crash: %d keys, %v; want an empty server", n, err)
	}
}

func TestServerKeepsWhatItsArgumentsSay(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--appendonly", "yes")
	c := s.Client()
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	s.Restart()
	if v, err := c.Get(t.Context(), "k").Result(); err != nil || v != "v" {
		t.Errorf("after Stop and Restart: %q, %v; want v", v, err)
	}
}

func TestFrozenServerAnswersNothing(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := s.Client()
	s.Freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Ping(ctx).Err(); err == nil {
		t.Error("a frozen server answered")
	}
	s.Thaw()
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
}

func TestAClusterServesAndMovesItsSlots(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3)
	client := c.Client()
	if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	from := c.Holder("k")
	for _, to := range c.Masters() {
		if to != from {
			c.Move("k", to)
		}
	}
	if c.Holder("k") == from {
		t.Error("the slot has not moved")
	}
	if v, err := client.Get(t.Context(), "k").Result(); err != nil || v != "v" {
		t.Errorf("after the moves: %q, %v; want v", v, err)
	}
}

func TestSentinelsNameTheReplicaWhenThePrimaryIsGone(t *testing.T) {
	t.Parallel()
	w := redistest.StartWatched(t)
	first := w.Primary()
	first.Kill()
	taskstest.Until(t, "another server is the primary", func() bool { return w.Primary() != first })
}
