package worker_test

import (
	"context"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
)

// What a worker can't reach, and an account that refuses its address, are no fault of an upload: it burns no attempt.
// A call that was never sent is not counted either.
func TestTroubleOnTheWayBurnsNoAttempt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		met   error
		calls int
	}{
		"unreachable": {&tasks.Error{Code: tasks.Unreachable, Op: "upload media"}, 0},
		"refused":     {wechatError(tasks.Egress, 40164), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.upload = func(ctx context.Context, p tasks.Payload) (tasks.Media, error) {
				if err := p.Spend(ctx); err != nil {
					return tasks.Media{}, err
				}
				return tasks.Media{}, tc.met
			}
			id := s.submit(tasks.Upload{})
			if n := s.turn(); n != 1 {
				t.Fatalf("%d carried, want 1", n)
			}
			o := s.want(id, tasks.Waiting, tasks.CodeOf(tc.met), 0)
			if o.Until.IsZero() || len(o.History) != 0 {
				t.Errorf("it waits until %v with %d attempts", o.Until, len(o.History))
			}
			as, err := s.ledger.Accounts(t.Context())
			if err != nil || len(as) != 1 || as[0].CallsToday != tc.calls {
				t.Errorf("accounts %+v (%v), want %d calls counted", as, err, tc.calls)
			}
			var p tasks.Process
			s.worker.Report(&p)
			if refused := len(p.Refused) == 1; refused != (name == "refused") {
				t.Errorf("the fleet hears %+v", p)
			}
		})
	}
}

// Once an account has refused the address, its other uploads are handed back without a call, and those of another
// account go on.
func TestRefusedAccountIsLeftToOthers(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	calls := 0
	s.upload = func(context.Context, tasks.Payload) (tasks.Media, error) {
		calls++
		return tasks.Media{}, wechatError(tasks.Egress, 61004)
	}
	s.submit(tasks.Upload{})
	s.turn()
	for _, source := range []string{"b.jpg", "c.jpg", "d.jpg"} {
		s.submit(tasks.Upload{Source: source})
	}
	s.turn()
	if calls != 1 {
		t.Errorf("%d calls, want 1: the account's uploads are handed back while its refusal is fresh", calls)
	}
}
