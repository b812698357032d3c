package wechat

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
)

func testGate(a Account, p Pacer) *gate {
	cfg := Config{Pacer: p, Log: slog.New(slog.DiscardHandler)}.filled()
	return newGate(a, "realm/"+a.Name, cfg)
}

// In a bubble of synctest time passes by itself, so these tests see hours go by at once.
func TestNoMinuteSeesMoreCallsThanTheRate(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{1, 2, 7, 20, 100, 1000} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := testGate(Account{Name: "a", RatePerMinute: rate}, nil)
				var calls []time.Time
				for i := range 3*rate + 3 {
					if i == rate { // a burst after a pause is where a minute may see too many
						if err := pause(t.Context(), 90*time.Second); err != nil {
							t.Fatal(err)
						}
					}
					if err := g.call(t.Context()); err != nil {
						t.Fatal(err)
					}
					calls = append(calls, time.Now())
				}
				for i := range calls {
					if i+rate < len(calls) && calls[i+rate].Sub(calls[i]) < time.Minute {
						t.Fatalf("%d calls within %v", rate+1, calls[i+rate].Sub(calls[i]))
					}
				}
				if took := calls[len(calls)-1].Sub(calls[rate]); took > time.Duration(2*rate+3)*time.Minute/time.Duration(rate)*11/10 { // the burst costs a twentieth
					t.Errorf("%d calls took %v: the rate is not used", 2*rate+3, took)
				}
			})
		})
	}
}

func TestWaitForTheTurnEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := testGate(Account{Name: "a", RatePerMinute: 1, Concurrency: 1}, nil)
		if err := g.call(t.Context()); err != nil {
			t.Fatal(err)
		}
		leave, err := g.enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			start := time.Now()
			if err := g.call(ctx); tasks.CodeOf(err) != tasks.Temporary || time.Since(start) != 10*time.Second {
				t.Errorf("got %v after %v", err, time.Since(start))
			}
			if _, err := g.enter(ctx); tasks.CodeOf(err) != tasks.Temporary {
				t.Errorf("got %v", err)
			}
			cancel()
		}
		leave()
		if _, err := g.enter(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestFleetSharesTheRate(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	one, two := NewRedisPacer(srv.Client(), "test:"), NewRedisPacer(srv.Client(), "test:")
	const rate = 100 // a burst of 5
	granted := 0
	for i := range 20 {
		p := one
		if i%2 == 1 {
			p = two
		}
		wait, err := p.Take(t.Context(), "a", rate)
		if err != nil || wait < 0 || wait > time.Second {
			t.Fatalf("got %v, %v", wait, err)
		}
		if wait == 0 {
			granted++
		}
	}
	if granted < 5 || granted > 6 { // 20 calls of Redis take less than the 0.6 s of one more
		t.Errorf("two processes were granted %d calls at once, want the burst of 5", granted)
	}
	if wait, err := one.Take(t.Context(), "b", rate); err != nil || wait != 0 {
		t.Errorf("another account has to wait %v, %v", wait, err)
	}
	keys, err := srv.Client().Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 2 {
		t.Errorf("%v, %v", keys, err)
	}
}

func TestRateHoldsWithoutRedis(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	g := testGate(Account{Name: "a", RatePerMinute: 100}, NewRedisPacer(srv.Client(), "test:"))
	srv.Kill()
	granted := 0
	for range 20 {
		if g.take(t.Context()) == 0 {
			granted++
		}
	}
	if granted < 5 || granted > 8 {
		t.Errorf("granted %d calls at once, want the burst of 5", granted)
	}
}

func TestLearntRateIsInForceAtOnce(t *testing.T) {
	t.Parallel()
	g := testGate(Account{Name: "a"}, nil)
	if got := g.limit(1); got != 1 {
		t.Fatalf("got %d", got)
	}
	if first, second := g.take(t.Context()), g.take(t.Context()); first != 0 || second <= 0 {
		t.Errorf("got waits %v and %v", first, second)
	}
}
