package worker

import (
	"context"
	"testing"
	"testing/synctest"
)

// asks takes one slot in the bubble, and holds it until it is told to give it back.
func asks(t *testing.T, s *shares, account string) (has func() bool, give func()) {
	t.Helper()
	given, release := make(chan struct{}), make(chan struct{})
	go func() {
		r, err := s.take(t.Context(), account, 1)
		if err != nil {
			return
		}
		close(given)
		<-release
		r()
	}()
	synctest.Wait()
	return func() bool {
			select {
			case <-given:
				return true
			default:
				return false
			}
		}, func() {
			close(release)
			synctest.Wait()
		}
}

func TestSlotsGoToTheAccountThatHoldsTheLeast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShares(2, 0)
		_, first := asks(t, s, "slow")
		_, second := asks(t, s, "slow")
		third, giveThird := asks(t, s, "slow")
		quick, giveQuick := asks(t, s, "quick")
		first()
		if third() || !quick() {
			t.Errorf("slow has its slot: %v, quick: %v; want the slot to go to quick", third(), quick())
		}
		giveQuick()
		if !third() {
			t.Error("a slot stays free while an upload waits")
		}
		second()
		giveThird()
		if s.used != 0 || len(s.held) != 0 || len(s.waiting) != 0 {
			t.Errorf("something is left: %+v", s)
		}
	})
}

func TestOneAccountsSlowCallsNeverHoldAllSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShares(4, 1)
		var ends []func()
		run := 0
		for range 6 {
			has, end := asks(t, s, "slow")
			ends = append(ends, end)
			if has() {
				run++
			}
		}
		if run != 4 {
			t.Errorf("%d of one account run, want the 4 slots", run)
		}
		for range 40 {
			has, end := asks(t, s, "quick")
			if !has() {
				t.Error("a quick one waits for the slow ones")
			}
			end()
		}
		for _, end := range ends {
			end()
		}
	})
}

func TestAnAskingThatGaveUpIsInNobodysWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShares(10, 0)
		release, err := s.take(t.Context(), "a", 6)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() {
			_, err := s.take(ctx, "heavy", 9)
			gone <- err
		}()
		synctest.Wait()
		has, end := asks(t, s, "b")
		if has() {
			t.Error("the small one overtook the heavy one, which might then wait for ever")
		}
		cancel()
		synctest.Wait()
		if err := <-gone; err == nil || !has() {
			t.Errorf("heavy: %v; the small one has its share: %v", err, has())
		}
		end()
		release()
	})
}
