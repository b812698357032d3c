package schema

import (
	"database/sql"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// The column deliveries.phase. An open delivery is pending, on the belt or claimed.
const (
	DeliveryPending = iota
	DeliveryDispatched
	DeliveryClaimed
	deliveryDelivered
	deliveryGivenUp
	deliveryDisabled
)

var deliveryStates = [...]tasks.DeliveryState{tasks.Pending, tasks.Pending, tasks.Pending, tasks.Delivered, tasks.GivenUp, tasks.Disabled}

// DeliveryPhase returns the phase in which a delivery enters a state, and -1 for an unknown state.
func DeliveryPhase(s tasks.DeliveryState) int {
	for p, of := range deliveryStates {
		if of == s {
			return p
		}
	}
	return -1
}

// DeliveryState is the state of a delivery in that phase.
func DeliveryState(phase int) tasks.DeliveryState { return deliveryStates[phase] }

// Deliveries reads deliveries with their events, and their seqs. where names the deliveries d, their events e, and the
// uploads u or batches b of these.
func Deliveries(t *db.Tx, where string, a ...any) ([]tasks.Delivery, []int64, error) {
	var (
		ds   []tasks.Delivery
		es   []Event
		seqs []int64
	)
	err := t.Each(`SELECT d.seq, d.id, d.url, d.phase, d.attempts, d.due_at, d.last_status, COALESCE(d.last_error, ''), `+EventColumns+`
		FROM deliveries d JOIN events e ON e.seq = d.event LEFT JOIN uploads u ON u.seq = e.upload LEFT JOIN batches b ON b.seq = e.batch
		WHERE `+where, a, func(s db.Scanner) error {
		var (
			d     tasks.Delivery
			e     Event
			seq   int64
			phase int
			due   sql.NullInt64
		)
		if err := e.Scan(s, &seq, &d.ID, &d.URL, &phase, &d.Attempts, &due, &d.LastStatus, &d.LastError); err != nil {
			return err
		}
		d.State, d.Due = deliveryStates[phase], db.TimeOrZero(due)
		ds, es, seqs = append(ds, d), append(es, e), append(seqs, seq)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for i := range es {
		if ds[i].Event, err = Render(t, es[i]); err != nil {
			return nil, nil, err
		}
	}
	return ds, seqs, nil
}
