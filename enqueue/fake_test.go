package enqueue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

var errAway = &tasks.Error{Code: tasks.Unavailable, Op: "fake", Err: errors.New("away")}

// fakeLedger keeps dispatched uploads in memory, under the bubble's clock. It knows queued and dispatched ones.
type fakeLedger struct {
	id uuid.UUID

	mu         sync.Mutex
	queued     []tasks.RunRef
	dispatched map[uuid.UUID]tasks.Chunk
	deliveries []tasks.DeliveryDispatch
	epoch      string
	leader     string
	leadEnds   time.Time
	noResign   bool
	away       bool
	calls      int
	window     tasks.Window // that it was last asked to fill
	takeOvers  []verdict
	stall      time.Duration // how long a call of Mature takes
	sent       []tasks.DeliveryDispatch
}

// verdict is one look for dead workers.
type verdict struct {
	at   time.Time
	upTo time.Time // whose lease ran out before it was dead
}

func newFakeLedger(uploads int) *fakeLedger {
	l := &fakeLedger{id: uuid.New(), dispatched: map[uuid.UUID]tasks.Chunk{}}
	l.add(uploads)
	return l
}

func (l *fakeLedger) add(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range n {
		l.queued = append(l.queued, tasks.RunRef{Upload: uuid.New()})
	}
}

func (l *fakeLedger) setAway(away bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = away
}

func (l *fakeLedger) callCount() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls
}

func (l *fakeLedger) queueLength() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queued)
}

// judgedBehind returns how long after back leases were first judged that ran out after fell; false where none were.
func (l *fakeLedger) judgedBehind(fell, back time.Time) (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.takeOvers, func(v verdict) bool { return v.at.After(back) && v.upTo.After(fell) })
	if i < 0 {
		return 0, false
	}
	return l.takeOvers[i].at.Sub(back), true
}

// judged reports whether leases were judged between two times that had run out before fell.
func (l *fakeLedger) judged(from, to, fell time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.takeOvers, func(v verdict) bool {
		return v.at.After(from) && v.at.Before(to) && fell.Sub(v.upTo) < 2*time.Second
	})
}

// enter begins each call: the caller unlocks.
func (l *fakeLedger) enter() error {
	l.mu.Lock()
	l.calls++
	if l.away {
		return errAway
	}
	return nil
}

func (l *fakeLedger) ID() uuid.UUID { return l.id }

func (l *fakeLedger) Lead(_ context.Context, _, holder string, ttl time.Duration) (bool, error) {
	defer l.mu.Unlock()
	if err := l.enter(); err != nil {
		return false, err
	}
	if l.leader != holder && time.Now().Before(l.leadEnds) {
		return false, nil
	}
	l.leader, l.leadEnds = holder, time.Now().Add(ttl)
	return true, nil
}

func (l *fakeLedger) Resign(_ context.Context, _, holder string) error {
	defer l.mu.Unlock()
	if err := l.enter(); err != nil {
		return err
	}
	if l.leader == holder && !l.noResign {
		l.leadEnds = time.Time{}
	}
	return nil
}

func (l *fakeLedger) Mature(context.Context, int) (int, error) {
	err := l.enter()
	stall := l.stall
	l.mu.Unlock()
	<-time.After(stall)
	return 0, err
}

func (l *fakeLedger) setStall(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stall = d
}

func (l *fakeLedger) TakeOver(_ context.Context, grace time.Duration, _ int) (int, error) {
	defer l.mu.Unlock()
	if err := l.enter(); err != nil {
		return 0, err
	}
	l.takeOvers = append(l.takeOvers, verdict{time.Now(), time.Now().Add(-grace)})
	return 0, nil
}

func (l *fakeLedger) Dispatch(_ context.Context, w tasks.Window) ([]tasks.Chunk, error) {
	defer l.mu.Unlock()
	if err := l.enter(); err != nil {
		return nil, err
	}
	l.window = w
	n := min(len(l.queued), max(0, w.Bulk-len(l.dispatched)))
	out := make([]tasks.Chunk, n)
	for i, r := range l.queued[:n] {
		r.Generation++
		out[i] = tasks.Chunk{Task: taskOf(r), Runs: []tasks.RunRef{r}, At: time.Now()}
		l.dispatched[r.Upload] = out[i]
	}
	l.queued = l.queued[n:]
	return out, nil
}

// taskOf is the task ID that the fake gives a run.
func taskOf(r tasks.RunRef) string { return fmt.Sprintf("%s.%d", r.Upload, r.Generation) }

func (l *fakeLedger) Undispatch(_ context.Context, lost []tasks.Chunk) (int, error) {
	defer l.mu.Unlock()
	if err := l.enter(); err != nil {
		return 0, err
	}
	n := 0
	for _, c := range lost {
		r := c.Runs[0]
		if l.dispatched[r.Upload].Task == c.Task {
			l.queued = append(l.queued, r)
			delete(l.dispatched, r.Upload)
			n++
		}
	}
	return n, nil
}

func (l *fakeLedger) UndispatchAll(context.Context) (int, error) {
	defer l.mu.Unlock()
	if err := l.enter(); err != nil {
		return 0, err
	}
	n := len(l.dispatched)
	for _, c := range l.dispatched {
		l.queued = append(l.queued, c.Runs...)
	}
	clear(l.dispatched)
	l.deliveries = append(l.deliveries, l.sent...)
	l.sent = nil
	return n, nil
}

func (l *fakeLedger) OnBelt(_ context.Context, olderThan time.Duration, limit int) ([]tasks.Chunk, error) {
	defer l.mu.Unlock()
	if err := l.enter(); err != nil {
		return nil, err
	}
	var out []tasks.Chunk
	for _, c := range l.dispatched {
		if time.Since(c.At) > olderThan && len(out) < limit {
			out = append(out, c)
		}
	}
	return out, nil
}

func (l *fakeLedger) BeltEpoch(context.Context) (string, error) {
	defer l.mu.Unlock()
	return l.epoch, l.enter()
}

func (l *fakeLedger) SetBeltEpoch(_ context.Context, epoch string) error {
	defer l.mu.Unlock()
	if err := l.enter(); err != nil {
		return err
	}
	l.epoch = epoch
	return nil
}

func (l *fakeLedger) DispatchDeliveries(_ context.Context, window int) ([]tasks.DeliveryDispatch, error) {
	defer l.mu.Unlock()
	if err := l.enter(); err != nil {
		return nil, err
	}
	n := min(window, len(l.deliveries))
	out := slices.Clone(l.deliveries[:n])
	for i := range out {
		out[i].Generation++
	}
	l.deliveries = l.deliveries[n:]
	l.sent = append(l.sent, out...)
	return out, nil
}

// fakeBelt is a belt in memory, which can be wiped, stopped, and robbed of single tasks.
type fakeBelt struct {
	mu         sync.Mutex
	tasks      map[string]Place               // by task ID
	deliveries map[tasks.DeliveryDispatch]int // how often each was put
	life       int
	away       bool
	room       int // puts that still succeed; negative: all
	calls      int
	renewed    int
	slots      int
}

func newFakeBelt() *fakeBelt {
	return &fakeBelt{tasks: map[string]Place{}, deliveries: map[tasks.DeliveryDispatch]int{}, room: -1}
}

func (b *fakeBelt) change(f func(b *fakeBelt)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(b)
}

func (b *fakeBelt) snapshot() map[string]Place {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.tasks)
}

func (b *fakeBelt) callCount() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls
}

func (b *fakeBelt) full() bool {
	if b.away || b.room == 0 {
		return true
	}
	b.room--
	return false
}

func (b *fakeBelt) Put(_ context.Context, _ uuid.UUID, all []tasks.Chunk) ([]tasks.Chunk, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	for i, d := range all {
		if b.full() {
			return all[i:], errAway
		}
		b.tasks[d.Task] = PlacePending
	}
	return nil, nil
}

func (b *fakeBelt) PutDeliveries(_ context.Context, _ uuid.UUID, all []tasks.DeliveryDispatch) ([]tasks.DeliveryDispatch, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	for i, d := range all {
		if b.full() {
			return all[i:], errAway
		}
		b.deliveries[d]++
	}
	return nil, nil
}

func (b *fakeBelt) Paused(context.Context) ([]string, error) { return nil, b.reached() }

func (b *fakeBelt) Strays(context.Context) ([]Stray, error) { return nil, b.reached() }

func (b *fakeBelt) Sweep(context.Context, []Stray) (int, error) { return 0, b.reached() }

func (b *fakeBelt) reached() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		return errAway
	}
	return nil
}

func (b *fakeBelt) Locate(_ context.Context, all []tasks.Chunk) ([]Place, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	if b.away {
		return nil, errAway
	}
	places := make([]Place, len(all))
	for i, d := range all {
		p, ok := b.tasks[d.Task]
		if !ok {
			p = PlaceGone
		}
		places[i] = p
	}
	return places, nil
}

func (b *fakeBelt) Slots(context.Context) (Slots, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		return Slots{}, errAway
	}
	return Slots{b.slots, b.slots, b.slots / 4}, nil
}

func (b *fakeBelt) Epoch(context.Context) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	if b.away {
		return "", errAway
	}
	return fmt.Sprintf("life %d", b.life), nil
}

func (b *fakeBelt) Renew() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.renewed++
}

// notes collects log lines, without their time.
type notes struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

func (n *notes) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(n, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

func (n *notes) lines() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.FieldsFunc(n.text.String(), func(r rune) bool { return r == '\n' })
}
