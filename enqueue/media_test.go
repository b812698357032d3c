package enqueue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

var mediaAccount = tasks.Account{Name: "default", Realm: "wechat.example", AppID: "wx1", Fingerprint: "f"}

// carrier carries uploads as a worker does, from files that the test makes, and counts what that takes.
type carrier struct {
	*testing.T
	*ledger.Ledger

	mu    sync.Mutex
	files map[string]string // their contents
	away  error             // why nobody can look at them from here
	count counts
}

// counts is what it took.
type counts struct{ Stats, Reads, Calls int }

func newCarrier(t *testing.T, url string) *carrier {
	t.Helper()
	c := &carrier{T: t, Ledger: openAt(t, url), files: map[string]string{}}
	if err := c.Join(t.Context(), tasks.Process{Name: "test", Role: tasks.RoleRun}, []tasks.Account{mediaAccount}); err != nil {
		t.Fatal(err)
	}
	return c
}

func openAt(t *testing.T, url string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), url, ledger.Options{Linger: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// producer is one in a process of its own.
func (c *carrier) producer(l *ledger.Ledger) *Producer {
	c.Helper()
	live := NewLiveMedia(l)
	live.Sources = c
	c.Cleanup(l.Follow(live.Woken))
	return &Producer{Ledger: l, Name: "bot", Live: live, Rights: tasks.Rights{Sources: []string{tasks.GrantAll}}}
}

func (c *carrier) write(source, content string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files[source] = content
}

func (c *carrier) remove(source string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.files, source)
}

func (c *carrier) blind(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = err
}

func (c *carrier) counted() counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count
}

func (c *carrier) Stat(_ context.Context, source string) (tasks.Entry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count.Stats++
	content, ok := c.files[source]
	switch {
	case c.away != nil:
		return tasks.Entry{}, c.away
	case !ok:
		return tasks.Entry{}, &tasks.Error{Code: tasks.Missing, Op: "stat source"}
	}
	return tasks.Entry{Source: source, Identity: "it has " + content}, nil
}

// works carries all uploads until the test ends.
func (c *carrier) works() {
	c.Helper()
	ctx, stop := context.WithCancel(c.Context())
	done := make(chan struct{})
	c.Cleanup(func() { stop(); <-done })
	go func() {
		defer close(done)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			if err := c.carryAll(ctx); err != nil && ctx.Err() == nil {
				c.Error(err)
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
}

func (c *carrier) carryAll(ctx context.Context) error {
	chunks, err := c.Dispatch(ctx, tasks.Window{Bulk: 10, Interactive: 10})
	for _, chunk := range chunks {
		claims, errClaim := c.Claim(ctx, tasks.NewBids(chunk.Runs), "test", time.Minute)
		err = errors.Join(err, errClaim)
		for _, claim := range claims {
			err = errors.Join(err, c.carry(ctx, claim))
		}
	}
	return err
}

func (c *carrier) carry(ctx context.Context, claim tasks.Claim) error {
	c.mu.Lock()
	c.count.Reads++
	content, ok := c.files[claim.Source]
	c.mu.Unlock()
	if !ok {
		return c.Finish(ctx, claim.Token, tasks.Result{State: tasks.Failed, Cause: &tasks.Error{Code: tasks.Missing, Err: errors.New("it is gone")}})
	}
	r := tasks.Result{
		State: tasks.Succeeded, Size: int64(len(content)), Read: tasks.KnownContent{Hash: tasks.HashOf([]byte(content)), Identity: "it has " + content},
		Key: tasks.MediaKey{Realm: mediaAccount.Realm, AppID: mediaAccount.AppID, Type: claim.Type, Hash: tasks.HashOf([]byte(content))},
	}
	if content == "damaged" {
		r.State, r.Key, r.Cause = tasks.Failed, tasks.MediaKey{}, &tasks.Error{Code: tasks.Corrupt, Err: errors.New("it is cut off")}
		return c.Finish(ctx, claim.Token, r)
	}
	a, err := c.Admit(ctx, claim.Token, r.Key, tasks.AdmitOptions{Fresh: 2 * time.Hour, NoReuse: claim.NoReuse, Identity: r.Read.Identity})
	switch {
	case err != nil:
		return err
	case a.Verdict == tasks.Reuse:
		r.Media, r.Reused = a.Media, true
	case a.Verdict == tasks.Proceed:
		c.mu.Lock()
		c.count.Calls++
		r.Media = newMedia(fmt.Sprintf("%s%d", content, c.count.Calls))
		c.mu.Unlock()
	default:
		return nil // it waits
	}
	return c.Finish(ctx, claim.Token, r)
}

func newMedia(id string) tasks.Media {
	now := time.Now().UTC().Truncate(time.Second)
	return tasks.Media{ID: id, IssuedAt: now, ExpiresAt: now.Add(72 * time.Hour)}
}

func onBothDatabases(t *testing.T, run func(*testing.T, string)) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": ledgertest.SQLite, "postgres": ledgertest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, database(t))
		})
	}
}

func TestMediaCostsNoMoreThanItMust(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, url string) {
		c := newCarrier(t, url)
		p := c.producer(c.Ledger)
		c.works()
		r := MediaRequest{Upload: tasks.Upload{Source: "a.jpg", Type: tasks.Image}}
		before := counts{}
		ask := func(what string, r MediaRequest, id string, more counts) {
			t.Helper()
			m, err := p.Media(t.Context(), r)
			now := c.counted()
			took := counts{now.Stats - before.Stats, now.Reads - before.Reads, now.Calls - before.Calls}
			before = now
			if d := cmp.Diff(more, took); err != nil || m.ID != id || time.Until(m.ExpiresAt) < time.Hour || d != "" {
				t.Errorf("%s: %+v, %v, want %s; it took (-want +got)\n%s", what, m, err, id, d)
			}
		}
		c.write("a.jpg", "a")
		ask("the first time", r, "a1", counts{0, 1, 1})
		ask("again", r, "a1", counts{1, 0, 0})
		sum := r
		sum.Checksum = true
		ask("with a checksum", sum, "a1", counts{0, 1, 0})
		other := r
		other.Metadata = []byte(`{"n":1}`)
		ask("as another request", other, "a1", counts{0, 1, 0})
		anew := r
		anew.NoReuse = true
		ask("without reuse", anew, "a2", counts{0, 1, 1})
		ask("again, after that", r, "a2", counts{1, 0, 0})
		c.write("a.jpg", "b")
		ask("with other content", r, "b3", counts{1, 1, 1})
		ask("again with that", r, "b3", counts{1, 0, 0})
		c.remove("a.jpg")
		ask("when it is gone", r, "b3", counts{1, 0, 0})
		c.write("a.jpg", "b")
		c.blind(&tasks.Error{Code: tasks.Storage, Err: errors.New("it is not mounted")})
		ask("when it can't be looked at", r, "b3", counts{1, 1, 0})
		c.blind(nil)
		must(t, c.Forget(t.Context(), "b3", nil, ""))
		ask("when it was forgotten", r, "b4", counts{0, 1, 1})
		key := tasks.MediaKey{Realm: mediaAccount.Realm, AppID: mediaAccount.AppID, Type: tasks.Image, Hash: tasks.HashOf([]byte("b"))}
		renewed := newMedia("renewed")
		renewed.ExpiresAt = renewed.ExpiresAt.Add(time.Hour)
		must(t, c.KeepMedia(t.Context(), key, renewed))
		ask("when a newer one is known", r, "renewed", counts{1, 0, 0})
	})
}

func TestMediaThatCantBeHad(t *testing.T) {
	t.Parallel()
	c := newCarrier(t, ledgertest.SQLite(t))
	p := c.producer(c.Ledger)
	c.works()
	c.write("bad.jpg", "damaged")
	c.write("a.jpg", "a")
	source := func(s string) MediaRequest {
		return MediaRequest{Upload: tasks.Upload{Source: s, Type: tasks.Image}}
	}
	ask := func(r MediaRequest, code tasks.Code, words string, more counts) {
		t.Helper()
		before := c.counted()
		m, err := p.Media(t.Context(), r)
		now := c.counted()
		took := counts{now.Stats - before.Stats, now.Reads - before.Reads, now.Calls - before.Calls}
		if tasks.CodeOf(err) != code || !strings.Contains(err.Error(), words) || took != more {
			t.Errorf("%s: %+v, %v, it took %+v; want %s with %q and %+v", r.Source, m, err, took, code, words, more)
		}
	}
	ask(source("bad.jpg"), tasks.Corrupt, "cut off", counts{0, 1, 0})
	ask(source("bad.jpg"), tasks.Corrupt, "cut off", counts{1, 0, 0})
	ask(source("none.jpg"), tasks.Missing, "gone", counts{0, 1, 0})
	ask(source("none.jpg"), tasks.Missing, "gone", counts{0, 1, 0}) // it might have come
	ask(source("../a.jpg"), tasks.Denied, "..", counts{})
	named := source("a.jpg")
	named.ExternalID = "mine"
	if _, err := p.Media(t.Context(), named); err != nil {
		t.Fatal(err)
	}
	named.Type = tasks.Voice
	ask(named, tasks.Conflict, "type", counts{})
	p.Rights.Accounts = []string{"another"}
	ask(source("a.jpg"), tasks.Denied, "account", counts{})
}

func TestMediaThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	c := newCarrier(t, ledgertest.SQLite(t))
	p := c.producer(c.Ledger)
	c.write("a.jpg", "a")
	r := MediaRequest{Upload: tasks.Upload{Source: "a.jpg", Type: tasks.Image}}
	first, err := p.AskMedia(t.Context(), r, 0)
	if err != nil || first.State != tasks.Queued || first.Submitted.IsZero() {
		t.Fatalf("%+v, %v", first, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		taskstest.Until(t, "the upload is waited for", func() bool {
			p.Live.waits.mu.Lock()
			defer p.Live.waits.mu.Unlock()
			return p.Live.waits.by[first.ID] != nil
		})
		cancel()
	}()
	if _, err := p.Media(ctx, r); tasks.CodeOf(err) != tasks.Temporary || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "is queued") {
		t.Errorf("without a worker: %v", err)
	}
	must(t, c.Hold(t.Context(), tasks.Hold{Realm: mediaAccount.Realm, AppID: mediaAccount.AppID, Code: tasks.AccountHeld, Reason: "bad secret", Until: time.Now().Add(time.Hour)}))
	if m, err := p.Media(t.Context(), r); tasks.CodeOf(err) != tasks.AccountHeld || !strings.Contains(err.Error(), "bad secret") { // it does not wait for the operator
		t.Errorf("for a held account: %+v, %v", m, err)
	}
	_, err = c.Resume(t.Context(), mediaAccount.Realm, mediaAccount.AppID)
	must(t, err)
	c.works()
	m, err := p.AskMedia(t.Context(), r, time.Hour)
	if err != nil || m.State != tasks.Succeeded || m.ID != first.ID {
		t.Errorf("%+v, %v", m, err)
	}
}

// However many ask, in however many processes, WeChat is called once.
func TestMediaForManyAtOnce(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, url string) {
		c := newCarrier(t, url)
		producers := []*Producer{c.producer(c.Ledger), c.producer(openAt(t, url))}
		c.works()
		for round := range 2 { // the second time from the record
			content := "a"
			c.write("a.jpg", content)
			n := taskstest.Size(10_000)
			ids := make([]string, n)
			var all sync.WaitGroup
			start := make(chan struct{})
			for i := range n {
				all.Go(func() {
					<-start
					m, err := producers[i%2].Media(t.Context(), MediaRequest{Upload: tasks.Upload{Source: "a.jpg", Type: tasks.Image}})
					if ids[i] = m.ID; err != nil {
						t.Error(err)
					}
				})
			}
			close(start)
			all.Wait()
			for _, id := range ids {
				if id != "a1" {
					t.Fatalf("round %d: somebody got %q", round, id)
				}
			}
			if got := c.counted(); got.Calls != 1 || got.Reads != 1 {
				t.Errorf("round %d: %d callers took %+v", round, n, got)
			}
		}
	})
}

// Who asks while others look must not get what was seen before.
func TestALookIsNotOlderThanItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := flights{under: map[string]*flight{}}
		seen, looks := "old", 0
		gate := make(chan struct{})
		look := func(context.Context) (looked, error) {
			looks++
			l := looked{}
			l.MediaID = seen
			<-gate
			return l, nil
		}
		ask := func(want string) func() {
			done := make(chan struct{})
			go func() {
				defer close(done)
				if l, err := f.share(t.Context(), "k", look); err != nil || l.MediaID != want {
					t.Errorf("got %q, %v, want %q", l.MediaID, err, want)
				}
			}()
			synctest.Wait()
			return func() { <-done }
		}
		early := ask("old")
		seen = "new"
		late, later := ask("new"), ask("new")
		gone, leave := context.WithCancel(t.Context())
		leave()
		if _, err := f.share(gone, "k", look); !errors.Is(err, context.Canceled) {
			t.Errorf("who has left got %v", err)
		}
		gate <- struct{}{}
		early()
		gate <- struct{}{}
		late()
		later()
		synctest.Wait()
		if looks != 2 || len(f.under) != 0 {
			t.Errorf("%d looks, %d under way", looks, len(f.under))
		}
	})
}

// heads counts the requests for an object.
type heads struct {
	identity string
	err      error
	n        int
}

func (h *heads) Stat(context.Context, string) (tasks.Entry, error) {
	h.n++
	return tasks.Entry{Identity: h.identity}, h.err
}

func TestObjectsAreLookedAtOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &heads{identity: "v1"}
		l := NewLiveMedia(nil)
		l.Sources = h
		read := time.Now()
		known := tasks.AskedMedia{Identity: "v1"}
		known.Source = "s3://media/a.jpg"
		check := func(what string, same bool, n int) {
			t.Helper()
			known.Age = time.Since(read)
			got, err := l.unchanged(t.Context(), known)
			if got != same || h.n != n {
				t.Errorf("%s: %v, %v after %d requests, want %v after %d", what, got, err, h.n, same, n)
			}
		}
		check("right after it was read", true, 0)
		time.Sleep(time.Minute)
		check("a minute later", true, 1)
		h.identity = "v2"
		check("soon after a look", true, 1)
		time.Sleep(time.Minute)
		check("a minute after the look", false, 2)
		check("soon after that", false, 2)
		known.Identity, read = "v2", time.Now() // a worker has read it
		check("after it was read again", true, 2)
		time.Sleep(time.Minute)
		h.err = &tasks.Error{Code: tasks.Missing}
		check("when it is gone", true, 3)
		check("soon after that", true, 3)
		time.Sleep(time.Minute)
		h.err = &tasks.Error{Code: tasks.Denied}
		check("when it may not be looked at", false, 4)
		h.err = &tasks.Error{Code: tasks.Storage}
		check("when it can't be looked at", false, 5)
		known.Source, h.err = "a.jpg", nil
		check("a file", true, 6)
		check("a file", true, 7)
	})
}

// absent is a ledger that has none of the uploads.
type absent struct{ MediaBook }

func (absent) Awaited(context.Context, []uuid.UUID) ([]tasks.Outcome, error) { return nil, nil }

func TestWhatIsNotThereIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	l := NewLiveMedia(absent{})
	if _, err := l.waits.of(t.Context(), uuid.New()); tasks.CodeOf(err) != tasks.NotFound {
		t.Error(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
