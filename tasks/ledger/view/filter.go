package view

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// isAsked is the condition that somebody asked for an upload. Those that keep media alive are the ledger's own: no list and no
// count has them.
const isAsked = "u.renews IS NULL"

// uploadWalks are the ways to the uploads that a filter chooses: each upload is found by one of them.
func uploadWalks(t *db.Tx, f tasks.Filter) ([]*walk, error) {
	if len(f.IDs) > tasks.MaxIDs {
		return nil, &tasks.Error{Code: tasks.Invalid, Op: "read filter", Err: tasks.Textf("it names %d uploads, more than %d", len(f.IDs), tasks.MaxIDs)}
	}
	held, err := schema.Holds(t)
	if err != nil {
		return nil, err
	}
	ws, err := paths(t, &f, held)
	if err != nil {
		return nil, err
	}
	for _, w := range ws {
		w.table, w.alias = "uploads", "u"
		if w.named {
			w.rest.Add(isAsked)
		} else {
			w.along.Add(isAsked)
		}
		w.rest.Equal("u.producer = ?", f.Producer)
		w.rest.Equal("u.account = ?", f.Account)
		w.rest.Equal("u.type = ?", string(f.Type))
		w.rest.Times("u.submitted_at", f.Since, f.Until)
		byState(t, &w.rest, f, held)
	}
	return ws, nil
}

// paths chooses the index to walk along, or finds the few rows that can be meant. What that settles leaves the filter.
func paths(t *db.Tx, f *tasks.Filter, held map[string]*schema.Hold) ([]*walk, error) {
	if len(f.IDs) > 0 {
		seqs, err := seqsOf(t, f.IDs)
		return []*walk{{seqs: seqs, named: true}}, err
	}
	if f.Batch != uuid.Nil {
		w := new(walk)
		w.along.Add("u.batch > 0 AND u.batch = (SELECT seq FROM batches WHERE id = ?)", f.Batch[:])
		return []*walk{w}, nil
	}
	if seqs, ok, err := openSeqs(t, f.States, held); err != nil || ok {
		return []*walk{{seqs: seqs, named: true}}, err
	}
	owner := func(w *walk) *walk {
		if f.Producer != "" {
			w.along.Equal("u.producer = ?", f.Producer)
		} else {
			w.along.Equal("u.account = ?", f.Account)
		}
		return w
	}
	var ws []*walk
	if unhappy(f.States) {
		for _, s := range f.States {
			w := new(walk)
			w.along.Add("u.phase >= 5 AND " + schema.InState(s))
			ws = append(ws, owner(w))
		}
		f.States = nil
	} else {
		ws = []*walk{owner(new(walk))}
	}
	if f.Producer != "" {
		f.Producer = ""
	} else {
		f.Account = ""
	}
	return ws, nil
}

// unhappy reports whether an index holds nothing but uploads of these states.
func unhappy(states []tasks.State) bool {
	seen := map[tasks.State]bool{}
	for _, s := range states {
		if s != tasks.Failed && s != tasks.Canceled || seen[s] {
			return false
		}
		seen[s] = true
	}
	return len(states) > 0
}

// openSeqs returns the uploads that can be in one of these states, where all of these are open ones and the uploads are
// few. A queued upload of a held account waits.
func openSeqs(t *db.Tx, states []tasks.State, held map[string]*schema.Hold) ([]int64, bool, error) {
	var sources []string
	for _, s := range states {
		switch {
		case s.Final():
			return nil, false, nil
		case s == tasks.Waiting:
			sources = append(sources, "SELECT seq FROM uploads WHERE phase = 3")
		}
		if s == tasks.Queued || s == tasks.Waiting && len(held) > 0 {
			sources = append(sources, "SELECT seq FROM uploads WHERE phase = 0")
		}
		if s != tasks.Waiting || len(held) > 0 {
			sources = append(sources, "SELECT upload FROM runs")
		}
	}
	if len(sources) == 0 {
		return nil, false, nil
	}
	var all []int64
	slices.Sort(sources)
	for _, source := range slices.Compact(sources) {
		seqs, ok, err := few(t, source)
		if err != nil || !ok {
			return nil, false, err
		}
		all = append(all, seqs...)
	}
	return descending(all), true, nil
}

// seqsOf returns the uploads with these ids, the newest first.
func seqsOf(t *db.Tx, ids []uuid.UUID) ([]int64, error) {
	var all []int64
	for some := range slices.Chunk(ids, seqsAtOnce) {
		keys := make(db.Args, len(some))
		for i, id := range some {
			keys[i] = id[:]
		}
		seqs, _, err := few(t, "SELECT seq FROM uploads WHERE id IN ("+db.Marks(len(keys))+")", keys...)
		if err != nil {
			return nil, err
		}
		all = append(all, seqs...)
	}
	return descending(all), nil
}

// byState adds the conditions on state and code. A queued upload of a held account counts as waiting for the hold's reason.
func byState(t *db.Tx, c *db.Conditions, f tasks.Filter, held map[string]*schema.Hold) {
	names := func(match func(*schema.Hold) bool) db.Args {
		var ns db.Args
		for name, h := range held {
			if h.InForce(t.Now) && match(h) {
				ns = append(ns, name)
			}
		}
		return ns
	}
	all := names(func(*schema.Hold) bool { return true })
	var either []string
	var a db.Args
	for _, s := range f.States {
		switch cond := schema.InState(s); {
		case s == tasks.Queued && len(all) > 0:
			either, a = append(either, "("+cond+" AND u.account NOT IN ("+db.Marks(len(all))+"))"), append(a, all...)
		case s == tasks.Waiting && len(all) > 0:
			either, a = append(either, cond, "("+schema.IsQueued+" AND u.account IN ("+db.Marks(len(all))+"))"), append(a, all...)
		default:
			either = append(either, cond)
		}
	}
	if len(either) > 0 {
		c.Add("("+strings.Join(either, " OR ")+")", a...)
	}
	if f.Code != "" || f.Errcode != 0 {
		by := names(func(h *schema.Hold) bool {
			return (f.Code == "" || h.Code == f.Code) && (f.Errcode == 0 || h.Errcode == f.Errcode)
		})
		own := new(db.Conditions)
		own.Equal("u.code = ?", string(f.Code))
		if f.Errcode != 0 {
			own.Add("u.errcode = ?", f.Errcode)
		}
		if len(by) > 0 {
			c.Add("("+own.Where()+" OR ("+schema.IsQueued+" AND u.account IN ("+db.Marks(len(by))+")))", append(own.Args, by...)...)
		} else {
			c.Add(own.Where(), own.Args...)
		}
	}
}

func hasMetadata(metadata json.RawMessage, want map[string]string) bool {
	if len(want) == 0 {
		return true
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(metadata, &fields) != nil {
		return false
	}
	for name, value := range want {
		var text string
		raw, found := fields[name]
		if !found || string(raw) != value && (json.Unmarshal(raw, &text) != nil || text != value) {
			return false
		}
	}
	return true
}
