package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

const month = 30 * 24 * time.Hour

// pruned prunes until nothing is left to prune, and returns how many records went.
func (h *harness) pruned(limit int) int {
	h.Helper()
	total := 0
	for {
		n, err := h.Prune(h.Context(), month, limit)
		must(h, err)
		if total += n; n == 0 {
			return total
		}
	}
}

// rowsOf counts the rows of tables.
func (h *harness) rowsOf(tables ...string) map[string]int {
	h.Helper()
	n := map[string]int{}
	for _, table := range tables {
		n[table] = h.number("SELECT count(*) FROM " + table)
	}
	return n
}

// ended submits n uploads and fails them, after an attempt each.
func (h *harness) ended(n int, change ...func(*tasks.Upload)) []uuid.UUID {
	h.Helper()
	var ids []uuid.UUID
	for _, c := range h.runningN(n, change...) {
		must(h, h.Finish(h.Context(), c.Token, failure(tasks.Unsupported)))
		ids = append(ids, c.ID)
	}
	return ids
}

// tick writes an event, which is then the newest: that one stays.
func (h *harness) tick() {
	h.Helper()
	must(h, h.Hold(h.Context(), tasks.Hold{Realm: "other.example", AppID: uuid.NewString(), Code: tasks.AccountHeld, Until: h.today().Add(time.Hour)}))
}

func (h *harness) deliverAll() {
	h.Helper()
	for {
		ds := h.due(1000)
		if len(ds) == 0 {
			return
		}
		for _, d := range ds {
			h.answered(d, time.Millisecond)
		}
	}
}

func withCallback(u *tasks.Upload) { u.CallbackURL = "https://crm.example/hook" }

var pruneContract = []testCase{
	{"what ended long ago goes with all that belongs to it", func(h *harness) {
		ids := h.ended(5, withCallback)
		must(h, h.Retry(h.Context(), ids[0], false))
		must(h, h.Finish(h.Context(), h.again().Token, failure(tasks.Unsupported)))
		h.deliverAll()
		h.pass(month + time.Hour)
		h.tick()
		if n := h.pruned(2); n != 5 {
			h.Errorf("%d records went, want 5", n)
		}
		same(h, "what is left", h.rowsOf("uploads", "rounds", "attempts", "deliveries", "events"),
			map[string]int{"uploads": 0, "rounds": 0, "attempts": 0, "deliveries": 0, "events": 1})
		_, err := h.Outcome(h.Context(), ids[0])
		wantCode(h, err, tasks.NotFound)
	}},
	{"a step removes no more than it was asked to", func(h *harness) {
		h.ended(5)
		h.pass(month + time.Hour)
		h.tick()
		var steps []int
		for {
			n, err := h.Prune(h.Context(), month, 2)
			must(h, err)
			if steps = append(steps, n); n == 0 {
				break
			}
		}
		same(h, "steps", steps, []int{2, 2, 1, 0})
	}},
	{"what is open, young or needed stays", func(h *harness) {
		young := month - time.Hour
		h.ended(1, withCallback) // its webhook is not delivered
		open := h.batch(tasks.Batch{})
		h.ended(1, in(open.ID)) // its batch is not complete
		fresh := func(u *tasks.Upload) { u.KeepFreshUntil = h.today().Add(2 * month) }
		h.ended(1, fresh)
		alive := h.running()
		done := h.success("live")
		done.Media.ExpiresAt = h.today().Add(2 * month)
		must(h, h.Finish(h.Context(), alive.Token, done))
		waits := h.running()
		must(h, h.Wait(h.Context(), waits.Token, tasks.Pause{For: 2 * month}))
		h.running()
		again := h.ended(1)[0]
		must(h, h.Retry(h.Context(), again, false))
		late := h.submit(1)[0]
		h.pass(month + time.Hour - young)
		value(h, h.Cancel)(h.Context(), late)
		h.pass(young)
		h.tick()
		before := h.rowsOf("uploads", "rounds", "attempts", "events", "deliveries", "batches", "media")
		if n := h.pruned(100); n != 0 {
			h.Errorf("%d records went", n)
		}
		same(h, "what is left", h.rowsOf("uploads", "rounds", "attempts", "events", "deliveries", "batches", "media"), before)
	}},
	{"a producer's name means the same upload for as long as its row is kept", func(h *harness) {
		u := h.upload()
		accept := func() tasks.Receipt { return value(h, h.Accept)(h.Context(), []tasks.Upload{u})[0] }
		first := accept()
		must(h, h.Finish(h.Context(), h.again().Token, failure(tasks.Unsupported)))
		h.pass(month - time.Hour)
		h.tick()
		h.pruned(10)
		if r := accept(); r.ID != first.ID || r.Created {
			h.Errorf("it became %v, was %v", r, first)
		}
		h.pass(2 * time.Hour)
		h.pruned(10)
		if r := accept(); r.ID == first.ID || !r.Created {
			h.Errorf("it is still known: %v", r)
		}
	}},
	{"a batch goes after its uploads, its refusals before it", func(h *harness) {
		b := h.batch(tasks.Batch{CallbackURL: "https://crm.example/hook"})
		h.ended(3, in(b.ID))
		var rs []tasks.Refusal
		for i := range 5 {
			rs = append(rs, tasks.Refusal{Line: i + 1, Code: tasks.Invalid, Reason: "no path"})
		}
		must(h, h.Refuse(h.Context(), b.ID, rs))
		must(h, h.Seal(h.Context(), b.ID, false))
		h.deliverAll()
		h.pass(month + time.Hour)
		h.tick()
		var totals []tasks.BatchCounts
		for {
			n, err := h.Prune(h.Context(), month, 2)
			must(h, err)
			if n == 0 {
				break
			}
			if got, err := h.Batch(h.Context(), b.ID); err == nil {
				totals = append(totals, got.Counts)
			}
		}
		same(h, "counts on the way", totals, []tasks.BatchCounts{
			{Total: 1, Failed: 1, Refused: 5, Pruned: 2}, {Refused: 5, Pruned: 3}, {Refused: 3, Pruned: 3}, {Refused: 1, Pruned: 3}, {Pruned: 3},
		})
		same(h, "what is left", h.rowsOf("uploads", "refusals", "batches", "deliveries", "events"),
			map[string]int{"uploads": 0, "refusals": 0, "batches": 0, "deliveries": 0, "events": 1})
	}},
	{"a batch that a retry reopened is whole, with the counts of what is left", func(h *harness) {
		b := h.batch(tasks.Batch{})
		ids := h.ended(3, in(b.ID))
		must(h, h.Seal(h.Context(), b.ID, false))
		h.pass(month + time.Hour)
		h.tick()
		if n, err := h.Prune(h.Context(), month, 2); err != nil || n != 2 {
			h.Fatal(n, err)
		}
		must(h, h.Retry(h.Context(), ids[2], false))
		h.pruned(10)
		must(h, h.Finish(h.Context(), h.again().Token, failure(tasks.Unsupported)))
		got, err := h.Batch(h.Context(), b.ID)
		must(h, err)
		if got.State != tasks.BatchComplete || got.Round != 2 || got.Counts != (tasks.BatchCounts{Total: 1, Failed: 1, Pruned: 2}) {
			h.Errorf("batch %+v", got)
		}
	}},
	{"the newest event stays, and seq goes on from it", func(h *harness) {
		h.ended(3)
		h.pass(month + time.Hour)
		last := h.events()[2].Seq
		if n := h.pruned(10); n != 2 {
			h.Errorf("%d records went, want 2", n)
		}
		h.ended(1)
		if es := h.events(); len(es) != 2 || es[0].Seq != last || es[1].Seq <= last {
			h.Errorf("events %+v after seq %d", es, last)
		}
		if n := h.pruned(10); n != 1 {
			h.Errorf("then %d records went, want 1", n)
		}
	}},
	{"a delivery that was asked for again keeps its upload", func(h *harness) {
		id := h.ended(1, withCallback)[0]
		h.deliverAll()
		h.pass(month + time.Hour)
		h.tick()
		ds, _, err := h.Deliveries(h.Context(), tasks.DeliveryFilter{Upload: id})
		must(h, err)
		must(h, h.Replay(h.Context(), ds[0].ID))
		if n := h.pruned(10); n != 0 {
			h.Errorf("%d records went", n)
		}
		h.deliverAll()
		if n := h.pruned(10); n != 1 {
			h.Errorf("then %d records went, want 1", n)
		}
	}},
	{"media go when they have expired, unless their content is under way", func(h *harness) {
		k := func(i int) tasks.MediaKey { return key(fmt.Sprint("m", i)) }
		for i := range 6 {
			m := h.media(fmt.Sprint("id", i))
			if i >= 4 {
				m.ExpiresAt = m.ExpiresAt.Add(month)
			}
			must(h, h.KeepMedia(h.Context(), k(i), m))
		}
		h.pass(73 * time.Hour)
		c := h.running()
		a, err := h.Admit(h.Context(), c.Token, k(0), tasks.AdmitOptions{})
		if err != nil || a.Verdict != tasks.Proceed {
			h.Fatal(a, err)
		}
		if n := h.pruned(2); n != 3 {
			h.Errorf("%d media went, want 3", n)
		}
		if n := h.number("SELECT count(*) FROM media"); n != 3 {
			h.Errorf("%d media are left, want 3", n)
		}
	}},
	{"the counts of old days go, with the names of requests and the actions of then", func(h *harness) {
		old, today := schema.DayOf(db.Micros(h.today().Add(-month)))-1, schema.DayOf(db.Micros(h.today()))
		for _, day := range []int64{old, today} {
			h.sql("INSERT INTO quota (realm, appid, day, calls) VALUES ('r', 'a', ?, 1)", day)
			h.sql("INSERT INTO budgets (producer, day, uploads) VALUES ('crm', ?, 1)", day)
		}
		for i, age := range []time.Duration{0, month + time.Hour, month + 2*time.Hour} {
			h.sql("INSERT INTO requests (producer, name, digest, upload, at) VALUES ('crm', ?, ?, ?, ?)",
				fmt.Sprint(i), []byte{1}, []byte{1}, db.Micros(h.today().Add(-age)))
		}
		for i, ended := range []any{nil, db.Micros(h.today()), db.Micros(h.today().Add(-2 * month))} {
			h.sql("INSERT INTO actions (id, kind, by_whom, choice, matched, began_at, ended_at) VALUES (?, 'retry', 'op', '{}', 1, ?, ?)",
				[]byte{byte(i)}, db.Micros(h.today().Add(-2*month)), ended)
		}
		if n := h.pruned(1); n != 5 {
			h.Errorf("%d records went, want 5", n)
		}
		same(h, "what is left", h.rowsOf("quota", "budgets", "requests", "actions"),
			map[string]int{"quota": 1, "budgets": 1, "requests": 1, "actions": 2})
		h.sql("UPDATE requests SET at = at - ?", (23 * time.Hour).Microseconds())
		if n, err := h.Prune(h.Context(), time.Hour, 10); err != nil || n != 0 {
			h.Errorf("a request of 23 hours ago is forgotten: %d, %v", n, err)
		}
	}},
	{"another process goes on where one broke off, and both may prune at once", func(h *harness) {
		h.ended(40)
		h.pass(month + time.Hour)
		h.tick()
		if n, err := h.Prune(h.Context(), month, 5); err != nil || n != 5 {
			h.Fatal(n, err)
		}
		both := [2]*Ledger{h.another(), h.another()}
		together(2, func(i int) {
			for {
				n, err := both[i].Prune(h.Context(), month, 3)
				if err != nil {
					h.Error(err)
				}
				if n == 0 {
					return
				}
			}
		})
		h.pruned(10) // what one had locked the other passed by
		if n := h.number("SELECT count(*) FROM uploads"); n != 0 {
			h.Errorf("%d uploads are left", n)
		}
	}},
	{"uploads that end meanwhile wait for nobody", func(h *harness) {
		h.ended(60)
		h.pass(month + time.Hour)
		h.tick()
		stop := make(chan struct{})
		together(2, func(i int) {
			if i == 0 {
				defer close(stop)
				h.pruned(3)
				return
			}
			for {
				h.ended(2)
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}},
}

func TestPruneLooksAheadOfWhatStays(t *testing.T) {
	t.Parallel()
	h := openSQLiteHarness(t)
	h.submit(lookAhead + 10) // old, and open
	h.pass(time.Hour)
	id := h.submit(1, urgent)[0]
	_, err := h.Cancel(t.Context(), id)
	must(t, err)
	h.pass(month)
	h.tick()
	if n := h.pruned(10); n != 1 {
		t.Errorf("%d records went from behind those that stay, want 1", n)
	}
}
