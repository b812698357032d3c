package ledger

import "github.com/google/uuid"

// addDelivery writes the delivery that an event lacks.
func (t *tx) addDelivery(event int64) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	_, err = t.Exec(`INSERT INTO deliveries (id, event, url, due_at, producer) SELECT ?, e.seq, COALESCE(u.callback_url, b.callback_url), ?, COALESCE(u.producer, b.producer, '')
		FROM events e LEFT JOIN uploads u ON u.seq = e.upload LEFT JOIN batches b ON b.seq = COALESCE(e.batch, u.batch) WHERE e.seq = ?`,
		id[:], t.Now, event)
	return err
}

func (t *tx) dropDelivery(seq int64) error {
	_, err := t.Exec("DELETE FROM deliveries WHERE seq = ?", seq)
	return err
}

func (t *tx) deliverNow(seq int64) error {
	_, err := t.Exec("UPDATE deliveries SET phase = 0, due_at = ?, claim_token = NULL WHERE seq = ?", t.Now, seq)
	return err
}
