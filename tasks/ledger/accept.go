package ledger

import (
	"bytes"
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

const insertUpload = `INSERT INTO uploads (id, phase, priority, batch, no_reuse, fix, submitted_at, expires_by, keep_fresh_until, digest,
	producer, account, type, source, external_id, filename, callback_url, metadata)
	VALUES (?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`

// Accept takes uploads in one transaction: once it returns without an error, they are kept. The receipts are in the
// order of the uploads. An upload without an ID gets a UUIDv7. The same request under the same (producer, external
// id), or under the same ID, gets the receipt of the first one. A row that is not valid, contradicts an earlier one,
// or comes to a batch that is sealed or unknown, is refused in its own receipt and never fails the others.
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
	err := l.do(ctx, "accept uploads", func(t *tx) error {
		receipts = make([]tasks.Receipt, len(in))
		batches := map[uuid.UUID]batchRef{}
		for i := range in {
			r, err := t.accept(&in[i], batches)
			if err != nil {
				return err
			}
			receipts[i] = r
		}
		return nil
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

func (t *tx) accept(u *incoming, batches map[uuid.UUID]batchRef) (tasks.Receipt, error) {
	if u.err != nil {
		return tasks.Receipt{Err: u.err}, nil
	}
	b, err := t.batchRef(u.Batch, batches)
	if err != nil {
		return tasks.Receipt{}, err
	}
	if refused := b.refuses(); refused != nil {
		return t.acceptedBefore(u, refused)
	}
	n, err := t.exec(insertUpload, u.ID[:], int(u.Priority), b.seq, flag(u.NoReuse), flag(u.Fix), t.now, optional(u.ExpiresBy), optional(u.KeepFreshUntil),
		u.digest, u.Producer, u.Account, string(u.Type), u.Source, text(u.ExternalID), text(u.Filename), text(u.CallbackURL), text(string(u.Metadata)))
	if err != nil {
		return tasks.Receipt{}, err
	}
	if n == 0 {
		return t.acceptedBefore(u, nil)
	}
	if b.seq != 0 {
		y := t.tally(b.seq)
		y.accepted++
		y.open++
	}
	return tasks.Receipt{ID: u.ID, State: tasks.Queued, Created: true}, nil
}

// acceptedBefore answers with the receipt of the earlier request under the same name, with otherwise where there is
// none, and with a conflict where the earlier one asked for something else.
func (t *tx) acceptedBefore(u *incoming, otherwise *tasks.Error) (tasks.Receipt, error) {
	var (
		id     uuid.UUID
		p      phase
		digest []byte
	)
	const columns = "SELECT id, phase, digest FROM uploads WHERE "
	found := false
	var err error
	if u.ExternalID != "" {
		found, err = t.row(columns+"producer = ? AND external_id = ?", args{u.Producer, u.ExternalID}, &id, &p, &digest)
	}
	if err == nil && !found {
		found, err = t.row(columns+"id = ?", args{u.ID[:]}, &id, &p, &digest)
	}
	switch {
	case err != nil:
		return tasks.Receipt{}, err
	case found && bytes.Equal(digest, u.digest):
		return tasks.Receipt{ID: id, State: p.state()}, nil
	case found:
		return tasks.Receipt{ID: id, State: p.state(), Err: &tasks.Error{
			Code: tasks.Conflict, Op: "accept upload", Err: fmt.Errorf("%q was submitted before, as another request", clean(u.name())),
			Hint: "give another request its own external_id",
		}}, nil
	case otherwise == nil:
		return tasks.Receipt{}, fmt.Errorf("upload %s is neither new nor there", u.ID)
	}
	return tasks.Receipt{Err: otherwise}, nil
}

func (u *incoming) name() string {
	if u.ExternalID != "" {
		return u.ExternalID
	}
	return u.ID.String()
}
