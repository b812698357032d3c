package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker"
	"github.com/mediaferry/mediaferry/worker/media"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/source"
	"github.com/mediaferry/mediaferry/worker/wechat"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// A batch needs nearly five days of an account's calls. It is done on the fifth, as the plan said on the first; WeChat never has
// to refuse a call, though workers die and the belt is lost, and though another system uses the account too; and who can't
// wait is served on each day.
func TestABatchOfFiveDays(t *testing.T) {
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
			c := &movedClock{at: time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC)} // midnight in Shanghai
			newWall(t, c, open(t, c), taskstest.Size(500)).climb()
		})
	}
}

// wall is an account with a limit that a batch runs into.
type wall struct {
	*testing.T
	clock   *movedClock
	ledger  *ledger.Ledger
	wechat  *wechattest.Server
	client  *wechat.Client
	account tasks.Account
	worker  *worker.Worker
	root    string
	daily   int
	chunks  int
	files   int
	theirs  int
}

func newWall(t *testing.T, c *movedClock, url string, daily int) *wall {
	t.Helper()
	w := &wall{T: t, clock: c, daily: daily, root: t.TempDir()}
	l, err := ledger.Open(t.Context(), url, ledger.Options{Now: c.now, Linger: time.Millisecond})
	w.must(err)
	t.Cleanup(func() { w.must(l.Close()) })
	w.ledger = l
	w.wechat = wechattest.NewServer(t, wechattest.Config{Now: c.now, Accounts: []wechattest.Account{
		{AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret, DailyLimit: daily},
	}})
	store, err := source.New(source.Config{Root: w.root})
	w.must(err)
	w.client, err = wechat.New(wechat.Config{BaseURLs: []string{w.wechat.URL}, Now: c.now},
		[]wechat.Account{{Name: "default", AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret}}, nil)
	w.must(err)
	accounts := w.client.Accounts()
	accounts[0].Reserve = 10
	w.account = accounts[0]
	w.must(l.Join(t.Context(), tasks.Process{Name: "test", Role: tasks.RoleRun}, accounts))
	w.worker = worker.New(worker.Deps{Ledger: l, Files: store, Checker: limits{media.DefaultLimits()}, Uploader: w.client, Accounts: accounts}, worker.Config{})
	t.Cleanup(w.worker.Close)
	return w
}

func (w *wall) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// file writes a picture that is like no other, and returns its source.
func (w *wall) file() string {
	w.Helper()
	w.files++
	name := fmt.Sprintf("%d.jpg", w.files)
	w.must(os.WriteFile(filepath.Join(w.root, name), mediatest.Distinct(w.files, tasks.Image, 1000), 0o600))
	return name
}

// learn asks WeChat for the quota, as a running fleet does.
func (w *wall) learn() {
	w.Helper()
	before, err := w.ledger.CallsToday(w.Context(), w.account)
	w.must(err)
	q, err := w.client.Quota(w.Context(), w.account.Name)
	w.must(err)
	w.must(w.ledger.LearnQuota(w.Context(), w.account, tasks.LearntQuota{PerMinute: q.PerMinute(), Daily: q.DailyLimit, Used: q.Used, Before: before}))
}

// elsewhere uploads a picture as another system does, of which the ledger knows nothing.
func (w *wall) elsewhere() {
	w.Helper()
	w.theirs++
	body := mediatest.Distinct(1_000_000+w.theirs, tasks.Image, 1000)
	content, err := media.Check(body, tasks.Image, media.DefaultLimits())
	w.must(err)
	_, err = w.client.Upload(w.Context(), w.account.Name, tasks.Payload{Content: content, Body: body})
	w.must(err)
}

// climb lets the days pass, a quarter of one at a time.
func (w *wall) climb() {
	bulk := w.daily - w.daily/10
	total := 4*bulk + bulk/4
	p := &enqueue.Producer{Ledger: w.ledger, Name: "shop"}
	w.learn()
	r, err := p.SubmitBatch(w.Context(), tasks.Batch{}, func(yield func(tasks.Upload) bool) {
		for range total {
			if !yield(tasks.Upload{Type: tasks.Image, Source: w.file()}) {
				return
			}
		}
	})
	w.must(err)
	b := r.Batch
	plan := w.batch(b).Plan
	if plan == nil || len(plan.Days) != 5 {
		w.Fatalf("the plan of the first day is %+v, want five days", plan)
	}
	urgent := 0
	for quarter := 0; ; quarter++ {
		if quarter > 5*4 {
			w.Fatalf("after five days %d of %d are done", w.batch(b).Counts.Succeeded, total)
		}
		if quarter%4 == 0 {
			for range w.daily / 16 {
				w.elsewhere()
			}
		}
		w.learn()
		o, err := p.Submit(w.Context(), tasks.Upload{Type: tasks.Image, Source: w.file(), Priority: tasks.Interactive})
		w.must(err)
		w.work(quarter)
		if got, err := w.ledger.Outcome(w.Context(), o.ID); err != nil || got.State != tasks.Succeeded {
			w.Fatalf("quarter %d: who can't wait is %s: %s (%v)", quarter, got.State, got.Reason, err)
		}
		urgent++
		if w.batch(b).Counts.Open == 0 {
			break
		}
		w.clock.pass(6 * time.Hour)
	}
	if off := w.clock.now().Sub(plan.Done).Abs(); off > 12*time.Hour {
		w.Errorf("the plan said %v, and it is %v", plan.Done, w.clock.now())
	}
	perDay, refused := map[int64]int{}, 0
	for _, c := range w.wechat.Calls() {
		if c.Path == "/cgi-bin/media/upload" {
			perDay[tasks.DayOf(c.Time, nil)]++
			if c.Errcode == 45009 {
				refused++
			}
		}
	}
	for day, n := range perDay {
		if n > w.daily {
			w.Errorf("day %d: %d calls, %d are allowed", day, n, w.daily)
		}
	}
	if refused > 0 || len(perDay) != 5 {
		w.Errorf("%d calls were refused, on %d days, want none on 5", refused, len(perDay))
	}
	w.Logf("%d uploads at %d calls a day, %d of them at once; done at %v, planned for %v", total, w.daily, urgent, w.clock.now(), plan.Done)
}

func (w *wall) batch(b tasks.Batch) tasks.Batch {
	w.Helper()
	got, err := w.ledger.Batch(w.Context(), b.ID)
	w.must(err)
	return got
}

// work carries what can be carried now. Some chunks get a worker that dies, and once all that is on the belt is lost.
func (w *wall) work(quarter int) {
	w.Helper()
	lost := quarter%3 != 1
	for {
		_, err := w.ledger.Mature(w.Context(), 1000)
		w.must(err)
		_, err = w.ledger.TakeOver(w.Context(), 0, 1000)
		w.must(err)
		chunks, err := w.ledger.Dispatch(w.Context(), tasks.Window{Bulk: 64, Interactive: 64, BulkSlots: 16, InteractiveSlots: 4})
		w.must(err)
		if len(chunks) == 0 {
			return
		}
		if !lost {
			lost = true
			_, err := w.ledger.UndispatchAll(w.Context())
			w.must(err)
			continue
		}
		died := false
		for _, c := range chunks {
			w.chunks++
			if c.Deaths == 0 && c.Priority == tasks.Bulk && w.chunks%11 == 0 {
				died = true
				_, err = w.ledger.Claim(w.Context(), tasks.NewBids(c.Runs), "dead", 10*time.Second)
			} else {
				err = w.worker.Carry(w.Context(), tasks.RunPayload{V: 2, Ledger: w.ledger.ID(), Runs: c.Runs, Account: c.Account, Priority: c.Priority, Deaths: c.Deaths})
			}
			if err != nil && !errors.Is(err, tasks.ErrFenced) {
				w.must(err)
			}
		}
		if died {
			w.clock.pass(time.Minute)
		}
	}
}
