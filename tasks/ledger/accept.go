package ledger

import (
	"context"
	"fmt"
	"math"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// incoming is a submitted row with its digest.
type incoming struct {
	tasks.SubmittedRow
	digest []byte
}

// digestSize is the number of bytes of a request's digest that are kept: enough to tell two requests apart.
const digestSize = 16

// Accept submits uploads that belong to no batch and no budget. See Submit.
func (l *Ledger) Accept(ctx context.Context, uploads []tasks.Upload) ([]tasks.Receipt, error) {
	s := tasks.Submission{Rows: make([]tasks.SubmittedRow, len(uploads))}
	for i, u := range uploads {
		s.Rows[i].Upload = u
	}
	a, err := l.Submit(ctx, s)
	return a.Receipts, err
}

// Submit accepts a submission in one transaction. When it returns without an error, the accepted rows are durable. The
// uploads must be valid.
//
// An upload without an ID gets a UUIDv7. The same request under the same (producer, external id), the same ID or the same
// Request gets the receipt of the first one. A refused row has the reason in its receipt, and never fails the others. A
// row is refused if it contradicts an earlier request (the reason names the fields, the receipt has that upload's ID), if
// its batch is sealed or unknown, or if the producer's budget is used up. The refused rows of a batch are recorded with
// it; a line that was recorded before stays as it was.
func (l *Ledger) Submit(ctx context.Context, s tasks.Submission) (tasks.Accepted, error) {
	in := make([]incoming, len(s.Rows))
	for i, row := range s.Rows {
		in[i] = incoming{SubmittedRow: row}
		if row.Err != nil {
			continue
		}
		in[i].digest = row.Digest()[:digestSize]
		if in[i].ID == uuid.Nil {
			id, err := uuid.NewV7()
			if err != nil {
				return tasks.Accepted{}, fmt.Errorf("mint upload id: %w", err)
			}
			in[i].ID = id
		}
	}
	var a tasks.Accepted
	err := l.do(ctx, "accept uploads", func(t *tx) (err error) {
		a, err = t.submit(s, in)
		return err
	})
	if err != nil {
		return tasks.Accepted{}, err
	}
	return a, nil
}

// admission is one Submission in its transaction.
type admission struct {
	*tx
	tasks.Submission
	in       []incoming
	receipts []tasks.Receipt
	batches  map[uuid.UUID]batchRef
	left     int // rows that the producer's budget still allows
	used     int
	spent    bool // a row was refused because nothing was left
	keep     keepRoom
	dates    deadlines
	fresh    bool // the request's name was kept just now, and costs as much as an upload
}

func (t *tx) submit(s tasks.Submission, in []incoming) (tasks.Accepted, error) {
	a := &admission{tx: t, Submission: s, in: in, receipts: make([]tasks.Receipt, len(in)), batches: map[uuid.UUID]batchRef{}, left: math.MaxInt}
	if s.Request.Name != "" {
		return a.named()
	}
	return a.submit()
}

// named submits the one row of a request that has an Idempotency-Key. The key is kept only if the row is accepted.
func (a *admission) named() (tasks.Accepted, error) {
	row := &a.in[0]
	id, err := a.remember(a.Producer, a.Request, row.ID)
	if err != nil {
		return tasks.Accepted{}, err // a Conflict is the caller's answer
	}
	a.fresh = id == row.ID
	row.ID = id
	done, err := a.submit()
	if err == nil && done.Receipts[0].Err != nil {
		err = a.unremember(a.Producer, a.Request, id)
	}
	return done, err
}

func (a *admission) submit() (tasks.Accepted, error) {
	if a.DailyBudget > 0 {
		left, err := a.budgetLeft(a.Producer, a.DailyBudget)
		if err != nil {
			return tasks.Accepted{}, err
		}
		a.left = max(left, 0) + a.Prepaid
	}
	rows, err := a.admissible()
	if err == nil {
		err = a.insert(rows)
	}
	if err != nil {
		return tasks.Accepted{}, err
	}
	if a.fresh && a.used == 0 && a.receipts[0].Err == nil {
		if a.left > 0 {
			a.used++
		} else {
			a.receipts[0] = tasks.Receipt{Err: a.budgetSpent()}
		}
	}
	ended, err := a.endBatch()
	if err == nil && a.DailyBudget > 0 {
		err = a.chargeBudget(a.Producer, max(a.used-a.Prepaid, 0))
	}
	return tasks.Accepted{Receipts: a.receipts, Ended: a.whyEnded(ended)}, err
}

// pending is a row that may be written, with the index of its receipt.
type pending struct {
	*incoming
	at    int
	batch int64
}

// admissible returns the rows that may be written. It gives the others their receipts.
func (a *admission) admissible() ([]pending, error) {
	rows := make([]pending, 0, len(a.in))
	for i := range a.in {
		u := &a.in[i]
		if u.Err != nil {
			a.receipts[i].Err = u.Err
			continue
		}
		b, err := a.batchRef(u.Batch, a.batches)
		if err != nil {
			return nil, err
		}
		refused := b.refuses()
		if refused == nil {
			if refused, err = a.mayMeet(u); err != nil {
				return nil, err
			}
		}
		if refused == nil {
			if refused, err = a.mayKeep(u); err != nil {
				return nil, err
			}
		}
		if refused == nil {
			rows = append(rows, pending{u, i, b.seq})
		} else if a.receipts[i], err = a.acceptedBefore(u, refused); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// insert writes rows until the budget is used up. Each turn writes as many rows as the budget allows, since only the
// database knows which of them are new and cost something.
func (a *admission) insert(rows []pending) error {
	for len(rows) > 0 && a.left > 0 {
		offered := rows[:min(len(rows), a.left)]
		rows = rows[len(offered):]
		fresh, err := a.insertUploads(offered)
		if err != nil {
			return err
		}
		for i, r := range offered {
			if !fresh[i] {
				if a.receipts[r.at], err = a.acceptedBefore(r.incoming, nil); err != nil {
					return err
				}
				continue
			}
			a.receipts[r.at] = tasks.Receipt{ID: r.ID, State: tasks.Queued, Created: true}
			a.left--
			a.used++
			a.countAccepted(r.Account, r.Type)
			a.wake |= tasks.WakeUploads
			if r.batch != 0 {
				y := a.tally(r.batch)
				y.accepted++
				y.open++
			}
		}
	}
	for _, r := range rows {
		over := a.budgetSpent()
		var err error
		if a.receipts[r.at], err = a.acceptedBefore(r.incoming, over); err != nil {
			return err
		}
		a.spent = a.spent || a.receipts[r.at].Err == over
	}
	return nil
}

// endBatch records the refused rows. It seals the batch if there are too many of them, or if the budget is used up.
func (a *admission) endBatch() (tasks.BatchEnd, error) {
	if a.Batch == uuid.Nil {
		return "", nil
	}
	b, err := a.batchRef(a.Batch, a.batches)
	if err != nil {
		return "", err
	}
	if !b.isKnown {
		return "", schema.NoBatch("submit rows")
	}
	a.tally(b.seq).touch = true
	ended, err := a.recordRefusals(b)
	if ended == "" && a.spent {
		ended = tasks.EndBudget
	}
	if ended != "" && !b.sealed {
		y := a.tally(b.seq)
		y.seal, y.truncated, y.ended = true, true, ended
	}
	return ended, err
}

func (a *admission) whyEnded(end tasks.BatchEnd) *tasks.Error {
	switch end {
	case tasks.EndBudget:
		return a.budgetSpent()
	case tasks.EndRefused:
		return &tasks.Error{Code: tasks.Invalid, Op: "submit batch", Err: tasks.Textf("over %d of its rows were refused", tasks.MaxRefusals),
			Hint: "see the reasons in the batch's results, and submit the rest as another batch"}
	}
	return nil
}

// recordRefusals writes the refused rows of the batch, up to its limit and the budget.
func (a *admission) recordRefusals(b batchRef) (tasks.BatchEnd, error) {
	room := tasks.MaxRefusals - b.refused
	for i, row := range a.in {
		got := a.receipts[i]
		if row.Line == 0 || !row.Refused(got) || got.Err.Code == tasks.TooMany {
			continue
		}
		switch {
		case room <= 0:
			return tasks.EndRefused, nil
		case a.left <= 0:
			return tasks.EndBudget, nil
		}
		n, err := a.recordRefusal(b.seq, tasks.RefusalOf(row.Line, row.ExternalID, got.Err))
		if err != nil {
			return "", err
		}
		room -= n
		a.left -= n
		a.used += n
	}
	return "", nil
}

// acceptedBefore returns the receipt of an earlier request under the same name. The receipt has a Conflict if the earlier
// request asked for something else. Without an earlier request it has otherwise as its error.
func (t *tx) acceptedBefore(u *incoming, otherwise *tasks.Error) (tasks.Receipt, error) {
	var was existing
	found := false
	var err error
	if u.ExternalID != "" {
		found, err = t.findExisting(&was, "producer = ? AND external_id = ?", u.Producer, u.ExternalID)
	}
	if err == nil && !found {
		found, err = t.findExisting(&was, "id = ?", u.ID[:])
	}
	switch {
	case err != nil:
		return tasks.Receipt{}, err
	case !found && otherwise == nil:
		return tasks.Receipt{}, fmt.Errorf("upload %s is neither new nor there", u.ID)
	case !found:
		return tasks.Receipt{Err: otherwise}, nil
	}
	r := tasks.Receipt{ID: was.ID, State: was.phase.State()}
	if other := was.differs(u); other != "" {
		r.Err = &tasks.Error{
			Code: tasks.Conflict, Op: "accept upload", Err: tasks.Textf("%q was submitted before with another %s", clean(u.name()), other),
			Hint: "give another request its own external_id",
		}
	}
	if otherwise != nil && otherwise.Op == keepAlive && was.KeepFreshUntil.IsZero() { // it would begin now
		r.Err = otherwise
		return r, nil
	}
	if until := u.KeepFreshUntil; until.After(was.KeepFreshUntil) && db.Micros(until) > t.Now && (r.Err == nil || u.Derived) {
		err = t.keepLonger(&was, db.Micros(until))
	}
	return r, err
}

func (u *incoming) name() string {
	if u.ExternalID != "" {
		return u.ExternalID
	}
	return u.ID.String()
}
