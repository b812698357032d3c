package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/ledger/view"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker"
	"github.com/mediaferry/mediaferry/worker/media"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/source"
	"github.com/mediaferry/mediaferry/worker/wechat"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// Ten days pass for the ledger and for WeChat together, while workers die on the way. A producer that keeps to what the events
// tell has a live media_id of each of its files all the time. No file costs more than four calls, and one more if a worker died
// between its call and its word of it.
func TestMediaStayAliveForTenDays(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T, *movedClock) string{
		"sqlite": func(t *testing.T, _ *movedClock) string { return ledgertest.SQLite(t) },
		"postgres": func(t *testing.T, c *movedClock) string {
			url, set := ledgertest.Clock(t, ledgertest.Postgres(t), c.now())
			c.set = set
			return url
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
			c := &movedClock{at: begin}
			r := newTenDays(t, c, open(t, c), taskstest.Size(500))
			r.begin()
			for r.hour < 10*24 { // dead workers cost minutes of it
				c.pass(time.Hour)
				r.hour = int(c.now().Sub(begin) / time.Hour)
				r.work()
				r.look()
			}
			r.end()
		})
	}
}

// movedClock is the time of the ledger and of WeChat. It stands still until it is told to go on.
type movedClock struct {
	mu  sync.Mutex
	at  time.Time
	set func(time.Time) // sets a server's clock too; nil: there is no server
}

func (c *movedClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *movedClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
	if c.set != nil {
		c.set(c.at)
	}
}

// tenDays is a ledger, a WeChat and a worker, with a producer that follows the events.
type tenDays struct {
	*testing.T
	clock   *movedClock
	ledger  *ledger.Ledger
	wechat  *wechattest.Server
	worker  *worker.Worker
	mortal  *worker.Worker // dies when it has called WeChat, before it says so
	files   int
	hour    int
	chunks  int
	place   int64
	has     map[uuid.UUID]string // the media_id that the producer knows, by upload
	renewed int
	wasted  int // calls that were made by a worker that died then
}

// dying is a ledger as a worker sees it that dies before it records an outcome.
type dying struct{ *ledger.Ledger }

func (dying) Finish(context.Context, tasks.Token, tasks.Result) error { return tasks.ErrFenced }

// limits are those of package media, as a worker wants them.
type limits struct{ media.Limits }

func (l limits) Check(b []byte, kind tasks.MediaType) (tasks.Content, error) {
	return media.Check(b, kind, l.Limits)
}

func newTenDays(t *testing.T, c *movedClock, url string, files int) *tenDays {
	t.Helper()
	r := &tenDays{T: t, clock: c, files: files, has: map[uuid.UUID]string{}}
	l, err := ledger.Open(t.Context(), url, ledger.Options{Now: c.now, Linger: time.Millisecond})
	r.must(err)
	t.Cleanup(func() { r.must(l.Close()) })
	r.ledger = l
	r.wechat = wechattest.NewServer(t, wechattest.Config{Now: c.now})
	root := t.TempDir()
	for i := range files {
		r.must(os.WriteFile(filepath.Join(root, fmt.Sprintf("%d.jpg", i)), mediatest.Distinct(i, tasks.Image, 1000), 0o600))
	}
	store, err := source.New(source.Config{Root: root})
	r.must(err)
	client, err := wechat.New(wechat.Config{BaseURLs: []string{r.wechat.URL}, Now: c.now},
		[]wechat.Account{{Name: "default", AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret}}, nil)
	r.must(err)
	accounts := client.Accounts()
	r.must(l.Join(t.Context(), tasks.Process{Name: "test", Role: tasks.RoleRun}, accounts))
	hire := func(l worker.Ledger, lease time.Duration) *worker.Worker {
		w := worker.New(worker.Deps{Ledger: l, Files: store, Checker: limits{media.DefaultLimits()}, Uploader: client, Accounts: accounts}, worker.Config{Lease: lease})
		t.Cleanup(w.Close)
		return w
	}
	// Leases last by the machine's clock: a machine that stands still for a while must not take one from the worker, since a call
	// that it breaks off is made again.
	r.worker, r.mortal = hire(l, time.Hour), hire(dying{l}, 10*time.Second)
	return r
}

func (r *tenDays) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// begin submits the files. Every fifth is asked for twice, in two names: that is one content, with two who are told.
func (r *tenDays) begin() {
	r.Helper()
	until := r.clock.now().Add(30 * 24 * time.Hour)
	for _, name := range []string{"shop", "news"} {
		p := &enqueue.Producer{Ledger: r.ledger, Name: name}
		for i := range r.files {
			if name == "news" && i%5 > 0 {
				continue
			}
			_, err := p.Submit(r.Context(), tasks.Upload{ExternalID: fmt.Sprint(i), Type: tasks.Image, Source: fmt.Sprintf("%d.jpg", i), KeepFreshUntil: until})
			r.must(err)
		}
		r.work()
	}
	r.look()
	if want := r.files + (r.files+4)/5; len(r.has) != want {
		r.Fatalf("%d uploads have a media_id, want %d", len(r.has), want)
	}
}

// work makes what is due and carries it, until nothing is left. Some chunks get a worker that dies at once, some one that dies
// after its call: what they had is taken over when their leases have run out.
func (r *tenDays) work() {
	r.Helper()
	for {
		made, err := r.ledger.RenewDue(r.Context(), 1000)
		r.must(err)
		_, err = r.ledger.Mature(r.Context(), 1000)
		r.must(err)
		_, err = r.ledger.TakeOver(r.Context(), 0, 1000)
		r.must(err)
		chunks, err := r.ledger.Dispatch(r.Context(), tasks.Window{Bulk: 64, Interactive: 64})
		r.must(err)
		if made == 0 && len(chunks) == 0 {
			return
		}
		died := false
		for _, c := range chunks {
			r.chunks++
			p := tasks.RunPayload{V: 2, Ledger: r.ledger.ID(), Runs: c.Runs, Account: c.Account, Priority: c.Priority, Deaths: c.Deaths}
			switch {
			case c.Deaths == 0 && r.chunks%7 == 0:
				died = true
				_, err = r.ledger.Claim(r.Context(), tasks.NewBids(c.Runs), "dead", 10*time.Second)
			case c.Deaths == 0 && r.hour > 100 && r.wasted == 0:
				died = true
				before := r.wechat.Count("media/upload")
				err = r.mortal.Carry(r.Context(), p)
				r.wasted += r.wechat.Count("media/upload") - before
			default:
				err = r.worker.Carry(r.Context(), p)
			}
			if err != nil && !errors.Is(err, tasks.ErrFenced) {
				r.must(err)
			}
		}
		if died {
			r.clock.pass(time.Minute)
		}
	}
}

// look follows the events, and asks WeChat whether each media_id that the producer knows still lives.
func (r *tenDays) look() {
	r.Helper()
	for more := true; more; {
		page, err := r.ledger.Events(r.Context(), tasks.EventFilter{After: r.place})
		r.must(err)
		for _, e := range page.Events {
			r.heard(e)
		}
		more, r.place = page.More, page.Next
	}
	if r.Failed() {
		r.FailNow()
	}
	for id, m := range r.has {
		if _, lives := r.wechat.Media(m); !lives {
			r.Fatalf("after %d hours the media_id of %s does not live any more", r.hour, id)
		}
	}
}

func (r *tenDays) heard(e tasks.Event) {
	r.Helper()
	switch e.Type {
	case tasks.UploadSucceeded:
		var o tasks.Outcome
		r.must(json.Unmarshal(e.Data, &o))
		if r.has[o.ID] != "" {
			r.Errorf("upload %s succeeded twice", o.ID)
		}
		r.has[o.ID] = o.MediaID
	case tasks.MediaRenewed:
		var c tasks.MediaChange
		r.must(json.Unmarshal(e.Data, &c))
		r.renewed++
		for _, id := range c.Uploads {
			if r.has[id] != c.OldMediaID {
				r.Errorf("upload %s had %s and is told of %s", id, r.has[id], c.OldMediaID)
			}
			r.has[id] = c.MediaID
		}
	default:
		r.Errorf("hour %d: event %s: %s", r.hour, e.Type, e.Data)
	}
}

// end compares what the ledger says with what the producer knows, and what it cost.
func (r *tenDays) end() {
	r.Helper()
	for id, m := range r.has {
		o, err := r.ledger.Outcome(r.Context(), id)
		r.must(err)
		if o.Current == nil || o.Current.MediaID != m {
			r.Errorf("the current media of %s is %+v, and %s was told", id, o.Current, m)
		}
	}
	calls := map[string]int{}
	for _, c := range r.wechat.Calls() {
		if c.Path == "/cgi-bin/media/upload" {
			if c.Errcode != 0 || c.Status != 200 {
				r.Logf("refused: %+v", c)
			}
			calls[c.SHA256]++
		}
	}
	total, most := 0, 0
	for _, n := range calls {
		total, most = total+n, max(most, n)
	}
	if len(calls) != r.files || total > 4*r.files+r.wasted || most > 5 || r.wasted == 0 {
		r.Errorf("%d contents took %d calls, %d of them for one, with %d that died with their workers", len(calls), total, most, r.wasted)
	}
	if over := slices.Collect(func(yield func(string) bool) {
		for sum, n := range calls {
			if n > 4 && !yield(sum) {
				return
			}
		}
	}); len(over) > r.wasted {
		r.Errorf("%d contents took more than 4 calls, and %d calls died with their workers", len(over), r.wasted)
	}
	all, err := r.ledger.Conservation(r.Context())
	r.must(err)
	if all.Accepted != len(r.has) || all.Succeeded != len(r.has) || all.Missing() != 0 {
		r.Errorf("conservation: %+v, want %d uploads", all, len(r.has))
	}
	findings, err := r.ledger.Verify(r.Context(), view.VerifyOptions{})
	r.must(err)
	for _, f := range findings {
		r.Errorf("verify: %+v", f)
	}
	r.Logf("%d files, %d renewals told, %d calls, %d a file at most", r.files, r.renewed, total, most)
}
