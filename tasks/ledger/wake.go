package ledger

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

const (
	// wakeEvery is how often one process says at most that something is new.
	wakeEvery = 50 * time.Millisecond
	// wakeTest is how long a listener waits for what it says to itself. What takes longer is of no use.
	wakeTest = 3 * time.Second
	// wakeRetry is the pause before one listens anew: the first after a connection broke, and the longest.
	wakeRetry    = time.Second
	wakeRetryMax = 5 * time.Minute
	// wakeFlush bounds the last word of a process that ends.
	wakeFlush = time.Second
)

// waker tells the followers in this process, and on PostgreSQL the other processes, that something is new. Nobody waits
// for it: what is committed is never late for it, and nothing that matters depends on it.
type waker struct {
	l       *Ledger
	handle  *db.Handle
	channel string
	log     *slog.Logger

	mu        sync.Mutex
	followers map[int]func(tasks.Wake)
	next      int
	ours      tasks.Wake // what is new by commits of this process, and not told yet
	others    tasks.Wake // by commits of others
	telling   bool       // a goroutine is at it
	told      time.Time
	idle      sync.WaitGroup
	ctx       context.Context //nolint:containedctx // the goroutine's own, ended by stop
	cancel    context.CancelFunc
}

func newWaker(l *Ledger, log *slog.Logger) *waker {
	w := &waker{l: l, handle: l.handle, log: log, followers: map[int]func(tasks.Wake){}}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// Follow calls woken when something is new: after commits of this process, and after those of others where Listen runs
// and the database lets one listen. The first news comes at once, and what follows within 50 ms comes together. woken must
// not block. unfollow ends that.
func (l *Ledger) Follow(woken func(tasks.Wake)) (unfollow func()) {
	w := l.waker
	w.mu.Lock()
	defer w.mu.Unlock()
	id := w.next
	w.next++
	w.followers[id] = woken
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.followers, id)
	}
}

// news takes what is new by commits of this process, and of others. It never blocks.
func (w *waker) news(ours, others tasks.Wake) {
	if ours|others == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ours, w.others = w.ours|ours, w.others|others
	if !w.telling && w.ctx.Err() == nil {
		w.telling = true
		w.idle.Go(w.tell)
	}
}

// tell tells the followers and the other processes what is new, until nothing is.
func (w *waker) tell() {
	for {
		pause := time.NewTimer(time.Until(w.told.Add(wakeEvery)))
		select {
		case <-pause.C:
		case <-w.ctx.Done():
			pause.Stop()
		}
		ours, more := w.tellFollowers()
		if !more {
			return
		}
		w.told = time.Now()
		if ours == 0 || !w.l.d.Concurrent {
			continue
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), wakeFlush)
		if err := w.handle.Notify(ctx, w.channel, w.payload(ours)); err != nil {
			w.log.Debug("other processes were not woken: they look by themselves", "error", err)
		}
		cancel()
	}
}

// tellFollowers tells the followers in this process, and returns what the others have to be told. more false: nothing was new,
// and the goroutine ends.
func (w *waker) tellFollowers() (ours tasks.Wake, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ours = w.ours
	all := ours | w.others
	w.ours, w.others = 0, 0
	if all == 0 {
		w.telling = false
		return 0, false
	}
	for _, woken := range w.followers {
		woken(all)
	}
	return ours, true
}

// stop tells what is not told yet, and returns when nothing is under way any more.
func (w *waker) stop() {
	w.mu.Lock()
	w.cancel()
	w.mu.Unlock()
	w.idle.Wait()
}

// payload names the process, which has told its own followers by itself, and what is new.
func (w *waker) payload(news tasks.Wake) string {
	return strconv.FormatInt(w.l.number, 36) + " " + strconv.Itoa(int(news))
}

// heard takes what another process said.
func (w *waker) heard(payload string) {
	who, what, _ := strings.Cut(payload, " ")
	news, err := strconv.ParseUint(what, 10, 8)
	if err != nil || who == strconv.FormatInt(w.l.number, 36) {
		return // a test of somebody's, or ours
	}
	w.news(0, tasks.Wake(news))
}

// Listen tells the followers what other processes commit, until ctx ends. It first proves that it hears: behind some poolers,
// as PgBouncer in transaction mode, one listens in vain. Then, and where the connection breaks, it tries anew after a
// while, and followers find what is new by looking. On SQLite it returns at once.
func (l *Ledger) Listen(ctx context.Context) {
	if !l.d.Concurrent {
		return
	}
	pause, deaf := wakeRetry, false
	for ctx.Err() == nil {
		err := l.waker.listen(ctx, func() {
			if pause = wakeRetry; deaf {
				l.waker.log.Info("other processes' news is heard at once again")
			}
			deaf = false
		})
		if ctx.Err() != nil {
			return
		}
		if !deaf {
			l.waker.log.Warn("other processes' news is not heard at once: it is looked for every second", "error", err)
			deaf = true
		}
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
		}
		pause = min(2*pause, wakeRetryMax)
	}
}

// listen listens until its connection breaks or ctx ends. It calls proven when it has heard itself, and tells the followers of
// everything then: they may have missed something.
func (w *waker) listen(ctx context.Context, proven func()) error {
	connecting, cancel := context.WithTimeout(ctx, db.CallTimeout)
	defer cancel()
	ear, err := w.handle.Listen(connecting, w.channel)
	if err != nil {
		return err
	}
	defer ear.Close()
	if err := w.prove(ctx, ear); err != nil {
		ear.Forget()
		return err
	}
	proven()
	w.news(0, tasks.WakeUploads|tasks.WakeDeliveries|tasks.WakeEvents|tasks.WakeActions)
	for {
		payload, err := ear.Next(ctx)
		if err != nil {
			return err
		}
		w.heard(payload)
	}
}

// errDeaf says that what was said was not heard.
var errDeaf = errors.New("nothing is heard on this connection, as behind a pooler that lends one for a transaction only")

// prove says a word on another connection, and hears it.
func (w *waker) prove(ctx context.Context, ear *db.Listener) error {
	ctx, cancel := context.WithTimeout(ctx, wakeTest)
	defer cancel()
	word := "test " + uuid.NewString()
	if err := w.handle.Notify(ctx, w.channel, word); err != nil {
		return fmt.Errorf("test: %w", err)
	}
	for {
		payload, err := ear.Next(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return errDeaf
		case err != nil:
			return err
		case payload == word:
			return nil
		}
		w.heard(payload)
	}
}

// channelOf is the channel of a ledger: a database may hold several.
func channelOf(id uuid.UUID) string { return "mediaferry_" + hex.EncodeToString(id[:]) }
