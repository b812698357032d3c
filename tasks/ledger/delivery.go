package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

// The column deliveries.phase: a delivery is pending, on the belt or claimed until it has its end.
const (
	deliveryPending = iota
	deliveryDispatched
	deliveryClaimed
	deliveryDelivered
	deliveryGivenUp
	deliveryDisabled
)

var deliveryStates = [...]tasks.DeliveryState{tasks.Pending, tasks.Pending, tasks.Pending, tasks.Delivered, tasks.GivenUp, tasks.Disabled}

// deliveryPatience is how long a dispatched delivery may stay unclaimed before it is due again by itself.
const deliveryPatience = time.Minute

// DispatchDeliveries marks due deliveries as dispatched, the longest due first and so many that window are on the belt
// or under way, for the caller to put on the belt. One that nobody claims within a minute is due again by itself.
func (l *Ledger) DispatchDeliveries(ctx context.Context, window int) ([]tasks.DeliveryDispatch, error) {
	var ds []tasks.DeliveryDispatch
	err := l.do(ctx, "dispatch deliveries", func(t *tx) error {
		ds = nil
		busy := 0
		if _, err := t.row("SELECT count(*) FROM deliveries WHERE phase IN (1, 2) AND due_at > ?", args{t.now}, &busy); err != nil {
			return err
		}
		for phase := deliveryPending; phase <= deliveryClaimed; phase++ {
			got, err := t.dispatchDeliveries(phase, window-busy-len(ds))
			if err != nil {
				return err
			}
			ds = append(ds, got...)
		}
		return nil
	})
	return ds, err
}

func (t *tx) dispatchDeliveries(phase, n int) ([]tasks.DeliveryDispatch, error) {
	if n <= 0 {
		return nil, nil
	}
	var ds []tasks.DeliveryDispatch
	err := t.each("SELECT id, generation + 1 FROM deliveries WHERE phase = ? AND due_at <= ? ORDER BY due_at LIMIT ?"+t.l.d.skipLocked,
		args{phase, t.now, n}, func(s scanner) error {
			ds = append(ds, tasks.DeliveryDispatch{})
			d := &ds[len(ds)-1]
			return s.Scan(&d.ID, &d.Generation)
		})
	if err != nil {
		return nil, err
	}
	for _, d := range ds {
		_, err := t.exec("UPDATE deliveries SET phase = 1, generation = ?, due_at = ? WHERE id = ?",
			d.Generation, t.now+deliveryPatience.Microseconds(), d.ID[:])
		if err != nil {
			return nil, err
		}
	}
	return ds, nil
}

// ClaimDelivery takes one generation of a dispatched delivery, with its event as it is to be sent. When the lease runs
// out it is due again. ErrFenced: that generation was claimed before or is not the current one.
func (l *Ledger) ClaimDelivery(ctx context.Context, id uuid.UUID, generation int, lease time.Duration) (tasks.Delivery, tasks.Token, error) {
	claim, err := uuid.NewRandom()
	if err != nil {
		return tasks.Delivery{}, tasks.Token{}, err
	}
	var d tasks.Delivery
	err = l.do(ctx, "claim delivery", func(t *tx) error {
		n, err := t.exec("UPDATE deliveries SET phase = 2, claim_token = ?, due_at = ? WHERE id = ? AND generation = ? AND phase = 1",
			claim[:], t.now+lease.Microseconds(), id[:], generation)
		if err != nil {
			return err
		}
		if n == 0 {
			return tasks.ErrFenced
		}
		ds, _, err := t.deliveries("d.id = ?", id[:])
		if err == nil && len(ds) == 1 {
			d = ds[0]
		}
		return err
	})
	if err != nil {
		return tasks.Delivery{}, tasks.Token{}, err
	}
	return d, tasks.Token{Upload: id, Claim: claim}, nil
}

// FinishDelivery records how a claimed delivery went. Pending: it is due again after r.Retry. ErrFenced: somebody else
// has claimed it since. Finishing it twice with the same end is not an error.
func (l *Ledger) FinishDelivery(ctx context.Context, k tasks.Token, r tasks.DeliveryResult) error {
	phase := deliveryPhase(r.State)
	if phase < 0 {
		return &tasks.Error{Code: tasks.Invalid, Op: "finish delivery", Err: errors.New("there is no such state")}
	}
	return l.do(ctx, "finish delivery", func(t *tx) error {
		var was int
		var token []byte
		found, err := t.row("SELECT phase, claim_token FROM deliveries WHERE id = ?"+t.l.d.forUpdate, args{k.Upload[:]}, &was, &token)
		switch {
		case err != nil:
			return err
		case !found || !bytes.Equal(token, k.Claim[:]):
			return tasks.ErrFenced
		case was == phase && was > deliveryClaimed:
			return nil
		case was > deliveryClaimed:
			return tasks.ErrFenced
		}
		var due, keep any
		if phase == deliveryPending {
			due = t.now + r.Retry.Microseconds()
		} else {
			keep = token
		}
		_, err = t.exec("UPDATE deliveries SET phase = ?, due_at = ?, claim_token = ?, attempts = attempts + ?, last_status = ?, last_error = ? WHERE id = ?",
			phase, due, keep, flag(!r.Skipped), r.Status, text(clean(r.Reason)), k.Upload[:])
		return err
	})
}

// deliveryPhase is the phase that a delivery enters a state with; -1 for no state.
func deliveryPhase(s tasks.DeliveryState) int {
	for p, of := range deliveryStates {
		if of == s {
			return p
		}
	}
	return -1
}

// Replay sends a delivery once more, whatever became of it: it is due now, with all its attempts before it.
// The event and its ID stay the same. NotFound where there is none.
func (l *Ledger) Replay(ctx context.Context, id uuid.UUID) error {
	return l.do(ctx, "replay delivery", func(t *tx) error {
		n, err := t.exec("UPDATE deliveries SET phase = 0, due_at = ?, attempts = 0, claim_token = NULL WHERE id = ?", t.now, id[:])
		if err == nil && n == 0 {
			return &tasks.Error{Code: tasks.NotFound, Op: "replay delivery", Err: errors.New("there is no such delivery")}
		}
		return err
	})
}

// Deliveries returns one page of deliveries, the newest first, and the cursor of the next page, as List does.
func (l *Ledger) Deliveries(ctx context.Context, f tasks.DeliveryFilter) ([]tasks.Delivery, string, error) {
	var (
		page []tasks.Delivery
		next string
	)
	err := l.view(ctx, "list deliveries", func(t *tx) error {
		page, next = nil, ""
		c := new(conditions)
		if err := c.after("d.seq", f.Cursor); err != nil {
			return err
		}
		c.text("COALESCE(u.producer, b.producer) = ?", f.Producer)
		if f.Upload != uuid.Nil {
			c.add("(u.id = ? OR b.id = ?)", f.Upload[:], f.Upload[:])
		}
		switch {
		case f.State == tasks.Pending:
			c.add("d.due_at IS NOT NULL")
		case f.State != "":
			c.add("d.phase = ?", deliveryPhase(f.State))
		}
		limit := pageSize(f.Limit)
		ds, seqs, err := t.deliveries(c.where()+" ORDER BY d.seq DESC LIMIT ?", append(c.args, limit+1)...)
		if err != nil {
			return err
		}
		if page = ds; len(page) > limit {
			page, next = page[:limit], cursor(seqs[limit-1])
		}
		return nil
	})
	return page, next, err
}

// deliveries reads deliveries with their events, and their seqs. where may speak of d, its event e, and the upload u
// or batch b that it tells of.
func (t *tx) deliveries(where string, a ...any) ([]tasks.Delivery, []int64, error) {
	var (
		ds   []tasks.Delivery
		es   []recorded
		seqs []int64
	)
	err := t.each(`SELECT d.seq, d.id, d.url, d.phase, d.attempts, d.due_at, d.last_status, COALESCE(d.last_error, ''), `+eventColumns+`
		FROM deliveries d JOIN events e ON e.seq = d.event LEFT JOIN uploads u ON u.seq = e.upload LEFT JOIN batches b ON b.seq = e.batch
		WHERE `+where, a, func(s scanner) error {
		var (
			d     tasks.Delivery
			e     recorded
			seq   int64
			phase int
			due   sql.NullInt64
		)
		if err := e.scan(s, &seq, &d.ID, &d.URL, &phase, &d.Attempts, &due, &d.LastStatus, &d.LastError); err != nil {
			return err
		}
		d.State, d.Due = deliveryStates[phase], timeOrZero(due)
		ds, es, seqs = append(ds, d), append(es, e), append(seqs, seq)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for i := range es {
		if ds[i].Event, err = t.render(es[i]); err != nil {
			return nil, nil, err
		}
	}
	return ds, seqs, nil
}
