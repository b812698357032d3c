package ledger

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
	"github.com/mediaferry/mediaferry/tasks/ledger/view"
)

// conserved fails where the balances are not want, or disagree with the uploads.
func (h *harness) conserved(want tasks.Conservation) {
	h.Helper()
	got, err := h.Conservation(h.Context())
	must(h, err)
	same(h, "conservation", got, want)
	if n := got.Missing(); n != 0 {
		h.Errorf("%d are missing", n)
	}
	h.clean()
}

// lately counts what happened in the last hour, as one point.
func (h *harness) lately(f tasks.CountFilter) tasks.Point {
	h.Helper()
	s, err := h.Series(h.Context(), f, time.Minute)
	must(h, err)
	var sum tasks.Point
	for _, p := range s.Points {
		sum.Accepted += p.Accepted
		sum.Succeeded += p.Succeeded
		sum.Reused += p.Reused
		sum.Failed += p.Failed
		sum.Canceled += p.Canceled
	}
	return sum
}

// counted reads all counts over time, added up.
func (h *harness) counted() map[cell]int {
	h.Helper()
	n := map[cell]int{}
	must(h, h.engine.Snapshot(h.Context(), "test", func(t *db.Tx) error {
		return t.Each("SELECT at, account, type, what, code, errcode, n - gone FROM counts", nil, func(s db.Scanner) error {
			var c cell
			var k int
			err := s.Scan(&c.at, &c.account, &c.kind, &c.what, &c.code, &c.errcode, &k)
			n[c] += k
			return err
		})
	}))
	return n
}

func (h *harness) foldAll() int {
	h.Helper()
	for total := 0; ; {
		n, err := h.FoldCounts(h.Context())
		must(h, err)
		if total += n; n == 0 {
			return total
		}
	}
}

func ofType(kind tasks.MediaType) func(*tasks.Upload) {
	return func(u *tasks.Upload) { u.Type = kind }
}

var countContract = []testCase{
	{"an upload is counted where it is, and a round where it ended", func(h *harness) {
		failed := h.failed(3)
		c := h.running()
		must(h, h.Finish(h.Context(), c.Token, h.success("x")))
		again := h.running()
		must(h, h.Finish(h.Context(), again.Token, tasks.Result{State: tasks.Succeeded, Reused: true, Key: key("x"), Media: h.media("media-x")}))
		value(h, h.Cancel)(h.Context(), h.submit(1)[0])
		must(h, h.Wait(h.Context(), h.running().Token, tasks.Pause{For: time.Hour}))
		h.submit(2)
		h.conserved(tasks.Conservation{Accepted: 9, Open: 3, Succeeded: 2, Failed: 3, Canceled: 1})
		must(h, h.Retry(h.Context(), failed[0], false))
		must(h, h.Retry(h.Context(), c.ID, true))
		h.conserved(tasks.Conservation{Accepted: 9, Open: 5, Succeeded: 1, Failed: 2, Canceled: 1})
		must(h, h.Finish(h.Context(), h.pick(failed[0]).Token, failure(tasks.Rejected)))
		same(h, "lately", h.lately(tasks.CountFilter{}), tasks.Point{Accepted: 9, Succeeded: 2, Reused: 1, Failed: 4, Canceled: 1})
		st, err := h.Status(h.Context())
		must(h, err)
		same(h, "status", st.Counts, map[tasks.State]int{
			tasks.Queued: 3, tasks.Running: 0, tasks.Waiting: 1, tasks.Succeeded: 1, tasks.Failed: 3, tasks.Canceled: 1,
		})
		if got, err := h.Conservation(h.Context()); err != nil || st.Conservation != got {
			h.Errorf("status says %+v, the counts %+v (%v)", st.Conservation, got, err)
		}
	}},
	{"what is refused, repeated or fenced is not counted", func(h *harness) {
		u := h.upload()
		other := u
		other.Source = "else.jpg"
		for _, u := range []tasks.Upload{u, u, other} {
			value(h, h.Accept)(h.Context(), []tasks.Upload{u})
		}
		c := h.again()
		for range 2 {
			must(h, h.Finish(h.Context(), c.Token, failure(tasks.Rejected)))
		}
		stranger := c.Token
		stranger.Claim = uuid.New()
		wantFenced(h, h.Finish(h.Context(), stranger, h.success("x")))
		h.conserved(tasks.Conservation{Accepted: 1, Failed: 1})
		same(h, "lately", h.lately(tasks.CountFilter{}), tasks.Point{Accepted: 1, Failed: 1})
	}},
	{"an outcome is counted as it is recorded, not as it was reported", func(h *harness) {
		c := h.running()
		value(h, h.Cancel)(h.Context(), c.ID)
		must(h, h.Finish(h.Context(), c.Token, failure(tasks.Rejected)))
		same(h, "lately", h.lately(tasks.CountFilter{}), tasks.Point{Accepted: 1, Canceled: 1})
		h.conserved(tasks.Conservation{Accepted: 1, Canceled: 1})
	}},
	{"what was pruned stays accepted, in its batch too", func(h *harness) {
		b := h.batch(tasks.Batch{})
		ids := h.ended(3, in(b.ID))
		must(h, h.Seal(h.Context(), b.ID, false))
		must(h, h.Retry(h.Context(), ids[0], false))
		must(h, h.Finish(h.Context(), h.again().Token, failure(tasks.Corrupt)))
		h.submit(1)
		h.pass(month + time.Hour)
		h.tick()
		if n, err := h.Prune(h.Context(), month, 2); err != nil || n != 2 {
			h.Fatal(n, err)
		}
		h.conserved(tasks.Conservation{Accepted: 4, Open: 1, Failed: 1, Pruned: 2})
		same(h, "batch", h.batchNow(b).Counts.Conservation(), tasks.Conservation{Accepted: 3, Failed: 1, Pruned: 2})
		h.pruned(10)
		h.conserved(tasks.Conservation{Accepted: 4, Open: 1, Pruned: 3})
		must(h, h.Finish(h.Context(), h.again().Token, failure(tasks.Corrupt)))
		h.conserved(tasks.Conservation{Accepted: 4, Failed: 1, Pruned: 3})
		s, err := h.Series(h.Context(), tasks.CountFilter{Since: h.today().Add(-2 * month)}, 0)
		must(h, err)
		failures := 0
		for _, p := range s.Points {
			failures += p.Failed
		}
		if failures != 5 {
			h.Errorf("%d failures happened, want 5: that their uploads were pruned changes nothing", failures)
		}
	}},
	{"a batch that was recounted keeps what was pruned of it", func(h *harness) {
		b := h.batch(tasks.Batch{})
		h.ended(2, in(b.ID))
		must(h, h.Seal(h.Context(), b.ID, false))
		h.pass(month + time.Hour)
		h.tick()
		if n, err := h.Prune(h.Context(), month, 1); err != nil || n != 1 {
			h.Fatal(n, err)
		}
		h.sql("UPDATE batches SET total = 7, failed = 7")
		fs, err := h.Verify(h.Context(), view.VerifyOptions{})
		must(h, err)
		_, err = h.Repair(h.Context(), fs)
		must(h, err)
		same(h, "batch", h.batchNow(b).Counts, tasks.BatchCounts{Total: 1, Failed: 1, Pruned: 1})
	}},
	{"a group that is undone counts nothing", func(h *harness) {
		ids := h.submit(4)
		errs := h.oneGroup(5, func(i int) error {
			if i == 4 {
				return h.do(h.Context(), "break", func(t *tx) error {
					if _, err := t.submit(tasks.Submission{}, []incoming{{SubmittedRow: tasks.SubmittedRow{Upload: h.upload()}, digest: []byte("d")}}); err != nil {
						return err
					}
					return errors.New("it breaks after it counted")
				})
			}
			_, err := h.Cancel(h.Context(), ids[i])
			return err
		})
		if errs[4] == nil {
			h.Error("the broken operation did not fail")
		}
		h.conserved(tasks.Conservation{Accepted: 4, Canceled: 4})
		same(h, "lately", h.lately(tasks.CountFilter{}), tasks.Point{Accepted: 4, Canceled: 4})
	}},
	{"a series has a point for each step, where it happened", func(h *harness) {
		ids := h.submit(2)
		h.pass(5 * time.Minute)
		ids = append(ids, h.submit(1)...)
		h.pass(2 * time.Minute)
		for _, id := range ids[1:] {
			value(h, h.Cancel)(h.Context(), id)
		}
		since := h.today().Add(-20 * time.Minute)
		s, err := h.Series(h.Context(), tasks.CountFilter{Since: since}, 2*time.Minute)
		must(h, err)
		if s.Step != 2*time.Minute || !s.Since.Equal(since.Truncate(time.Minute)) || len(s.Points) < 10 {
			h.Errorf("%d points of %v since %v", len(s.Points), s.Step, s.Since)
		}
		want := make([]tasks.Point, len(s.Points))
		for i := range want {
			want[i].At = s.Since.Add(time.Duration(i) * s.Step)
		}
		at := func(t time.Time) *tasks.Point { return &want[t.Truncate(time.Minute).Sub(s.Since)/s.Step] }
		for _, id := range ids {
			o := h.outcome(id)
			at(o.Submitted).Accepted++
			if o.State.Final() {
				at(o.Finished).Canceled++
			}
		}
		same(h, "points", s.Points, want)
	}},
	{"every field of a filter narrows what is counted", func(h *harness) {
		h.failed(2)
		must(h, h.Finish(h.Context(), h.running(of("news")).Token, failure(tasks.TooLong)))
		must(h, h.Finish(h.Context(), h.running(ofType(tasks.Voice)).Token, tasks.Result{State: tasks.Failed, Cause: &tasks.Error{Code: tasks.TooLong}}))
		for name, tc := range map[string]struct {
			f    tasks.CountFilter
			want tasks.Point
		}{
			"all":     {tasks.CountFilter{}, tasks.Point{Accepted: 4, Failed: 4}},
			"account": {tasks.CountFilter{Account: "news"}, tasks.Point{Accepted: 1, Failed: 1}},
			"type":    {tasks.CountFilter{Type: tasks.Image}, tasks.Point{Accepted: 3, Failed: 3}},
			"code":    {tasks.CountFilter{Code: tasks.TooLong}, tasks.Point{Failed: 2}},
			"errcode": {tasks.CountFilter{Errcode: 40004}, tasks.Point{Failed: 3}},
			"until":   {tasks.CountFilter{Until: h.today().Add(-30 * time.Minute)}, tasks.Point{}},
			"since":   {tasks.CountFilter{Since: h.today().Add(-time.Minute), Until: h.today().Add(time.Minute)}, tasks.Point{Accepted: 4, Failed: 4}},
		} {
			same(h, name, h.lately(tc.f), tc.want)
		}
		groups, err := h.Failures(h.Context(), tasks.CountFilter{Account: "shop", Type: tasks.Image})
		must(h, err)
		if len(groups) != 1 || groups[0].Rounds != 2 || groups[0].Code != tasks.Rejected {
			h.Errorf("%+v", groups)
		}
	}},
	{"steps that can't be had are refused", func(h *harness) {
		long := tasks.CountFilter{Since: h.today().Add(-20 * 24 * time.Hour)}
		for name, tc := range map[string]struct {
			f    tasks.CountFilter
			step time.Duration
		}{
			"seconds": {tasks.CountFilter{}, 90 * time.Second}, "negative": {tasks.CountFilter{}, -time.Minute},
			"minutes of long ago": {long, 15 * time.Minute}, "too many": {tasks.CountFilter{Since: h.today().Add(-3 * 24 * time.Hour)}, time.Minute},
			"backwards": {tasks.CountFilter{Since: h.today(), Until: h.today().Add(-time.Hour)}, time.Minute},
		} {
			_, err := h.Series(h.Context(), tc.f, tc.step)
			if wantCode(h, err, tasks.Invalid); err == nil {
				h.Errorf("%s: no error", name)
			}
		}
		for _, since := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 13 * 24 * time.Hour, 3 * month} {
			s, err := h.Series(h.Context(), tasks.CountFilter{Since: h.today().Add(-since)}, 0)
			must(h, err)
			if n := len(s.Points); n == 0 || n > 122 || s.Step%time.Minute != 0 {
				h.Errorf("%v has %d points of %v", since, n, s.Step)
			}
		}
		_, err := h.Failures(h.Context(), tasks.CountFilter{Since: h.today(), Until: h.today().Add(-time.Hour)})
		wantCode(h, err, tasks.Invalid)
	}},
	{"failures are grouped by account, code and errcode", func(h *harness) {
		h.failed(1)
		h.pass(2 * time.Hour)
		first := h.failed(1)[0]
		h.pass(10 * time.Minute)
		last := h.failed(2)[1]
		other := h.running(of("news"))
		must(h, h.Finish(h.Context(), other.Token, tasks.Result{State: tasks.Failed, Cause: &tasks.Error{Code: tasks.TooLong}}))
		value(h, h.Cancel)(h.Context(), h.submit(1)[0])
		must(h, h.Retry(h.Context(), first, false)) // its round stays counted
		groups, err := h.Failures(h.Context(), tasks.CountFilter{Since: h.today().Add(-90 * time.Minute)})
		must(h, err)
		example := groups[0].Example
		same(h, "groups", groups, []tasks.FailureGroup{
			{Account: "shop", Code: tasks.Rejected, Errcode: 40004, Rounds: 3, Before: 1, First: h.finished(first), Last: h.finished(last), Example: example},
			{Account: "news", Code: tasks.TooLong, Rounds: 1, First: h.finished(other.ID), Last: h.finished(other.ID), Example: other.ID},
		})
		if h.finished(example) != h.finished(last) {
			h.Errorf("the example %s is none of the last", example)
		}
		h.sql("DELETE FROM uploads WHERE id = ?", example[:])
		groups, err = h.Failures(h.Context(), tasks.CountFilter{Since: h.today().Add(-90 * time.Minute)})
		must(h, err)
		if groups[0].Example != uuid.Nil || groups[0].Rounds != 3 {
			h.Errorf("%+v, though the example is gone", groups[0])
		}
	}},
	{"what many processes counted is added up, and nothing is lost by it", func(h *harness) {
		other := h.another()
		h.failed(2)
		rs, err := other.Accept(h.Context(), []tasks.Upload{h.upload(), h.upload()})
		must(h, err)
		_, err = other.Cancel(h.Context(), rs[0].ID)
		must(h, err)
		before, lately := h.counted(), h.lately(tasks.CountFilter{})
		if n := h.number("SELECT count(DISTINCT process) FROM counts"); n != 2 {
			h.Errorf("%d processes counted apart, want 2", n)
		}
		h.pass(2 * time.Minute)
		h.foldAll()
		if n := h.number("SELECT count(*) FROM counts WHERE process <> 0") + h.number("SELECT count(*) FROM balances WHERE process <> 0"); n != 0 {
			h.Errorf("%d rows lie apart still", n)
		}
		same(h, "counts", h.counted(), before)
		same(h, "lately", h.lately(tasks.CountFilter{}), lately)
		h.conserved(tasks.Conservation{Accepted: 4, Open: 1, Failed: 2, Canceled: 1})
	}},
	{"minutes become hours after two weeks", func(h *harness) {
		h.failed(2)
		h.pass(7 * time.Minute)
		h.failed(1)
		h.pass(13 * 24 * time.Hour)
		h.foldAll()
		minutes := h.counted()
		h.pass(26 * time.Hour)
		h.foldAll()
		hours := map[cell]int{}
		for c, n := range h.counted() {
			if c.at%schema.Hour != 0 {
				h.Errorf("%d at %v, which is no hour", n, db.Time(c.at))
			}
			hours[c] += n
		}
		want := map[cell]int{}
		for c, n := range minutes {
			c.at -= c.at % schema.Hour
			want[c] += n
		}
		same(h, "hours", hours, want)
		s, err := h.Series(h.Context(), tasks.CountFilter{Since: h.today().Add(-20 * 24 * time.Hour)}, 24*time.Hour)
		must(h, err)
		sum := 0
		for _, p := range s.Points {
			sum += p.Failed
		}
		if sum != 3 {
			h.Errorf("%d failures are left, want 3", sum)
		}
		h.conserved(tasks.Conservation{Accepted: 3, Failed: 3})
		groups, err := h.Failures(h.Context(), tasks.CountFilter{Since: h.today().Add(-20 * 24 * time.Hour)})
		must(h, err)
		if len(groups) != 1 || groups[0].Rounds != 3 || h.outcome(groups[0].Example).State != tasks.Failed {
			h.Errorf("%+v", groups)
		}
	}},
	{"counts of what is gone go in the end", func(h *harness) {
		h.ended(2)
		h.submit(1)
		h.pass(month + time.Hour)
		h.tick()
		h.pruned(10)
		h.foldAll()
		before := h.number("SELECT count(*) FROM counts")
		h.pass(hoursKept)
		h.pruned(10)
		if after := h.number("SELECT count(*) FROM counts"); before <= after || after != 1 {
			h.Errorf("%d counts, and then %d: one upload is kept", before, after)
		}
		h.conserved(tasks.Conservation{Accepted: 3, Open: 1, Pruned: 2})
	}},
	{"counts are added up beside those who count", func(h *harness) {
		done := make(chan struct{})
		others := []*Ledger{h.another(), h.another()}
		together(3, func(i int) {
			if i < 2 {
				if i == 0 {
					defer close(done)
				}
				if err := workMixed(h.Context(), others[i], i); err != nil {
					h.Error(err)
				}
				return
			}
			for {
				select {
				case <-done:
					return
				default:
					h.foldAll()
					h.clean()
				}
			}
		})
		h.clean()
		if n := h.number("SELECT count(*) FROM balances WHERE process <> 0"); n > 2 {
			h.Errorf("%d balances lie apart", n)
		}
	}},
	{"what is counted is read without a look at uploads", func(h *harness) {
		h.populate()
		var mu sync.Mutex
		var queries []string
		h.d.Trace = func(q string, _ []any) {
			mu.Lock()
			defer mu.Unlock()
			if strings.Contains(q, "uploads") && !strings.Contains(q, "WHERE id = ?") {
				queries = append(queries, q)
			}
		}
		_, err := h.Series(h.Context(), tasks.CountFilter{}, 0)
		must(h, err)
		_, err = h.Failures(h.Context(), tasks.CountFilter{})
		must(h, err)
		_, err = h.Conservation(h.Context())
		must(h, err)
		h.d.Trace = nil
		same(h, "queries", queries, []string(nil), cmpopts.EquateEmpty())
	}},
}

// finished is the minute in which an upload got its last outcome.
func (h *harness) finished(id uuid.UUID) time.Time {
	h.Helper()
	at := h.number("SELECT COALESCE(u.finished_at, (SELECT max(r.finished_at) FROM rounds r WHERE r.upload = u.seq)) FROM uploads u WHERE u.id = ?", id[:])
	return db.Time(int64(at)).Truncate(time.Minute)
}
