package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/check"
	"github.com/mediaferry/mediaferry/tasks/ledger/view"
)

// verified returns what Verify finds, by the names of the checks.
func (h *harness) verified() []string {
	h.Helper()
	fs, err := h.Verify(h.Context(), view.VerifyOptions{})
	must(h, err)
	var names []string
	for _, f := range fs {
		names = append(names, f.Check)
	}
	return slices.Compact(names)
}

func (h *harness) clean() {
	h.Helper()
	fs, err := h.Verify(h.Context(), view.VerifyOptions{})
	must(h, err)
	for _, f := range fs {
		h.Errorf("verify finds %s: %s (upload %v, batch %v)", f.Check, f.What, f.Upload, f.Batch)
	}
}

// populate fills a ledger with something of every kind, and returns a batch with callback that is complete.
func (h *harness) populate() uuid.UUID {
	h.Helper()
	h.register()
	b := h.batch(tasks.Batch{CallbackURL: "https://crm.example/batches"})
	h.ended(2, in(b.ID))
	value(h, h.Cancel)(h.Context(), h.submit(1, in(b.ID))[0])
	must(h, h.Refuse(h.Context(), b.ID, []tasks.Refusal{{Line: 9, Code: tasks.Invalid, Reason: "no path"}}))
	must(h, h.Seal(h.Context(), b.ID, false))
	h.batch(tasks.Batch{})
	again := h.ended(1, withCallback)[0]
	must(h, h.Retry(h.Context(), again, false))
	c := h.again()
	_, err := h.Admit(h.Context(), c.Token, key("x"), tasks.AdmitOptions{})
	must(h, err)
	must(h, h.Finish(h.Context(), c.Token, h.success("x")))
	h.ended(1)
	h.keeping("kept")
	waits := h.running()
	must(h, h.Wait(h.Context(), waits.Token, tasks.Pause{For: time.Hour, Attempt: &tasks.Attempt{Code: tasks.Temporary}}))
	runs := h.running()
	_, err = h.Admit(h.Context(), runs.Token, key("y"), tasks.AdmitOptions{})
	must(h, err)
	must(h, h.Hold(h.Context(), tasks.Hold{Realm: "other.example", AppID: "wx9", Code: tasks.AccountHeld, Until: h.today().Add(time.Hour)}))
	h.submit(1)
	h.dispatch()
	return b.ID
}

// forgery is a defect, made behind the ledger's back.
type forgery struct {
	check string
	sql   []string
	mends bool
}

var forgeries = []forgery{
	{"under-way-without-run", []string{"DELETE FROM runs WHERE token IS NULL"}, true},
	{"under-way-without-run", []string{"UPDATE uploads SET phase = 1 WHERE phase = 3"}, true},
	{"run-without-upload", []string{"INSERT INTO runs (upload, generation, account, priority, task, dispatched_at) SELECT seq, 1, account, 0, 't', 1 FROM uploads WHERE phase = 3"}, true},
	{"run-without-upload", []string{"INSERT INTO runs (upload, generation, account, priority, task, dispatched_at) VALUES (4711, 1, 'shop', 0, 't', 1)"}, true},
	{"waiting-for-ever", []string{"UPDATE uploads SET due_at = NULL WHERE phase = 3"}, true},
	{"outcome-incomplete", []string{"UPDATE uploads SET media_id = NULL WHERE phase = 4"}, false},
	{"outcome-incomplete", []string{"UPDATE uploads SET code = NULL WHERE phase = 6"}, false},
	{"outcome-incomplete", []string{"UPDATE uploads SET finished_at = NULL WHERE phase = 5"}, false},
	{"reused-too-late", []string{"UPDATE uploads SET reused = 1, expires_at = finished_at - 1 WHERE phase = 4"}, false},
	{"attempts-beyond-count", []string{"UPDATE uploads SET attempts = 0 WHERE phase = 3"}, true},
	{"outcome-without-event", []string{"DELETE FROM events WHERE upload = (SELECT seq FROM uploads WHERE phase = 6)",
		"DELETE FROM deliveries WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.seq = event)"}, true},
	{"outcome-with-many-events", []string{"DROP INDEX events_outcome",
		"INSERT INTO events (seq, type, at, upload, round) SELECT (SELECT max(seq) FROM events) + seq, 'upload.failed', 0, seq, round FROM uploads WHERE phase = 5 AND batch = 0"}, false},
	{"round-without-event", []string{"INSERT INTO rounds (upload, round, phase, attempts, reused, errcode, finished_at) SELECT seq, 7, 5, 1, 0, 0, 1 FROM uploads WHERE phase = 4"}, false},
	{"event-of-another-outcome", []string{"UPDATE events SET type = 'upload.succeeded' WHERE type = 'upload.canceled'"}, false},
	{"event-without-outcome", []string{"INSERT INTO events (seq, type, at, upload, round) SELECT (SELECT max(seq) FROM events) + seq, 'upload.failed', 0, seq, round FROM uploads WHERE phase = 1"}, false},
	{"event-without-outcome", []string{"INSERT INTO events (seq, type, at, upload, round) SELECT max(seq) + 1, 'upload.failed', 0, 4711, 1 FROM events"}, false},
	{"delivery-missing", []string{"DELETE FROM deliveries WHERE event IN (SELECT seq FROM events WHERE type = 'batch.completed')"}, true},
	{"delivery-missing", []string{"DELETE FROM deliveries WHERE event IN (SELECT seq FROM events WHERE type = 'upload.succeeded')"}, true},
	{"delivery-missing", []string{"DELETE FROM deliveries WHERE event IN (SELECT seq FROM events WHERE type = 'upload.canceled')"}, true},
	{"delivery-without-event", []string{"UPDATE deliveries SET event = 4711 WHERE event IN (SELECT seq FROM events WHERE type = 'batch.completed')",
		"INSERT INTO deliveries (id, event, url) SELECT substr(id, 2), (SELECT seq FROM events WHERE type = 'batch.completed'), url FROM deliveries WHERE event = 4711",
		"UPDATE deliveries SET phase = 3 WHERE due_at IS NULL"}, true},
	{"delivery-for-ever", []string{"UPDATE deliveries SET due_at = NULL"}, true},
	{"batch-counts", []string{"UPDATE batches SET open = open + 1, total = total + 1 WHERE sealed = 0"}, true},
	{"batch-counts", []string{"UPDATE batches SET refused = 0"}, true},
	{"batch-counts", []string{"UPDATE batches SET failed = failed + 1, canceled = canceled - 1 WHERE sealed = 1"}, true},
	{"batch-complete-too-early", []string{
		"UPDATE uploads SET batch = (SELECT seq FROM batches WHERE sealed = 1) WHERE phase = 3",
		"UPDATE batches SET total = total + 1, open = open + 1 WHERE sealed = 1"}, true},
	{"batch-complete-too-early", []string{"UPDATE batches SET sealed = 0",
		"DELETE FROM deliveries WHERE event IN (SELECT seq FROM events WHERE type = 'batch.completed')", "DELETE FROM events WHERE type = 'batch.completed'",
		"UPDATE batches SET round = 0 WHERE completed_at IS NOT NULL",
		"INSERT INTO events (seq, type, at, batch, round, data) SELECT (SELECT max(seq) FROM events) + seq, 'batch.completed', 0, seq, 0, '{}' FROM batches WHERE completed_at IS NOT NULL",
		"UPDATE batches SET callback_url = NULL"}, true},
	{"batch-never-complete", []string{"UPDATE batches SET completed_at = NULL",
		"DELETE FROM deliveries WHERE event IN (SELECT seq FROM events WHERE type = 'batch.completed')", "DELETE FROM events WHERE type = 'batch.completed'"}, true},
	{"batch-without-event", []string{
		"DELETE FROM deliveries WHERE event IN (SELECT seq FROM events WHERE type = 'batch.completed')", "DELETE FROM events WHERE type = 'batch.completed'"}, true},
	{"batch-told-too-early", []string{"INSERT INTO events (seq, type, at, batch, round, data) SELECT (SELECT max(seq) FROM events) + seq, 'batch.completed', 0, seq, round, '{}' FROM batches WHERE sealed = 0"}, false},
	{"batch-unknown", []string{"UPDATE uploads SET batch = 4711 WHERE phase = 3"}, false},
	{"media-held-by-nobody", []string{"UPDATE media SET holder = 4711 WHERE media_id IS NULL"}, true},
	{"media-held-by-nobody", []string{"UPDATE media SET holder = (SELECT max(seq) FROM uploads WHERE phase = 4) WHERE media_id IS NOT NULL"}, true},
	{"media-past-its-life", []string{"UPDATE media SET expires_at = expires_at + 1 WHERE media_id IS NOT NULL"}, true},
	{"media-past-its-life", []string{"UPDATE media SET expires_at = NULL WHERE media_id IS NOT NULL"}, true},
	{"kept-upload-without-keeper", []string{"DELETE FROM keepers"}, true},
	{"kept-upload-without-keeper", []string{"DELETE FROM keepers", "DELETE FROM kept"}, true},
	{"kept-upload-without-keeper", []string{"DELETE FROM keepers", "UPDATE uploads SET keep_fresh_until = finished_at + 1 WHERE keep_fresh_until IS NOT NULL"}, true},
	{"kept-for-nobody", []string{"DELETE FROM keepers", "UPDATE uploads SET keep_fresh_until = NULL"}, true},
	{"kept-without-renewal", []string{"UPDATE kept SET renewal = (SELECT max(seq) FROM uploads WHERE phase = 4)"}, true},
	{"kept-without-renewal", []string{"UPDATE kept SET renewal = 4711"}, true},
	{"keeper-of-nothing", []string{"INSERT INTO keepers (upload, kept, producer, until_at) SELECT 4711, seq, 'crm', 1 FROM kept"}, true},
	{"keeper-of-nothing", []string{"UPDATE keepers SET kept = 4711", "DELETE FROM kept"}, true},
	{"quota-negative", []string{"UPDATE quota SET calls = -1"}, true},
	{"rounds-uncounted", []string{"DELETE FROM counts WHERE what = 5"}, true},
	{"rounds-uncounted", []string{"UPDATE counts SET n = n + 1, at = at + 3600000000 WHERE what = 0"}, true},
	{"rounds-uncounted", []string{"UPDATE counts SET gone = gone + 1 WHERE what = 6"}, true},
	{"uploads-uncounted", []string{"DELETE FROM balances"}, true},
	{"uploads-uncounted", []string{"UPDATE balances SET open = open + 1, failed = failed - 1"}, true},
	{"uploads-uncounted", []string{"UPDATE balances SET accepted = accepted + 1"}, true},
	{"budget-negative", []string{"INSERT INTO budgets (producer, day, uploads) VALUES ('crm', 20000, -1)"}, true},
}

func verifyCases() []testCase {
	cases := []testCase{
		{"a ledger with something of every kind is in order", func(h *harness) {
			h.populate()
			h.clean()
		}},
		{"what is mended is over, and done once", func(h *harness) {
			id := h.populate()
			h.sql("UPDATE batches SET completed_at = NULL WHERE sealed = 1") // it was told, and then its completion was lost
			fs, err := h.Verify(h.Context(), view.VerifyOptions{})
			must(h, err)
			for range 2 {
				mended, err := h.Repair(h.Context(), fs)
				must(h, err)
				for _, f := range mended {
					if f.Repaired != f.Repairable {
						h.Errorf("%+v", f)
					}
				}
			}
			h.clean()
			told := h.number("SELECT count(*) FROM events WHERE type = 'batch.completed'")
			if b, err := h.Batch(h.Context(), id); err != nil || b.State != tasks.BatchComplete || b.Round != 1 || told != 1 {
				h.Errorf("batch %+v (%v), told %d times", b, err, told)
			}
		}},
		{"a completion that was told too early is told again in the next round", func(h *harness) {
			id := h.populate()
			h.sql("UPDATE uploads SET batch = (SELECT seq FROM batches WHERE sealed = 1) WHERE phase = 3")
			fs, err := h.Verify(h.Context(), view.VerifyOptions{})
			must(h, err)
			_, err = h.Repair(h.Context(), fs)
			must(h, err)
			h.clean()
			b, err := h.Batch(h.Context(), id)
			if must(h, err); b.State != tasks.BatchSealed || b.Round != 2 || b.Counts.Open != 1 {
				h.Errorf("batch %+v", b)
			}
			page, _, err := h.List(h.Context(), tasks.Filter{Batch: id, States: []tasks.State{tasks.Waiting}})
			must(h, err)
			value(h, h.Cancel)(h.Context(), page[0].ID)
			if b, err := h.Batch(h.Context(), id); err != nil || b.State != tasks.BatchComplete {
				h.Errorf("batch %+v (%v)", b, err)
			}
			h.clean()
		}},
		{"what is beyond repair does not keep the rest from it", func(h *harness) {
			h.populate()
			h.sql("UPDATE uploads SET batch = 4711 WHERE phase = 5 AND batch = 0")
			h.sql("DELETE FROM events WHERE upload = (SELECT seq FROM uploads WHERE batch = 4711)")
			h.sql("UPDATE quota SET calls = -1")
			fs, err := h.Verify(h.Context(), view.VerifyOptions{})
			must(h, err)
			mended, err := h.Repair(h.Context(), fs)
			if err == nil {
				h.Error("no word of what could not be mended")
			}
			for _, f := range mended {
				if f.Repaired != (f.Check == "quota-negative") {
					h.Errorf("%+v", f)
				}
			}
		}},
		{"what is not on the belt is found, unless it was worked off meanwhile", testLostOnBelt},
		{"a ledger at work is in order at any moment", testVerifyBesideWork},
	}
	for i, f := range forgeries {
		cases = append(cases, testCase{fmt.Sprintf("found: %s %d", f.check, i), func(h *harness) { testForgery(h, f) }})
	}
	return cases
}

func testForgery(h *harness, f forgery) {
	h.populate()
	for _, q := range f.sql {
		h.sql(q)
	}
	fs, err := h.Verify(h.Context(), view.VerifyOptions{})
	must(h, err)
	at := slices.IndexFunc(fs, func(g check.Finding) bool { return g.Check == f.check })
	if at < 0 {
		h.Fatalf("not found: there are %+v", fs)
	}
	if g := fs[at]; g.Repairable != f.mends || g.What == "" || g.Repaired {
		h.Errorf("%+v", g)
	}
	_, err = h.Repair(h.Context(), fs)
	must(h, err)
	if f.mends {
		h.clean()
	} else if left := h.verified(); !slices.Contains(left, f.check) {
		h.Errorf("it is gone without a repair, there are %v", left)
	}
}

// beltWithout has nothing of what it is asked for, after something has happened.
type beltWithout struct{ after func(gone []tasks.Chunk) }

func (b beltWithout) Gone(_ context.Context, ds []tasks.Chunk) ([]tasks.Chunk, error) {
	b.after(ds)
	return ds, nil
}

func testLostOnBelt(h *harness) {
	h.submit(3)
	ds := h.dispatch()
	asked := 0
	o := view.VerifyOptions{Belt: beltWithout{func(ds []tasks.Chunk) { asked += len(ds) }}}
	if fs, err := h.Verify(h.Context(), o); err != nil || len(fs) != 0 || asked != 0 {
		h.Errorf("%+v, %d asked for (%v): it was dispatched a moment ago", fs, asked, err)
	}
	h.pass(time.Minute)
	o.Belt = beltWithout{func([]tasks.Chunk) { h.claimed(ds[0]) }}
	fs, err := h.Verify(h.Context(), o)
	must(h, err)
	if len(fs) != 2 || fs[0].Check != check.LostOnBelt || fs[0].Upload != ds[1].ID {
		h.Fatalf("%+v", fs)
	}
	_, err = h.Repair(h.Context(), fs)
	must(h, err)
	if again := h.dispatch(); len(again) != 2 {
		h.Errorf("%d were dispatched again, want 2", len(again))
	}
}

// testVerifyBesideWork verifies in a loop while three processes do all that there is to do.
func testVerifyBesideWork(h *harness) {
	ctx := h.Context()
	done := make(chan struct{})
	others := []*Ledger{h.another(), h.another()}
	together(3, func(i int) {
		if i == 2 {
			for {
				select {
				case <-done:
					return
				default:
					h.clean()
				}
			}
		}
		if i == 0 {
			defer close(done)
		}
		if err := workMixed(ctx, others[i], i); err != nil {
			h.Error(err)
		}
	})
	h.clean()
}

// workMixed does a bit of everything, as workers, producers and people do.
func workMixed(ctx context.Context, l *Ledger, who int) error {
	k := tasks.MediaKey{Realm: account.Realm, AppID: account.AppID, Type: tasks.Image}
	for n := range 12 {
		b, _, err := l.OpenBatch(ctx, tasks.Batch{Producer: "crm", CallbackURL: "https://crm.example/hook"})
		if err != nil {
			return err
		}
		var us []tasks.Upload
		for i := range 6 {
			us = append(us, tasks.Upload{Producer: "crm", Batch: b.ID, Account: "shop", Type: tasks.Image, Source: fmt.Sprint(who, n, i)})
		}
		rs, err := l.Accept(ctx, us)
		if err != nil {
			return err
		}
		if err := l.Seal(ctx, b.ID, false); err != nil {
			return err
		}
		if _, err := l.Cancel(ctx, rs[0].ID); err != nil && tasks.CodeOf(err) != tasks.Conflict {
			return err
		}
		ds, err := l.Dispatch(ctx, wide)
		if err != nil {
			return err
		}
		for i, d := range sentOf(ds) {
			c, err := claimOne(l, d.ID, d.Generation, "w")
			if errors.Is(err, tasks.ErrFenced) { // the other one has canceled it
				continue
			}
			if err != nil {
				return err
			}
			k.Hash = tasks.HashOf([]byte(fmt.Sprint(n, i%3)))
			if err := toilOn(ctx, l, c, k, i); err != nil {
				return err
			}
		}
		_ = l.Retry(ctx, rs[1].ID, true) // unless the other one has it
		if _, err := l.Mature(ctx, 100); err != nil {
			return err
		}
		if _, err := l.Prune(ctx, time.Nanosecond, 5); err != nil {
			return err
		}
	}
	return nil
}

func toilOn(ctx context.Context, l *Ledger, c tasks.Claim, k tasks.MediaKey, i int) error {
	a, err := l.Admit(ctx, c.Token, k, tasks.AdmitOptions{})
	if err != nil || a.Verdict == tasks.TwinAhead {
		return err
	}
	now := time.Now()
	attempt := &tasks.Attempt{Started: now, Took: time.Millisecond}
	switch {
	case a.Verdict == tasks.Reuse:
		return l.Finish(ctx, c.Token, tasks.Result{State: tasks.Succeeded, Key: k, Media: a.Media, Reused: true})
	case i%4 == 0:
		return l.Wait(ctx, c.Token, tasks.Pause{Attempt: attempt})
	case i%4 == 1:
		return l.HandBack(ctx, c.Token, 0, nil)
	case i%4 == 2:
		return l.Finish(ctx, c.Token, failure(tasks.Corrupt))
	}
	m := tasks.Media{ID: fmt.Sprint("m", i), IssuedAt: now, ExpiresAt: now.Add(check.MediaLife)}
	return l.Finish(ctx, c.Token, tasks.Result{State: tasks.Succeeded, Key: k, Media: m, Attempt: attempt})
}

func TestVerifyNamesEveryCheckOnce(t *testing.T) {
	t.Parallel()
	forged := map[string]bool{}
	for _, f := range forgeries {
		forged[f.check] = true
	}
	seen := map[string]bool{}
	for _, c := range check.All() {
		if seen[c.Name] || !forged[c.Name] {
			t.Errorf("check %s: named twice %v, forged in a test %v", c.Name, seen[c.Name], forged[c.Name])
		}
		if _, mended := repairs()[c.Name]; mended != c.Repairable {
			t.Errorf("check %s: repairable %v, but something mends it: %v", c.Name, c.Repairable, mended)
		}
		seen[c.Name] = true
	}
}
