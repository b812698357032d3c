package ledger

import (
	"bytes"
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// ClaimDelivery claims one generation of a dispatched delivery, and returns it with the event to send. When the lease
// runs out the delivery is due again. It returns ErrFenced if that generation was claimed before, or is not the current
// one.
func (l *Ledger) ClaimDelivery(ctx context.Context, id uuid.UUID, generation int, lease time.Duration) (tasks.Delivery, tasks.DeliveryToken, error) {
	claim, err := uuid.NewRandom()
	if err != nil {
		return tasks.Delivery{}, tasks.DeliveryToken{}, err
	}
	var d tasks.Delivery
	err = l.do(ctx, "claim delivery", func(t *tx) error {
		n, err := t.Exec("UPDATE deliveries SET phase = 2, claim_token = ?, due_at = ? WHERE id = ? AND generation = ? AND phase = 1",
			claim[:], t.Now+lease.Microseconds(), id[:], generation)
		if err != nil {
			return err
		}
		if n == 0 {
			return tasks.ErrFenced
		}
		ds, _, err := schema.Deliveries(t.Tx, "d.id = ?", id[:])
		if err == nil && len(ds) == 1 {
			d = ds[0]
		}
		return err
	})
	if err != nil {
		return tasks.Delivery{}, tasks.DeliveryToken{}, err
	}
	return d, tasks.DeliveryToken{Delivery: id, Claim: claim}, nil
}

// FinishDelivery records the result of a claimed delivery. With state Pending it is due again after r.Retry. It returns
// ErrFenced if another worker has claimed the delivery since. Finishing it twice with the same result is not an error.
func (l *Ledger) FinishDelivery(ctx context.Context, k tasks.DeliveryToken, r tasks.DeliveryResult) error {
	phase := schema.DeliveryPhase(r.State)
	if phase < 0 {
		return &tasks.Error{Code: tasks.Invalid, Op: "finish delivery", Err: tasks.Textf("there is no such state")}
	}
	return l.do(ctx, "finish delivery", func(t *tx) error {
		var was int
		var token []byte
		found, err := t.Row("SELECT phase, claim_token FROM deliveries WHERE id = ?"+t.Dialect.ForUpdate, db.Args{k.Delivery[:]}, &was, &token)
		switch {
		case err != nil:
			return err
		case !found || !bytes.Equal(token, k.Claim[:]):
			return tasks.ErrFenced
		case was == phase && was > schema.DeliveryClaimed:
			return nil
		case was > schema.DeliveryClaimed:
			return tasks.ErrFenced
		}
		var due, keep any
		if phase == schema.DeliveryPending {
			due = t.Now + r.Retry.Microseconds()
		} else {
			keep = token
		}
		_, err = t.Exec("UPDATE deliveries SET phase = ?, due_at = ?, claim_token = ?, attempts = attempts + ?, last_status = ?, last_error = ? WHERE id = ?",
			phase, due, keep, db.Flag(!r.Skipped), r.Status, db.TextOrNull(clean(r.Reason)), k.Delivery[:])
		if err != nil {
			return err
		}
		return t.measure(k.Delivery, r.Took)
	})
}

// ReplayAll is Replay for many, in one transaction, and returns how many of them exist.
func (l *Ledger) ReplayAll(ctx context.Context, ids []uuid.UUID) (int, error) {
	replayed := 0
	err := l.do(ctx, "replay deliveries", func(t *tx) error {
		replayed = 0
		for _, id := range ids {
			n, err := t.replay(id)
			if err != nil {
				return err
			}
			replayed += int(n)
		}
		return nil
	})
	return replayed, err
}

func (t *tx) replay(id uuid.UUID) (int64, error) {
	t.wake |= tasks.WakeDeliveries
	return t.Exec("UPDATE deliveries SET phase = 0, due_at = ?, attempts = 0, claim_token = NULL WHERE id = ?", t.Now, id[:])
}

// Replay makes a delivery in any state due now, and counts its attempts from zero. The event and its ID stay the same. It
// returns NotFound if the delivery does not exist.
func (l *Ledger) Replay(ctx context.Context, id uuid.UUID) error {
	return l.do(ctx, "replay delivery", func(t *tx) error {
		n, err := t.replay(id)
		if err == nil && n == 0 {
			return &tasks.Error{Code: tasks.NotFound, Op: "replay delivery", Err: tasks.Textf("there is no such delivery")}
		}
		return err
	})
}
