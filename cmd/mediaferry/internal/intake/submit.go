package intake

import (
	"bytes"
	"cmp"
	"context"
	"errors"
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

// Submission is a batch on its way into the ledger, and what became of each row.
type Submission struct {
	*Gatherer
	Batch       uuid.UUID // zero where no row could be submitted
	rows        []asked
	first       map[string]int     // by derived id: the first row that has it
	again       []uuid.UUID        // uploads that had an outcome before
	before      map[uuid.UUID]bool // uploads that the record answers
	conflicting []tasks.Receipt    // of rows whose file was submitted before as another request
	refused     []enqueue.Row      // not yet passed on
}

// Submit submits all rows as one batch. A row that can't be submitted gets an Err and does not stop the others. If no row
// can be submitted, Submit opens no batch.
func (g *Gatherer) Submit(ctx context.Context, p *enqueue.Producer, args []string) (*Submission, error) {
	s := &Submission{Gatherer: g, first: map[string]int{}, before: map[uuid.UUID]bool{}}
	rows, closeRows, err := g.Rows(ctx, args)
	if err != nil {
		return nil, err
	}
	defer closeRows()
	next, stop := iter.Pull(s.acceptable(ctx, rows))
	defer stop()
	head, found := next()
	if !found {
		return s, ctx.Err()
	}
	receipt, err := p.SubmitRows(ctx, tasks.Batch{CallbackURL: g.Request.Callback}, func(yield func(enqueue.Row, error) bool) {
		for row, more := head, true; more; row, more = next() {
			if !s.passRefused(yield) || !yield(row, nil) {
				return
			}
		}
		s.passRefused(yield)
	})
	if err != nil {
		return nil, fmt.Errorf("submit: %w", err)
	}
	s.Batch = receipt.Batch.ID
	if err := s.settle(ctx); err != nil {
		return nil, err
	}
	if p.Nudge != nil {
		p.Nudge()
	}
	return s, nil
}

// acceptable yields the rows that can be submitted, and keeps the others for passRefused.
func (s *Submission) acceptable(ctx context.Context, rows iter.Seq[manifest.Row]) iter.Seq[enqueue.Row] {
	return func(yield func(enqueue.Row) bool) {
		for row := range rows {
			at := len(s.rows)
			a := s.conflict(at, s.prepare(ctx, row))
			s.rows = append(s.rows, a)
			if a.Err != nil {
				s.refused = append(s.refused, enqueue.Row{Line: row.Line, Upload: a.Upload, Err: a.Err})
				continue
			}
			receive := func(r tasks.Receipt) { s.receive(at, r) }
			if !yield(enqueue.Row{Line: row.Line, Upload: a.Upload, Receipt: receive, Derived: a.derived}) {
				return
			}
		}
	}
}

// conflict refuses a row that asks for the same file as an earlier one, in another way: only ids of their own
// could tell the two apart. Where it asks in the same way, both rows get the one upload.
func (s *Submission) conflict(at int, a asked) asked {
	if a.Err != nil || !a.derived {
		return a
	}
	first, known := s.first[a.Upload.ExternalID]
	switch {
	case !known:
		s.first[a.Upload.ExternalID] = at
	case !bytes.Equal(a.Upload.Digest(), s.rows[first].Upload.Digest()):
		a.Err = &tasks.Error{Code: tasks.Conflict, Op: "submit", Err: fmt.Errorf("row %d has the same file with other metadata, callback or names", s.rows[first].Line),
			Hint: "give both rows an id of their own"}
	}
	return a
}

// passRefused hands the refused rows to the batch, which records them.
func (s *Submission) passRefused(yield func(enqueue.Row, error) bool) bool {
	for _, row := range s.refused {
		if !yield(row, nil) {
			return false
		}
	}
	s.refused = nil
	return true
}

// receive notes what became of one row. The upload of a file that was submitted before with another callback or other
// metadata answers it: an upload is one request and stays as it was.
func (s *Submission) receive(at int, r tasks.Receipt) {
	row := &s.rows[at]
	conflicting := r.Err != nil && r.Err.Code == tasks.Conflict && row.derived && r.ID != uuid.Nil
	switch {
	case r.Err == nil, conflicting:
		row.ID = r.ID
		if !r.Created && r.State.Final() {
			s.again = append(s.again, r.ID)
		}
		if conflicting {
			s.conflicting = append(s.conflicting, r)
		}
	default:
		row.Err = r.Err
	}
}

// IDs returns the uploads of all rows, each once, in the order of the rows.
func (s *Submission) IDs() []uuid.UUID {
	var ids []uuid.UUID
	for _, row := range s.rows {
		if row.ID != uuid.Nil {
			ids = append(ids, row.ID)
		}
	}
	return distinct(ids)
}

// Conflicting returns how many rows name a file that was submitted before with another callback, metadata or name.
func (s *Submission) Conflicting() int { return len(s.conflicting) }

// Before returns the uploads that had their outcome before, and keep it.
func (s *Submission) Before() map[uuid.UUID]bool { return s.before }

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
func (s *Submission) AccountNames() []string {
	var names []string
	for _, row := range s.rows {
		if row.Err == nil && !slices.Contains(names, row.Upload.Account) {
			names = append(names, row.Upload.Account)
		}
	}
	return names
}

// Outcomes returns the outcomes of all rows, in their order. Those in found were looked up; a row that was refused gets one
// that says so.
func (s *Submission) Outcomes(found []tasks.Outcome) []tasks.Outcome {
	byID := make(map[uuid.UUID]tasks.Outcome, len(found))
	for _, o := range found {
		byID[o.ID] = o
	}
	all := make([]tasks.Outcome, len(s.rows))
	for i, row := range s.rows {
		if o, ok := byID[row.ID]; ok && row.Err == nil {
			all[i] = o
			continue
		}
		all[i] = row.refusal()
	}
	return all
}

// refusal is the outcome of a row that could not be submitted.
func (a asked) refusal() tasks.Outcome {
	u := a.Upload
	o := tasks.Outcome{
		ExternalID: u.ExternalID, Producer: enqueue.DefaultProducer, Account: u.Account, Type: u.Type, Source: u.Source,
		Filename: cmp.Or(u.Filename, nameOf(u.Source)), State: tasks.Failed, Metadata: u.Metadata,
	}
	e := a.Err
	if e == nil {
		e = tasks.AsError(errors.New("no receipt came for this row"))
	}
	o.Code, o.Errcode, o.RID, o.Reason, o.Hint = e.Code, e.Errcode, e.RID, e.Error(), e.Advice()
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
func (s *Submission) Exit(found []tasks.Outcome) int {
	all := slices.Clone(found)
	for _, row := range s.rows {
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
