package producer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/clock"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
)

// ledgerClient submits with package enqueue, straight into the ledger.
type ledgerClient struct {
	*Producer
	ledger   *ledger.Ledger
	producer *enqueue.Producer
}

func newLedgerClient(ctx context.Context, p *Producer) (*ledgerClient, error) {
	l, err := ledger.Open(ctx, p.Ledger, ledger.Options{Now: clock.Clock{Path: p.Clock}.Now})
	if err != nil {
		return nil, err
	}
	return &ledgerClient{p, l, &enqueue.Producer{Ledger: l, Name: p.Name}}, nil
}

func (d *ledgerClient) close() error { return d.ledger.Close() }

func (d *ledgerClient) upload(u scenario.Upload) tasks.Upload {
	request := tasks.Upload{
		ExternalID: u.Name, Account: u.Account, Type: u.Type, Source: u.Source, Priority: u.Priority, CallbackURL: d.Callbacks[u.Receiver],
		Metadata: json.RawMessage(fmt.Sprintf(`{"number":%d}`, u.Number)),
	}
	if u.Deadline {
		request.ExpiresBy = d.Deadline
	}
	return request
}

func (d *ledgerClient) single(ctx context.Context, u scenario.Upload) error {
	r, err := d.producer.Submit(ctx, d.upload(u))
	if err != nil && isHopeless(u, err.Error()) {
		return d.gaveUp(u)
	}
	if err != nil {
		return err
	}
	return d.ack(u, r.ID)
}

func (d *ledgerClient) batch(ctx context.Context, s scenario.Request) (uuid.UUID, error) {
	var journal error
	b := tasks.Batch{ExternalID: s.Name, CallbackURL: d.Callbacks[scenario.ReceiverMain]}
	accepted := func(r tasks.Receipt, u scenario.Upload) {
		if r.Err != nil && isHopeless(u, r.Err.Error()) {
			journal = errors.Join(journal, d.gaveUp(u))
			return
		}
		if r.Err != nil {
			journal = errors.Join(journal, fmt.Errorf("%s was refused: %w", u.Name, r.Err))
			return
		}
		journal = errors.Join(journal, d.ack(u, r.ID))
	}
	rows := func(yield func(enqueue.Row, error) bool) {
		for i, u := range s.Uploads {
			if !yield(enqueue.Row{Line: i + 1, Upload: d.upload(u), Receipt: func(r tasks.Receipt) { accepted(r, u) }}, nil) {
				return
			}
		}
	}
	receipt, err := d.producer.SubmitRows(ctx, b, rows)
	return receipt.Batch.ID, errors.Join(err, journal)
}

func (d *ledgerClient) cancel(ctx context.Context, id uuid.UUID) error {
	_, err := d.producer.Cancel(ctx, id)
	return err
}
