package enqueue

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
)

// happened is a log of events that a test adds to.
type happened struct {
	mu     sync.Mutex
	events []tasks.Event
	asked  [][]string
}

func (h *happened) add(n int, producer string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for range n {
		h.events = append(h.events, tasks.Event{Seq: int64(len(h.events) + 1), Producer: producer})
	}
}

func (h *happened) EventsEnd(context.Context) (int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return int64(len(h.events)), nil
}

func (h *happened) Events(_ context.Context, f tasks.EventFilter) (tasks.EventPage, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, f.Producers)
	p := tasks.EventPage{Next: max(f.After, int64(len(h.events)))}
	for _, e := range h.events[min(f.After, int64(len(h.events))):] {
		if len(f.Producers) > 0 && !slices.Contains(f.Producers, e.Producer) {
			continue
		}
		if len(p.Events) == f.Limit {
			p.Next, p.More = p.Events[f.Limit-1].Seq, true
			break
		}
		p.Events = append(p.Events, e)
	}
	return p, nil
}

// step is a tail that reads when it is told to.
func step(t *testing.T, log *happened) (tl *Tail, read func()) {
	tl = NewTail(log, time.Hour)
	tl.stop = func() {} // nobody else runs
	if !tl.begin(t.Context(), nil) {
		t.Fatal("no beginning")
	}
	return tl, func() {
		for tl.read(t.Context()) {
		}
	}
}

func TestTailReadsWhatIsFollowed(t *testing.T) {
	t.Parallel()
	log := new(happened)
	log.add(3, "shop")
	tl, read := step(t, log)
	shop, leave := tl.Follow("shop")
	if _, _, ok := tl.Take(shop, 3); ok {
		t.Error("it has what it has not read")
	}
	read()
	log.add(2, "shop")
	log.add(1, "rival")
	read()
	rival, _ := tl.Follow("rival")
	if _, _, ok := tl.Take(rival, 3); ok {
		t.Error("it has events of a producer that nobody followed when it read them")
	}
	read()
	log.add(1, "rival")
	read()
	for name, want := range map[string]struct {
		s     *Subscription
		after int64
		seqs  []int64
		ok    bool
	}{
		"from where it began": {shop, 3, []int64{4, 5}, true}, "before that": {shop, 2, nil, false}, "from the middle": {shop, 4, []int64{5}, true},
		"another producer": {rival, 6, []int64{7}, true}, "before it was followed": {rival, 5, nil, false}, "ahead of it": {shop, 9, nil, true},
	} {
		es, next, ok := tl.Take(want.s, want.after)
		var seqs []int64
		for _, e := range es {
			seqs = append(seqs, e.Seq)
		}
		if d := cmp.Diff(want.seqs, seqs); d != "" || ok != want.ok || ok && next != max(want.after, 7) {
			t.Errorf("%s: next %d, %v, %s", name, next, ok, d)
		}
	}
	leave()
	all, _ := tl.Follow("")
	read()
	log.add(1, "shop")
	read()
	if es, _, ok := tl.Take(all, 7); !ok || len(es) != 1 {
		t.Errorf("%d events, %v", len(es), ok)
	}
	if _, _, ok := tl.Take(shop, 7); ok {
		t.Error("it has events of a producer that nobody follows any more")
	}
	if d := cmp.Diff([][]string{{"shop"}, {"shop"}, {"rival", "shop"}, {"rival", "shop"}, nil, nil}, log.asked); d != "" {
		t.Errorf("asked for (-want +got):\n%s", d)
	}
}

func TestTailForgetsWhatIsOld(t *testing.T) {
	t.Parallel()
	log := new(happened)
	tl, read := step(t, log)
	all, _ := tl.Follow("")
	read()
	log.add(tailKeeps+10, "shop")
	read()
	if _, _, ok := tl.Take(all, 9); ok {
		t.Error("it has what it dropped")
	}
	if es, next, ok := tl.Take(all, 10); !ok || len(es) != tailKeeps || next != tailKeeps+10 {
		t.Errorf("%d events up to %d, %v", len(es), next, ok)
	}
}
