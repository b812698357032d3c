package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
)

// ledgerDoor submits with the Go package.
type ledgerDoor struct {
	*producer
	ledger *ledger.Ledger
	front  *enqueue.Producer
}

func newLedgerDoor(ctx context.Context, p *producer) (*ledgerDoor, error) {
	l, err := ledger.Open(ctx, p.Ledger, ledger.Options{Now: clock{p.Clock}.now})
	if err != nil {
		return nil, err
	}
	return &ledgerDoor{p, l, &enqueue.Producer{Ledger: l, Name: p.Name}}, nil
}

func (d *ledgerDoor) close() error { return d.ledger.Close() }

func (d *ledgerDoor) upload(w row) tasks.Upload {
	u := tasks.Upload{
		ExternalID: w.Name, Account: w.Account, Type: w.Type, Source: w.Source, Priority: w.Priority, CallbackURL: d.Callback,
		Metadata: json.RawMessage(fmt.Sprintf(`{"number":%d}`, w.Number)),
	}
	if w.Deadline {
		u.ExpiresBy = d.Deadline
	}
	return u
}

func (d *ledgerDoor) single(ctx context.Context, w row) error {
	r, err := d.front.Submit(ctx, d.upload(w))
	if err != nil {
		return err
	}
	return d.ack(w, r.ID)
}

func (d *ledgerDoor) batch(ctx context.Context, l lot) (uuid.UUID, error) {
	var journal error
	b := tasks.Batch{ExternalID: l.Name, CallbackURL: d.Callback}
	opened := func(r tasks.Receipt, w row) {
		if r.Err != nil {
			journal = errors.Join(journal, fmt.Errorf("%s was refused: %w", w.Name, r.Err))
			return
		}
		journal = errors.Join(journal, d.ack(w, r.ID))
	}
	rows := func(yield func(enqueue.Row) bool) {
		for i, w := range l.Rows {
			if !yield(enqueue.Row{Line: i + 1, Upload: d.upload(w), Receipt: func(r tasks.Receipt) { opened(r, w) }}) {
				return
			}
		}
	}
	receipt, err := d.front.SubmitRows(ctx, b, rows)
	return receipt.Batch.ID, errors.Join(err, journal)
}

func (d *ledgerDoor) cancel(ctx context.Context, id uuid.UUID) error {
	_, err := d.front.Cancel(ctx, id)
	return err
}
