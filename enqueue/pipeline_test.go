package enqueue

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

// slowLink is a Redis whose round trips end when the test says so. It keeps how many calls each carried.
type slowLink struct {
	redis.UniversalClient
	mu    sync.Mutex
	begun int
	trips []int
	gate  chan struct{}
}

type slowPipe struct {
	redis.Pipeliner
	link *slowLink
	cmds []*redis.Cmd
}

func (l *slowLink) Pipeline() redis.Pipeliner { return &slowPipe{link: l} }

func (p *slowPipe) EvalSha(ctx context.Context, sha string, _ []string, args ...any) *redis.Cmd {
	cmd := redis.NewCmd(ctx)
	if sha == "bad" {
		cmd.SetErr(errors.New("NOSCRIPT"))
	} else {
		cmd.SetVal(args[0])
	}
	p.cmds = append(p.cmds, cmd)
	return cmd
}

func (p *slowPipe) Exec(context.Context) ([]redis.Cmder, error) {
	p.link.mu.Lock()
	p.link.begun++
	p.link.mu.Unlock()
	<-p.link.gate
	p.link.mu.Lock()
	defer p.link.mu.Unlock()
	p.link.trips = append(p.link.trips, len(p.cmds))
	return nil, nil
}

func TestPipelinedCallsGatherWhileOneIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		link := &slowLink{gate: make(chan struct{})}
		c := Pipelined(link)
		var wg sync.WaitGroup
		call := func(i int) {
			wg.Go(func() {
				if got, err := c.EvalSha(t.Context(), "good", nil, i).Result(); err != nil || got != i {
					t.Errorf("call %d got the answer %v, %v", i, got, err)
				}
			})
		}
		call(0)
		synctest.Wait()
		const more = pipeLength + 10
		for i := range more {
			call(i + 1)
		}
		wg.Go(func() {
			if err := c.EvalSha(t.Context(), "bad", nil, 0).Err(); err == nil {
				t.Error("one call's error was lost")
			}
		})
		synctest.Wait()
		close(link.gate)
		wg.Wait()
		if diff := cmp.Diff([]int{1, pipeLength, 11}, link.trips); diff != "" {
			t.Errorf("calls by round trip (-want +got):\n%s", diff)
		}
	})
}

// Where Redis is far away calls don't wait for the round trips of others, until many are under way.
func TestPipelinedCallsDoNotWaitForALongRoundTrip(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		link := &slowLink{gate: make(chan struct{})}
		c := Pipelined(link)
		var wg sync.WaitGroup
		for i := range tripsAtOnce + 5 {
			wg.Go(func() {
				if err := c.EvalSha(t.Context(), "good", nil, i).Err(); err != nil {
					t.Errorf("call %d: %v", i, err)
				}
			})
			time.Sleep(2 * pipePatience)
		}
		synctest.Wait()
		if link.begun != tripsAtOnce {
			t.Errorf("%d round trips are under way, want %d", link.begun, tripsAtOnce)
		}
		close(link.gate)
		wg.Wait()
		if n := len(link.trips); n != tripsAtOnce+1 {
			t.Errorf("%d round trips were made, want %d: the last calls share one", n, tripsAtOnce+1)
		}
	})
}

func TestPipelinedCallEndsWithItsContextAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		link := &slowLink{gate: make(chan struct{})}
		c := Pipelined(link)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := c.EvalSha(ctx, "good", nil, 1).Err(); !errors.Is(err, context.Canceled) {
				t.Errorf("a canceled call: %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if err := c.EvalSha(t.Context(), "good", nil, 2).Err(); err != nil {
				t.Errorf("its neighbour: %v", err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(link.gate)
		wg.Wait()
	})
}
