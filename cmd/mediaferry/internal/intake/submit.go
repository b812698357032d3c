package intake

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"path"
	"slices"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
)

// Batch is a batch that a person submitted, and what became of each row.
type Batch struct {
	*Gatherer
	door        *enqueue.Producer
	ID          uuid.UUID // zero: no row could be submitted
	rows        []asked
	first       map[string]int     // by derived id: the first row that has it
	again       []int              // the rows whose uploads had an outcome before
	before      map[uuid.UUID]bool // uploads whose earlier outcome answers
	conflicting []tasks.Receipt    // of rows whose file was submitted before as another request
}

// Submit submits all rows as one batch. A row that can't be submitted gets an Err and does not stop the others. If no row
// can be submitted, Submit opens no batch.
func (g *Gatherer) Submit(ctx context.Context, p *enqueue.Producer, args []string) (*Batch, error) {
	b := &Batch{Gatherer: g, door: p, first: map[string]int{}, before: map[uuid.UUID]bool{}}
	rows, closeRows, err := g.Rows(ctx, args)
	if err != nil {
		return nil, err
	}
	defer closeRows()
	next, stop := iter.Pull(b.submitted(ctx, rows, b.lot(args)))
	defer stop()
	var head []enqueue.Row // up to the first row that can be submitted
	for good := false; !good; {
		row, more := next()
		if !more {
			return b, ctx.Err()
		}
		head, good = append(head, row), row.Err == nil
	}
	receipt, err := p.SubmitRows(ctx, tasks.Batch{CallbackURL: g.Request.Callback}, func(yield func(enqueue.Row, error) bool) {
		for _, row := range head {
			if !yield(row, nil) {
				return
			}
		}
		for row, more := next(); more && yield(row, nil); row, more = next() {
		}
	})
	if err != nil {
		return nil, fmt.Errorf("submit: %w", err)
	}
	b.ID = receipt.Batch.ID
	if err := b.settle(ctx); err != nil {
		return nil, err
	}
	if p.Nudge != nil {
		p.Nudge()
	}
	return b, nil
}

// lot is how many rows are looked up at once. Those that come through a pipe wait for no others.
func (b *Batch) lot(args []string) int {
	if b.Request.From.Manifest == Stdin || slices.Contains(args, Stdin) {
		return 1
	}
	return lookUpAtOnce
}

// submitted yields all rows as they are submitted: filled in, or with the reason why they are refused.
func (b *Batch) submitted(ctx context.Context, rows iter.Seq[manifest.Row], lot int) iter.Seq[enqueue.Row] {
	return func(yield func(enqueue.Row) bool) {
		for some := range lots(rows, lot) {
			filled := make([]asked, len(some))
			for i, row := range some {
				filled[i] = b.fill(row)
			}
			b.recall(ctx, filled)
			for _, a := range filled {
				if !yield(b.add(ctx, a)) {
					return
				}
			}
		}
	}
}

// add completes one row.
func (b *Batch) add(ctx context.Context, a asked) enqueue.Row {
	at := len(b.rows)
	a = b.conflict(at, b.prepare(ctx, a))
	b.rows = append(b.rows, a)
	out := enqueue.Row{Line: a.Line, Upload: a.Upload, Err: a.Err, Derived: a.derived}
	if a.Err == nil {
		out.Receipt = func(r tasks.Receipt) { b.receive(at, r) }
	}
	return out
}

// conflict refuses a row that asks for the same file as an earlier one, in another way: only ids of their own
// could tell the two apart. Where it asks in the same way, both rows get the one upload.
func (b *Batch) conflict(at int, a asked) asked {
	if a.Err != nil || !a.derived {
		return a
	}
	first, known := b.first[a.Upload.ExternalID]
	switch {
	case !known:
		b.first[a.Upload.ExternalID] = at
	case !bytes.Equal(a.Upload.Digest(), b.rows[first].Upload.Digest()):
		a.Err = &tasks.Error{Code: tasks.Conflict, Op: "submit", Err: tasks.Textf("row %d has the same file with other metadata, callback or names", b.rows[first].Line),
			Hint: "give both rows an id of their own"}
	}
	return a
}

// receive records the receipt of one row. The upload of a file that was submitted before with another callback or other
// metadata answers it: an upload is one request and stays as it was.
func (b *Batch) receive(at int, r tasks.Receipt) {
	row := &b.rows[at]
	conflicting := r.Err != nil && r.Err.Code == tasks.Conflict && row.derived && r.ID != uuid.Nil
	switch {
	case r.Err == nil, conflicting:
		row.ID = r.ID
		if !r.Created && r.State.Final() {
			b.again = append(b.again, at)
		}
		if conflicting {
			b.conflicting = append(b.conflicting, r)
		}
	default:
		row.Err = r.Err
	}
}

// IDs returns the uploads of all rows, each once, in the order of the rows.
func (b *Batch) IDs() []uuid.UUID {
	var ids []uuid.UUID
	for _, row := range b.rows {
		if row.ID != uuid.Nil {
			ids = append(ids, row.ID)
		}
	}
	return distinct(ids)
}

// Conflicting returns how many rows name a file that was submitted before with another callback, metadata or name.
func (b *Batch) Conflicting() int { return len(b.conflicting) }

// KeepsFresh reports whether the media of a row that was accepted are to be kept alive.
func (b *Batch) KeepsFresh() bool {
	return slices.ContainsFunc(b.rows, func(a asked) bool { return a.Err == nil && !a.Upload.KeepFreshUntil.IsZero() })
}

// Before returns the uploads that had their outcome before, and keep it.
func (b *Batch) Before() map[uuid.UUID]bool { return b.before }

// distinct leaves out what came before.
func distinct(ids []uuid.UUID) []uuid.UUID {
	seen := make(map[uuid.UUID]bool, len(ids))
	return slices.DeleteFunc(slices.Clone(ids), func(id uuid.UUID) bool {
		if seen[id] {
			return true
		}
		seen[id] = true
		return false
	})
}

// AccountNames returns the accounts that the rows go to, each once.
func (b *Batch) AccountNames() []string {
	var names []string
	for _, row := range b.rows {
		if row.Err == nil && !slices.Contains(names, row.Upload.Account) {
			names = append(names, row.Upload.Account)
		}
	}
	return names
}

// Outcomes returns the outcomes of all rows, in their order. Those in found were looked up; a row that was refused gets one
// that says so.
func (b *Batch) Outcomes(found []tasks.Outcome) []tasks.Outcome {
	byID := make(map[uuid.UUID]tasks.Outcome, len(found))
	for _, o := range found {
		byID[o.ID] = o
	}
	all := make([]tasks.Outcome, len(b.rows))
	for i, row := range b.rows {
		if o, ok := byID[row.ID]; ok && row.Err == nil {
			all[i] = o
			continue
		}
		all[i] = row.refusal(b.producer())
	}
	return all
}

// refusal is the outcome of a row that could not be submitted.
func (a asked) refusal(producer string) tasks.Outcome {
	u := a.Upload
	o := tasks.Outcome{
		ExternalID: u.ExternalID, Producer: producer, Account: u.Account, Type: u.Type, Source: u.Source,
		Filename: cmp.Or(u.Filename, nameOf(u.Source)), State: tasks.Failed, Metadata: u.Metadata,
	}
	e := a.Err
	if e == nil {
		e = tasks.AsError(tasks.Textf("no receipt came for this row"))
	}
	o.Code, o.Errcode, o.RID, o.Reason, o.Hint, o.Params = e.Code, e.Errcode, e.RID, e.Error(), e.Advice(), e.Values()
	return o
}

// nameOf is the last part of a source, for people to read.
func nameOf(src string) string {
	parsed, err := tasks.ParseSource(src)
	if err != nil || src == "" {
		return ""
	}
	return path.Base(tasks.Source{Path: parsed.Path}.Display())
}

// Exit returns the exit code of the whole submission, its uploads as they stand in found. A bad row counts as a file that
// failed: the command line itself was right.
func (b *Batch) Exit(found []tasks.Outcome) int {
	all := slices.Clone(found)
	for _, row := range b.rows {
		if row.Err == nil {
			continue
		}
		code := row.Err.Code
		if code.Exit() == tasks.ExitUsage {
			code = tasks.Denied
		}
		all = append(all, tasks.Outcome{State: tasks.Failed, Code: code})
	}
	return exit.Of(all)
}
