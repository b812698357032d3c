package worker

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// lab is a Fixer that takes as much memory as the picture has bytes, in MiB, and works until it is told to go on.
type lab struct {
	Fixer
	goOn chan struct{}

	mu   sync.Mutex
	held int
	now  int // pictures
}

func (l *lab) Memory(b []byte, _ tasks.MediaType) int64 { return int64(len(b)) << 20 }

func (l *lab) Fix(_ context.Context, b []byte, _ tasks.MediaType) ([]byte, string, error) {
	l.add(1, len(b))
	<-l.goOn
	l.add(-1, -len(b))
	return b, "did", nil
}

func (l *lab) add(n, held int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now += n
	l.held += held
}

// What decoding takes is charged to a share of the memory, here of 80 MiB. A picture that takes more comes through alone.
func TestDecodingIsChargedToTheMemory(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sizes []int // in MiB, each of an account of its own
		first int   // how many of them are decoded at once
	}{
		{[]int{40, 40}, 2},
		{[]int{60, 30}, 1},
		{[]int{300, 1}, 1},
		{[]int{1, 300, 300}, 1},
	} {
		t.Run(fmt.Sprint(c.sizes), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := &lab{goOn: make(chan struct{})}
				cfg := Config{Slots: 4, Memory: 320 << 20, FixTime: time.Hour}
				w := &Worker{Deps: Deps{Fixer: l}, cfg: cfg, lanes: newLanes(cfg)}
				for i, size := range c.sizes {
					go func() {
						claim := tasks.Claim{Upload: tasks.Upload{Account: fmt.Sprint(i)}}
						if _, _, err := w.fix(t.Context(), claim, make([]byte, size)); err != nil {
							t.Error(err)
						}
					}()
					synctest.Wait()
				}
				if l.now != c.first {
					t.Errorf("%d are decoded at once, want %d", l.now, c.first)
				}
				for range c.sizes {
					if l.now > 1 && l.held > 80 {
						t.Errorf("%d pictures take %d MiB", l.now, l.held)
					}
					l.goOn <- struct{}{}
					synctest.Wait()
				}
				if f := &w.lanes.fixing; l.now != 0 || f.pixels.used != 0 || f.slots.used != 0 {
					t.Errorf("%d are left, %d bytes and %d slots are not given back", l.now, f.pixels.used, f.slots.used)
				}
			})
		})
	}
}

func TestWaitingForADecoderEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{goOn: make(chan struct{})}
		cfg := Config{Slots: 4, Memory: 320 << 20, FixTime: time.Hour}
		w := &Worker{Deps: Deps{Fixer: l}, cfg: cfg, lanes: newLanes(cfg)}
		ctx, cancel := context.WithCancel(t.Context())
		for _, size := range []int{300, 300} {
			go func() {
				_, _, _ = w.fix(t.Context(), tasks.Claim{Upload: tasks.Upload{Account: fmt.Sprint(size)}}, make([]byte, size))
			}()
			synctest.Wait()
		}
		ended := make(chan error, 1)
		go func() {
			_, _, err := w.fix(ctx, tasks.Claim{}, make([]byte, 1))
			ended <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-ended; err == nil {
			t.Error("it was made to fit")
		}
		close(l.goOn)
	})
}

// Those that find no place come again one after another, at the pace of the decoder, and none later than in a minute.
func TestTurnsAreSpread(t *testing.T) {
	t.Parallel()
	f := newFixing(Config{Slots: 4, Memory: 1 << 20, HandBack: 5 * time.Second})
	now := time.Now()
	for i := 1; i <= 100; i++ {
		if got, want := f.turns.next(now), min(time.Duration(i)*time.Second, turnMost); got != want {
			t.Fatalf("the %d. waits for %s, want %s", i, got, want)
		}
	}
	for range 100 {
		f.turns.took(10 * time.Millisecond)
	}
	now = now.Add(2 * time.Minute)
	if got := f.turns.next(now); got > 20*time.Millisecond {
		t.Errorf("it waits for %s, though a picture takes 10 ms", got)
	}
}
