package ledger

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/mediaferry/mediaferry/tasks"
)

var setContract = []testCase{
	{"a chunk takes few statements on its way, however long it is", func(h *harness) {
		const n = tasks.MaxChunk
		h.register()
		h.submit(n)
		var runs []tasks.RunRef
		for _, d := range h.fill(wide) {
			runs = append(runs, tasks.RunRef{Upload: d.ID, Generation: d.Generation})
		}
		most := 4 * n // on SQLite: media and uploads are written one by one
		if h.d.Concurrent {
			most = 2 * n
		}
		if got := h.statements(func() { h.carrySet(runs) }); got > most {
			h.Errorf("%d statements for %d uploads, want %d at most", got, n, most)
		}
		for _, r := range runs {
			if o := h.outcome(r.Upload); o.State != tasks.Succeeded || o.Attempts != 1 {
				h.Errorf("upload is %s after %d attempts", o.State, o.Attempts)
			}
		}
	}},
	{"the token of a neighbour in the chunk is worthless", func(h *harness) {
		h.register()
		cs := h.runningN(3)
		mixed := tasks.Token{Upload: cs[0].ID, Claim: cs[1].Token.Claim}
		if _, err := h.Admit(h.Context(), mixed, key("0"), tasks.AdmitOptions{}); !errors.Is(err, tasks.ErrFenced) {
			h.Errorf("admitted: %v", err)
		}
		if err := h.Finish(h.Context(), mixed, h.success("0")); !errors.Is(err, tasks.ErrFenced) {
			h.Errorf("finished: %v", err)
		}
		for i, c := range cs {
			h.wantState(c.ID, tasks.Running)
			must(h, h.Finish(h.Context(), c.Token, h.success(fmt.Sprint(i+1))))
		}
	}},
}

// statements counts the statements that f runs.
func (h *harness) statements(f func()) int {
	var n atomic.Int64
	h.d.Trace = func(string, []any) { n.Add(1) }
	defer func() { h.d.Trace = nil }()
	f()
	return int(n.Load())
}

// carrySet claims, admits and finishes runs, as one transaction.
func (h *harness) carrySet(runs []tasks.RunRef) {
	h.Helper()
	bids := tasks.NewBids(runs)
	must(h, h.do(h.Context(), "test", func(t *tx) error {
		claims, err := t.claim(bids, "w1", t.Now+lease.Microseconds())
		if err != nil {
			return err
		}
		var admits, finishes []*op
		for i, c := range claims {
			content := fmt.Sprint(i)
			admits = append(admits, &op{admit: &admit{token: c.Token, key: key(content)}})
			finishes = append(finishes, &op{finish: &finish{token: c.Token, result: h.success(content)}})
		}
		if err := t.admitAll(admits); err != nil {
			return err
		}
		if err := t.finishAll(finishes); err != nil {
			return err
		}
		for _, o := range append(admits, finishes...) {
			if o.answer != nil {
				return o.answer
			}
		}
		return nil
	}))
}
