package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

// incoming is an upload on its way into the ledger.
type incoming struct {
	tasks.Upload
	digest []byte
	err    *tasks.Error // why it is refused
}

// digestSize is how many bytes of a request's digest are kept: enough to tell two requests apart.
const digestSize = 16

// Accept takes uploads in one transaction: once it returns without an error, they are kept. The receipts are in the
// order of the uploads. An upload without an ID gets a UUIDv7. The same request under the same (producer, external
// id), or under the same ID, gets the receipt of the first one. A row that is not valid, contradicts an earlier one (the
// reason names the fields, the receipt that upload), or comes to a batch that is sealed or unknown, is refused in its own
// receipt and never fails the others.
func (l *Ledger) Accept(ctx context.Context, uploads []tasks.Upload) ([]tasks.Receipt, error) {
	in := make([]incoming, len(uploads))
	for i, u := range uploads {
		if in[i] = screen(u); in[i].ID == uuid.Nil {
			id, err := uuid.NewV7()
			if err != nil {
				return nil, fmt.Errorf("mint upload id: %w", err)
			}
			in[i].ID = id
		}
	}
	var receipts []tasks.Receipt
	err := l.do(ctx, "accept uploads", func(t *tx) (err error) {
		receipts, err = t.accept(in)
		return err
	})
	if err != nil {
		return nil, err
	}
	return receipts, nil
}

func screen(u tasks.Upload) incoming {
	if err := u.Validate(); err != nil {
		return incoming{Upload: u, err: tasks.AsError(err)}
	}
	if !tasks.ValidName(u.Producer) {
		return incoming{Upload: u, err: &tasks.Error{Code: tasks.Invalid, Op: "check upload", Err: errors.New("producer: is not a name")}}
	}
	return incoming{Upload: u, digest: u.Digest()[:digestSize]}
}

// pending is a row that may be written, and where its receipt belongs.
type pending struct {
	*incoming
	at    int
	batch int64
}

func (t *tx) accept(in []incoming) ([]tasks.Receipt, error) {
	receipts := make([]tasks.Receipt, len(in))
	batches := map[uuid.UUID]batchRef{}
	rows := make([]pending, 0, len(in))
	for i := range in {
		u := &in[i]
		if u.err != nil {
			receipts[i].Err = u.err
			continue
		}
		b, err := t.batchRef(u.Batch, batches)
		if err != nil {
			return nil, err
		}
		if refused := b.refuses(); refused == nil {
			rows = append(rows, pending{u, i, b.seq})
		} else if receipts[i], err = t.acceptedBefore(u, refused); err != nil {
			return nil, err
		}
	}
	fresh, err := t.insertUploads(rows)
	if err != nil {
		return nil, err
	}
	for i, r := range rows {
		if !fresh[i] {
			if receipts[r.at], err = t.acceptedBefore(r.incoming, nil); err != nil {
				return nil, err
			}
			continue
		}
		receipts[r.at] = tasks.Receipt{ID: r.ID, State: tasks.Queued, Created: true}
		if r.batch != 0 {
			y := t.tally(r.batch)
			y.accepted++
			y.open++
		}
	}
	return receipts, nil
}

// acceptedBefore answers with the receipt of the earlier request under the same name, with otherwise where there is
// none, and with a conflict where the earlier one asked for something else.
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
			Code: tasks.Conflict, Op: "accept upload", Err: fmt.Errorf("%q was submitted before with another %s", clean(u.name()), other),
			Hint: "give another request its own external_id",
		}
	}
	return r, nil
}

func (u *incoming) name() string {
	if u.ExternalID != "" {
		return u.ExternalID
	}
	return u.ID.String()
}
