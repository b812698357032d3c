package ledger

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
	"pgregory.net/rapid"
)

// model is what a ledger should do, as simply as it can be said: one struct for each upload, no tables, no groups.
type model struct {
	*rapid.T
	h       *harness
	batch   tasks.Batch
	uploads []*modelUpload
	sealed  bool
	rounds  int // of the batch that have completed
	before  int64
	seen    int64             // the last event that was read
	events  map[uuid.UUID]int // that were read
}

type modelUpload struct {
	id       uuid.UUID
	state    tasks.State
	belt     *sent
	token    tasks.Token // of the last claim; worthless once it was given back
	stale    []tasks.Token
	cancel   bool
	round    int
	outcomes []tasks.State
	lost     int
}

// some draws one of the uploads that fit; the rapid case is skipped where none does.
func (m *model) some(fit func(*modelUpload) bool) *modelUpload {
	var us []*modelUpload
	for _, u := range m.uploads {
		if fit(u) {
			us = append(us, u)
		}
	}
	if len(us) == 0 {
		m.Skip()
	}
	return us[rapid.IntRange(0, len(us)-1).Draw(m.T, "upload")]
}

func is(ss ...tasks.State) func(*modelUpload) bool {
	return func(u *modelUpload) bool {
		for _, s := range ss {
			if u.state == s {
				return true
			}
		}
		return false
	}
}

func (m *model) finish(u *modelUpload, s tasks.State) {
	if u.cancel && s != tasks.Succeeded {
		s = tasks.Canceled
	}
	u.state, u.belt = s, nil
	u.outcomes = append(u.outcomes, s)
	m.settle()
}

func (m *model) settle() {
	for _, u := range m.uploads {
		if !u.state.Final() {
			return
		}
	}
	if m.sealed {
		m.rounds++
	}
}

func (m *model) actions() map[string]func(*rapid.T) {
	act := func(f func(*model)) func(*rapid.T) {
		return func(t *rapid.T) {
			m.T = t
			f(m)
		}
	}
	return map[string]func(*rapid.T){
		"submit": act(func(m *model) {
			if m.sealed {
				m.Skip()
			}
			rs, err := m.h.Accept(m.h.Context(), []tasks.Upload{m.h.upload(in(m.batch.ID))})
			must(m, err)
			m.uploads = append(m.uploads, &modelUpload{id: rs[0].ID, state: tasks.Queued, round: 1})
		}),
		"seal": act(func(m *model) {
			must(m, m.h.Seal(m.h.Context(), m.batch.ID, false))
			if !m.sealed {
				m.sealed = true
				m.settle()
			}
		}),
		"dispatch": act(func(m *model) {
			chunks, err := m.h.Dispatch(m.h.Context(), tasks.Window{Bulk: 3})
			must(m, err)
			for _, d := range sentOf(chunks) {
				for _, u := range m.uploads {
					if u.id == d.ID {
						if u.state != tasks.Queued || u.belt != nil {
							m.Fatalf("dispatched while %s", u.state)
						}
						u.belt = &d
					}
				}
			}
		}),
		"undispatch all": act(func(m *model) {
			_, err := m.h.UndispatchAll(m.h.Context())
			must(m, err)
			for _, u := range m.uploads {
				u.belt = nil
			}
		}),
		"claim": act(func(m *model) {
			u := m.some(func(u *modelUpload) bool { return u.belt != nil })
			c, err := claimOne(m.h.Ledger, u.id, u.belt.Generation, "w")
			must(m, err)
			if c.Round != u.round || c.Alone() != (u.lost >= 2) {
				m.Fatalf("claim of round %d, alone %v; want %d, %v", c.Round, c.Alone(), u.round, u.lost >= 2)
			}
			u.stale = append(u.stale, u.token)
			u.state, u.token, u.belt = tasks.Running, c.Token, nil
		}),
		"finish": act(func(m *model) {
			u := m.some(func(u *modelUpload) bool {
				return (u.state == tasks.Running || u.state == tasks.Queued) && u.token != tasks.Token{}
			})
			res := rapid.SampledFrom([]tasks.Result{m.h.success(u.id.String()), failure(tasks.Rejected), {State: tasks.Canceled}}).Draw(m.T, "result")
			for range rapid.IntRange(1, 2).Draw(m.T, "times") {
				must(m, m.h.Finish(m.h.Context(), u.token, res))
			}
			m.finish(u, res.State)
		}),
		"finish with an old token": act(func(m *model) {
			u := m.some(func(u *modelUpload) bool { return len(u.stale) > 0 })
			k := rapid.SampledFrom(u.stale).Draw(m.T, "token")
			wantFenced(m, m.h.Finish(m.h.Context(), k, failure(tasks.Corrupt)))
		}),
		"wait": act(func(m *model) {
			u := m.some(is(tasks.Running))
			must(m, m.h.Wait(m.h.Context(), u.token, tasks.Pause{For: time.Minute}))
			u.stale, u.token = append(u.stale, u.token), tasks.Token{}
			if u.cancel {
				m.finish(u, tasks.Canceled)
				return
			}
			u.state = tasks.Waiting
		}),
		"hand back": act(func(m *model) {
			u := m.some(is(tasks.Running))
			must(m, m.h.HandBack(m.h.Context(), u.token, 0, nil))
			u.stale, u.token = append(u.stale, u.token), tasks.Token{}
			if u.cancel {
				m.finish(u, tasks.Canceled)
				return
			}
			u.state = tasks.Queued
		}),
		"a long pause": act(func(m *model) {
			m.h.pass(2 * lease)
			_, err := m.h.TakeOver(m.h.Context(), 0, 1000)
			must(m, err)
			_, err = m.h.Mature(m.h.Context(), 1000)
			must(m, err)
			for _, u := range m.uploads {
				switch {
				case u.state == tasks.Running && u.cancel:
					u.lost++
					m.finish(u, tasks.Canceled)
				case u.state == tasks.Running:
					u.lost++
					u.state = tasks.Queued
				case u.state == tasks.Waiting:
					u.state = tasks.Queued
				}
			}
		}),
		"cancel": act(func(m *model) {
			u := m.some(is(tasks.Queued, tasks.Waiting, tasks.Running))
			_, err := m.h.Cancel(m.h.Context(), u.id)
			must(m, err)
			if u.state == tasks.Running {
				u.cancel = true
				return
			}
			m.finish(u, tasks.Canceled)
		}),
		"retry": act(func(m *model) {
			u := m.some(is(tasks.Succeeded, tasks.Failed, tasks.Canceled))
			must(m, m.h.Retry(m.h.Context(), u.id, true))
			*u = modelUpload{id: u.id, state: tasks.Queued, round: u.round + 1, outcomes: u.outcomes, stale: append(u.stale, u.token)}
		}),
		"": func(t *rapid.T) {
			m.T = t
			m.check()
		},
	}
}

// check compares the ledger with the model: states, rounds, one event for each outcome and each completion, counts.
func (m *model) check() {
	var counts tasks.BatchCounts
	want := map[uuid.UUID]int{}
	there := map[uuid.UUID]tasks.Outcome{}
	page, _, err := m.h.List(m.h.Context(), tasks.Filter{Batch: m.batch.ID, Limit: db.MaxPage})
	must(m, err)
	for _, o := range page {
		there[o.ID] = o
	}
	for _, u := range m.uploads {
		o := there[u.id]
		if o.State != u.state || o.Round != u.round {
			m.Fatalf("upload is %s in round %d, want %s in %d", o.State, o.Round, u.state, u.round)
		}
		counts.Total++
		switch u.state {
		case tasks.Succeeded:
			counts.Succeeded++
		case tasks.Failed:
			counts.Failed++
		case tasks.Canceled:
			counts.Canceled++
		default:
			counts.Open++
		}
		for i, s := range u.outcomes {
			e := schema.Event{UploadID: u.id[:], Round: i + 1}
			e.Type = tasks.OutcomeEvent(s)
			want[e.Identity()]++
		}
	}
	for i := range m.rounds {
		e := schema.Event{BatchID: m.batch.ID[:], Round: i + 1}
		e.Type = tasks.BatchCompleted
		want[e.Identity()]++
	}
	m.read()
	same(m, "events", m.events, want)
	same(m, "counts", m.h.batchNow(m.batch).Counts, counts)
}

// read reads the events that are new.
func (m *model) read() {
	var es []tasks.Event
	es, m.seen = m.h.eventsBehind(m.seen)
	for _, e := range es {
		m.events[e.ID]++
	}
}

// reread reads all events anew, which must be those that were read one by one.
func (m *model) reread() {
	m.read()
	before := m.events
	m.events, m.seen = map[uuid.UUID]int{}, m.before
	m.read()
	same(m, "events, read again", m.events, before)
}

// leave ends what is open, so that the next case finds nothing to dispatch.
func (m *model) leave() {
	for _, u := range m.uploads {
		if s, err := m.h.Cancel(m.h.Context(), u.id); err == nil && s == tasks.Running {
			must(m.h, m.h.Finish(m.h.Context(), u.token, tasks.Result{State: tasks.Canceled}))
		}
	}
}

func TestAnyOrderOfOperationsKeepsOneOutcomeARound(t *testing.T) {
	t.Parallel()
	h := openSQLiteHarness(t)
	rapid.Check(t, func(t *rapid.T) {
		m := &model{T: t, h: h, batch: h.batch(tasks.Batch{}), events: map[uuid.UUID]int{}}
		m.before = int64(h.number("SELECT COALESCE(max(seq), 0) FROM events"))
		m.seen = m.before
		defer m.leave()
		t.Repeat(m.actions())
		m.T = t
		m.reread()
	})
	h.clean()
}
