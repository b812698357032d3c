package enqueue

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// waits waits for the outcomes of uploads, for any number of callers with one read of the ledger at a time.
type waits struct {
	ledger MediaBook
	news   chan struct{} // it is time to look

	mu    sync.Mutex
	by    map[uuid.UUID]*awaited
	looks bool // a goroutine does
}

// awaited is an upload that somebody waits for.
type awaited struct {
	callers int
	seen    tasks.Outcome // zero: it was not looked at yet
	err     error         // there is no such upload
	done    chan struct{} // closed when there is nothing to wait for
}

// of returns the upload when it has its outcome, when it is hopeless to wait, or as it is when ctx ends. It returns
// NotFound where it does not exist.
func (w *waits) of(ctx context.Context, id uuid.UUID) (tasks.Outcome, error) {
	a := w.join(id)
	defer w.leave(id, a)
	select {
	case <-a.done:
		return a.seen, a.err
	case <-ctx.Done():
	}
	found, err := w.ledger.Awaited(context.WithoutCancel(ctx), []uuid.UUID{id})
	if err != nil {
		return tasks.Outcome{}, fmt.Errorf("look up upload: %w", err)
	}
	if len(found) == 0 {
		return tasks.Outcome{}, notFound("upload", id)
	}
	return found[0], nil
}

func (w *waits) join(id uuid.UUID) *awaited {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.by[id]
	if a == nil {
		a = &awaited{done: make(chan struct{})}
		w.by[id] = a
		w.wake()
	}
	a.callers++
	if !w.looks {
		w.looks = true
		go w.run()
	}
	return a
}

func (w *waits) leave(id uuid.UUID, a *awaited) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a.callers--; a.callers == 0 && w.by[id] == a {
		delete(w.by, id)
		w.wake()
	}
}

// wake makes it look at once. It never blocks.
func (w *waits) wake() {
	select {
	case w.news <- struct{}{}:
	default: // it is about to look anyway
	}
}

// run looks as long as somebody waits: when something is new, often after somebody came, and once a second later. While the
// ledger is away it waits.
func (w *waits) run() {
	lap := firstLook
	for {
		ids := w.ids()
		if len(ids) == 0 {
			return
		}
		if found, err := w.ledger.Awaited(context.Background(), ids); err == nil {
			w.tell(ids, found)
		}
		select {
		case <-w.news:
			lap = firstLook
		case <-time.After(lap):
			lap = min(lap*3/2, slowestLap)
		}
	}
}

// ids returns what is waited for. Without any, run ends.
func (w *waits) ids() []uuid.UUID {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]uuid.UUID, 0, len(w.by))
	for id := range w.by {
		ids = append(ids, id)
	}
	w.looks = len(ids) > 0
	return ids
}

// tell ends the waits for what has ended, for what is hopeless, and for what is not there.
func (w *waits) tell(ids []uuid.UUID, found []tasks.Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	there := make(map[uuid.UUID]tasks.Outcome, len(found))
	for _, o := range found {
		there[o.ID] = o
	}
	for _, id := range ids {
		a := w.by[id]
		o, ok := there[id]
		if a == nil || ok && !o.State.Final() && !hopeless(o) {
			continue
		}
		a.seen = o
		if !ok {
			a.err = notFound("upload", id)
		}
		delete(w.by, id)
		close(a.done)
	}
	if len(w.by) == 0 {
		w.wake()
	}
}

// hopeless reports whether it makes no sense to wait for an upload: it goes on only after an operator has mended its account,
// or on another day.
func hopeless(o tasks.Outcome) bool {
	return o.State == tasks.Waiting && (o.Code == tasks.AccountHeld || o.Code == tasks.DailyLimit && time.Until(o.Until) > longestWait)
}

// longestWait is longer than anybody waits for a media.
const longestWait = 10 * time.Minute
