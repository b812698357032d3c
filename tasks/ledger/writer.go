package ledger

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

const (
	// lingerAbove is the number of claims under way above which a commit waits for others to share it. Fewer gain nothing.
	lingerAbove = 4
	// commitTries bounds how often a group is tried again after the database asked for it.
	commitTries = 8
)

// op is one operation that waits for its commit. run may be called several times, each time in a new transaction. If it
// returns a *tasks.Error, that is the caller's answer, and what run wrote is committed. Any other error undoes the
// transaction.
type op struct {
	name   string
	key    uuid.UUID       // groups work in this order, so that two processes don't lock rows crosswise
	work   bool            // of a running upload: may wait to share a commit
	run    func(*tx) error // nil where it is one of these, which are run as sets:
	admit  *admit
	finish *finish
	answer error
	state  atomic.Int32
	done   chan error
}

const (
	opQueued int32 = iota
	opStarted
	opAbandoned
)

// writer is the one goroutine that writes. It commits what has queued up as one transaction.
type writer struct {
	l      *Ledger
	linger time.Duration
	size   int
	log    *slog.Logger

	queue  chan *op
	quit   chan struct{}
	closed sync.Once
	ended  chan struct{}
	ctx    context.Context //nolint:containedctx // the goroutine's own, ended by stop
	cancel context.CancelFunc

	claims  claims
	session *db.Session
}

func newWriter(l *Ledger, linger time.Duration, size int, log *slog.Logger) *writer {
	w := &writer{
		l: l, linger: linger, size: size, log: log,
		queue: make(chan *op, size), quit: make(chan struct{}), ended: make(chan struct{}),
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	go w.loop()
	return w
}

// stop lets the group under way end, within callTimeout, and refuses the rest.
func (w *writer) stop() {
	w.closed.Do(func() { close(w.quit) })
	late := time.AfterFunc(db.CallTimeout, w.cancel)
	defer late.Stop()
	<-w.ended
	w.cancel()
}

func (w *writer) stopped() bool {
	select {
	case <-w.quit:
		return true
	default:
		return false
	}
}

// do runs one operation and waits for its commit.
func (l *Ledger) do(ctx context.Context, name string, run func(*tx) error) error {
	return l.writer.submit(ctx, &op{name: name, run: run})
}

// work runs one operation of a claimed upload, which may wait a little to share its commit with others.
func (l *Ledger) work(ctx context.Context, name string, id uuid.UUID, run func(*tx) error) error {
	return l.writer.submit(ctx, &op{name: name, key: id, work: true, run: run})
}

func (w *writer) submit(ctx context.Context, o *op) error {
	ctx, cancel := db.Bounded(ctx)
	defer cancel()
	o.done = make(chan error, 1)
	select {
	case w.queue <- o:
	case <-ctx.Done():
		return abandoned(o.name, ctx.Err())
	case <-w.quit:
		return db.Closed(o.name)
	}
	select {
	case err := <-o.done:
		return err
	case <-w.ended:
		select {
		case err := <-o.done:
			return err
		default:
			return db.Closed(o.name)
		}
	case <-ctx.Done():
		if o.state.CompareAndSwap(opQueued, opAbandoned) {
			return abandoned(o.name, ctx.Err())
		}
		return <-o.done
	}
}

func abandoned(op string, err error) error {
	return &tasks.Error{Code: tasks.Unavailable, Op: op, Err: err, Hint: "the ledger did not get to it in time: try again"}
}

func (w *writer) loop() {
	defer close(w.ended)
	defer w.drop()
	for !w.stopped() {
		select {
		case <-w.quit:
		case o := <-w.queue:
			w.commit(w.gather(o))
		}
	}
}

// gather takes what is queued already, and waits for more only where all of it is running work, while more claims
// are under way than have asked.
func (w *writer) gather(first *op) []*op {
	group := []*op{first}
	patient := first.work
	var late <-chan time.Time
	for len(group) < w.size {
		select {
		case o := <-w.queue:
			group = append(group, o)
			patient = patient && o.work
			continue
		default:
		}
		n := w.claims.count()
		if !patient || n <= lingerAbove || len(group) >= n {
			return group
		}
		if late == nil {
			t := time.NewTimer(w.linger)
			defer t.Stop()
			late = t.C
		}
		select {
		case o := <-w.queue:
			group = append(group, o)
			patient = patient && o.work
		case <-late:
			return group
		case <-w.quit:
			return group
		}
	}
	return group
}

// commit runs the group in one transaction. If one operation makes that fail, each gets a transaction of its own, so that
// no operation fails for another.
func (w *writer) commit(group []*op) {
	group = slices.DeleteFunc(group, func(o *op) bool { return !o.state.CompareAndSwap(opQueued, opStarted) })
	if len(group) == 0 {
		return
	}
	slices.SortStableFunc(group, func(a, b *op) int { return bytes.Compare(a.key[:], b.key[:]) })
	err := w.persist(group)
	if err != nil && len(group) > 1 && !w.l.d.Gone(err) {
		w.log.Warn("a group of ledger operations is committed one by one", "operations", len(group), "error", err)
		for _, o := range group {
			w.answer([]*op{o}, w.persist([]*op{o}))
		}
		return
	}
	w.answer(group, err)
}

func (w *writer) answer(group []*op, err error) {
	for _, o := range group {
		if err != nil {
			o.done <- w.l.d.Explain(o.name, err)
			continue
		}
		o.done <- o.answer
	}
}

// persist tries the group until it is committed, until the database fails in a way that another try can't mend, or until
// the tries are used up.
func (w *writer) persist(group []*op) error {
	ctx, cancel := context.WithTimeout(w.ctx, db.CallTimeout)
	defer cancel()
	for try := 1; ; try++ {
		err := w.attempt(ctx, group)
		if err == nil || !again(w.l.d, err) || try == commitTries {
			return err
		}
		w.log.Debug("the database asks to try again", "try", try, "error", err)
		pause := time.NewTimer(time.Duration(rand.Int64N(int64(try) * int64(5*time.Millisecond))))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return err
		}
	}
}

func again(d *db.Dialect, err error) bool {
	return d.Again(err) || errors.Is(err, errSealedMeanwhile) || errors.Is(err, errSpentMeanwhile)
}

func (w *writer) attempt(ctx context.Context, group []*op) (err error) {
	defer w.l.handle.Observed(db.Write, time.Now(), &err)
	t, err := w.begin(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && (w.session.Rollback() != nil || w.l.handle.Learn(err)) {
			w.drop()
		}
	}()
	t.Ctx = w.l.d.Statements(ctx)
	if err := t.run(group); err != nil {
		return err
	}
	if err := t.finish(); err != nil {
		return err
	}
	if _, err = w.session.Exec(t.Ctx, "COMMIT"); err == nil {
		w.l.waker.news(t.wake, 0)
	}
	return err
}

// run runs the operations of a group one by one, except those that run as sets.
func (t *tx) run(group []*op) error {
	var admits, finishes []*op
	for _, o := range group {
		o.answer = nil
		switch {
		case o.admit != nil:
			admits = append(admits, o)
			continue
		case o.finish != nil:
			finishes = append(finishes, o)
			continue
		}
		if o.answer = o.run(t); o.answer != nil && !db.IsAnswer(o.answer) {
			return o.answer
		}
	}
	if err := t.admitAll(admits); err != nil {
		return err
	}
	return t.finishAll(finishes)
}

// begin starts a transaction. If the connection is broken or leads to the wrong server, as after a restart or a failover,
// it opens a new one.
func (w *writer) begin(ctx context.Context) (*tx, error) {
	if w.session != nil && w.session.Aged() {
		w.drop()
	}
	if w.session != nil {
		t, err := begin(ctx, w.l, w.session)
		if err == nil || w.l.d.Again(err) {
			return t, err
		}
		w.l.handle.Learn(err)
		w.drop()
	}
	var err error
	if w.session, err = db.OpenSession(ctx, w.l.d, w.l.handle.Writes, true); err != nil {
		return nil, err
	}
	t, err := begin(ctx, w.l, w.session)
	if err == nil {
		err = schema.ContinueEvents(t.Tx) // nobody restores a server under a connection that lives
	}
	if err != nil {
		w.l.handle.Learn(err)
		w.drop()
	}
	return t, err
}

// drop gives up the connection, which may be broken; the next group opens another one.
func (w *writer) drop() {
	if w.session == nil {
		return
	}
	if err := w.session.Close(); err != nil {
		w.log.Debug("close the ledger's connection", "error", err)
	}
	w.session = nil
}
