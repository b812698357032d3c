package worker_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker"
)

// darkroom makes the shop one in which sources that end with .tiff must be decoded.
func darkroom(s *shop, fix func(ctx context.Context, b string) error) {
	tiff := func(b []byte) bool { return strings.HasSuffix(string(b), ".tiff") }
	s.decodes = tiff
	s.memory = func([]byte) int64 { return 1 << 20 }
	s.check = func(b []byte, kind tasks.MediaType) (tasks.Content, error) {
		if tiff(b) {
			return tasks.Content{}, &tasks.Error{Code: tasks.Unsupported, Err: errors.New("this is TIFF")}
		}
		return tasks.Content{Type: kind}, nil
	}
	s.change = func(c *worker.Config) { c.HandBack = 5 * time.Millisecond } // those that find no place come again soon
	s.hire(s.ledger)
	s.fix = func(ctx context.Context, b []byte) ([]byte, string, error) {
		if err := fix(ctx, string(b)); err != nil {
			return nil, "", err
		}
		return []byte("JPEG of " + strings.TrimSuffix(string(b), ".tiff")), "re-encoded", nil
	}
}

func (s *shop) tiffs(n int, account, name string) []uuid.UUID {
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = s.submit(tasks.Upload{Account: account, Source: fmt.Sprintf("%s%d of %s.tiff", name, i, account), Fix: true})
	}
	return ids
}

// bring brings what is ready as the belt does: each task to a handler of its own.
func (s *shop) bring(carried *sync.WaitGroup) {
	s.t.Helper()
	if _, err := s.ledger.Mature(s.t.Context(), 100); err != nil {
		s.t.Fatal(err)
	}
	chunks, err := s.ledger.Dispatch(s.t.Context(), tasks.Window{Bulk: 100, Interactive: 100})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range chunks {
		carried.Go(func() {
			if err := s.worker.Carry(context.WithoutCancel(s.t.Context()), s.payload(c)); err != nil {
				s.t.Error(err)
			}
		})
	}
}

// finish brings what is ready until all of them have succeeded at their first attempt.
func (s *shop) finish(ids []uuid.UUID, carried *sync.WaitGroup) {
	s.t.Helper()
	for _, id := range ids {
		taskstest.Until(s.t, "they are made to fit", func() bool {
			s.bring(carried)
			return s.outcome(id).State.Final()
		})
		s.want(id, tasks.Succeeded, "", 1)
	}
}

// Pictures that take long to decode wait for each other, and nobody for them: neither another account nor their own.
func TestDecodingHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	quick := tasks.Account{Name: "quick", Realm: "sandbox", AppID: "wx2", Fingerprint: "f"}
	s := newShop(t, account, quick)
	var inside, most atomic.Int64
	develop := make(chan struct{})
	darkroom(s, func(ctx context.Context, _ string) error {
		n := inside.Add(1)
		defer inside.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		select {
		case <-develop:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	var carried sync.WaitGroup
	defer carried.Wait()
	slow := s.tiffs(40, "default", "slow")
	s.bring(&carried)
	taskstest.Until(t, "one is decoded", func() bool { return inside.Load() > 0 })

	for _, u := range []tasks.Upload{{Account: quick.Name}, {Source: "good.jpg", Fix: true}, {Source: "urgent.tiff", Fix: true, Priority: tasks.Interactive}} {
		before := inside.Load()
		id := s.submit(u)
		s.bring(&carried)
		if u.Priority == tasks.Interactive { // it is in the darkroom, too: not behind the forty
			taskstest.Until(t, "the urgent one is decoded", func() bool { return inside.Load() > before })
			continue
		}
		taskstest.Until(t, "it is through", func() bool { return s.outcome(id).State.Final() })
		s.want(id, tasks.Succeeded, "", 1)
	}
	taskstest.Until(t, "most of them wait in the ledger", func() bool {
		waiting := 0
		for _, id := range slow {
			if o := s.outcome(id); o.State == tasks.Waiting && o.Code == tasks.Busy {
				waiting++
			}
		}
		return waiting > 30
	})
	close(develop)
	s.finish(slow, &carried)
	slots := int64(max(1, runtime.GOMAXPROCS(0)/4))
	if n := most.Load(); n > 2*slots {
		t.Errorf("%d were decoded at once, want %d at most", n, 2*slots)
	}
}

func TestDecodingEndsInTime(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	darkroom(s, func(ctx context.Context, _ string) error {
		<-ctx.Done()
		return &tasks.Error{Code: tasks.Temporary, Op: "fix image", Err: context.Cause(ctx)}
	})
	s.change = func(c *worker.Config) { c.FixTime = time.Millisecond }
	s.hire(s.ledger)
	id := s.tiffs(1, "default", "endless")[0]
	s.turn()
	if o := s.want(id, tasks.Waiting, tasks.Temporary, 1); !strings.Contains(o.Reason, "not done within 1ms") {
		t.Errorf("reason %q", o.Reason)
	}
}
