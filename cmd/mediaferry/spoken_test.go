package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// More bulk uploads wait than an account has calls for in four days, and media that are kept alive must be renewed on one of
// them. Bulk uploads take the calls of each day as it begins, long before the renewals are due: they leave them a call each, and go
// on with the rest.
func TestBulkLeavesCallsToRenewals(t *testing.T) {
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
			c := &movedClock{at: time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)} // noon in Shanghai: renewals are due in the night
			daily := taskstest.Size(500)
			w := newWall(t, c, open(t, c), daily)
			w.learn()
			k := keeping{wall: w, has: map[uuid.UUID]string{}}
			k.begin(daily*3/5, 4*daily)
			for hour := 0; k.open() || hour < 80; hour++ {
				if hour > 8*24 {
					t.Fatal("after eight days not all bulk uploads are done")
				}
				c.pass(time.Hour)
				k.renew()
				k.look()
			}
			k.end()
		})
	}
}

// keeping is an account with media that are kept alive, and a batch that takes all calls it can get.
type keeping struct {
	*wall
	batch tasks.Batch
	place int64
	has   map[uuid.UUID]string // the media_id that the producer knows, by upload
}

func (k *keeping) begin(files, bulk int) {
	k.Helper()
	until := k.clock.now().Add(30 * 24 * time.Hour)
	p := &enqueue.Producer{Ledger: k.ledger, Name: "shop"}
	for range files {
		o, err := p.Submit(k.Context(), tasks.Upload{Type: tasks.Image, Source: k.file(), KeepFreshUntil: until})
		k.must(err)
		k.has[o.ID] = ""
	}
	k.renew()
	r, err := p.SubmitBatch(k.Context(), tasks.Batch{}, func(yield func(tasks.Upload) bool) {
		for range bulk {
			if !yield(tasks.Upload{Type: tasks.Image, Source: k.file()}) {
				return
			}
		}
	})
	k.must(err)
	k.batch = r.Batch
	k.renew()
	k.look()
}

func (k *keeping) open() bool { return k.wall.batch(k.batch).Counts.Open > 0 }

// renew makes what is due, and carries what can be carried now.
func (k *keeping) renew() {
	k.Helper()
	const calm = 0 // a quarter in which the belt is not lost
	for {
		made, err := k.ledger.RenewDue(k.Context(), 1000)
		k.must(err)
		k.work(calm)
		if made == 0 {
			return
		}
	}
}

// look follows the events, and asks WeChat whether each media_id that is kept alive still lives.
func (k *keeping) look() {
	k.Helper()
	for more := true; more; {
		page, err := k.ledger.Events(k.Context(), tasks.EventFilter{After: k.place})
		k.must(err)
		for _, e := range page.Events {
			k.heard(e)
		}
		more, k.place = page.More, page.Next
	}
	for id, m := range k.has {
		if _, lives := k.wechat.Media(m); !lives {
			k.Fatalf("at %v the media_id %q of %s does not live any more", k.clock.now(), m, id)
		}
	}
}

func (k *keeping) heard(e tasks.Event) {
	k.Helper()
	switch e.Type {
	case tasks.UploadSucceeded:
		var o tasks.Outcome
		k.must(json.Unmarshal(e.Data, &o))
		if _, kept := k.has[o.ID]; kept {
			k.has[o.ID] = o.MediaID
		}
	case tasks.MediaRenewed:
		var c tasks.MediaChange
		k.must(json.Unmarshal(e.Data, &c))
		for _, id := range c.Uploads {
			k.has[id] = c.MediaID
		}
	case tasks.HoldBegan, tasks.HoldEnded, tasks.BatchCompleted:
	default:
		k.Fatalf("at %v: event %s: %s", k.clock.now(), e.Type, e.Data)
	}
}

// end counts the calls of each day. On the day of the first renewals bulk uploads got what these and the reserve left.
func (k *keeping) end() {
	k.Helper()
	first := map[string]bool{}
	days := map[int64]int{}    // calls
	renewed := map[int64]int{} // of these, for the second time
	for _, c := range k.wechat.Calls() {
		if c.Path != "/cgi-bin/media/upload" {
			continue
		}
		if c.Errcode != 0 {
			k.Errorf("WeChat refused %+v", c)
		}
		day := tasks.DayOf(c.Time, nil)
		days[day]++
		if first[c.SHA256] {
			renewed[day]++
		}
		first[c.SHA256] = true
	}
	most := k.daily - k.daily/10
	for day, n := range days {
		if n > most {
			k.Errorf("day %d: %d calls, the reserve begins after %d", day, n, most)
		}
	}
	today := tasks.DayOf(time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC), nil)
	if renewed[today] != len(k.has) || days[today] != most {
		k.Errorf("%d of %d media were renewed on the day, with %d calls in all: want all of %d", renewed[today], len(k.has), days[today], most)
	}
	k.Logf("calls by day: %v, of these renewals: %v", days, renewed)
}
