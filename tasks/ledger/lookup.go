package ledger

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

// Rows returns one page of a batch's uploads in the order they were submitted, and the cursor of the next page; ""
// after the last one. limit 0: 100, at most 1,000.
func (l *Ledger) Rows(ctx context.Context, batch uuid.UUID, after string, limit int) ([]tasks.Outcome, string, error) {
	var (
		page []tasks.Outcome
		next string
	)
	err := l.view(ctx, "list rows of batch", func(t *tx) error {
		page, next = nil, ""
		var seq int64
		if after != "" {
			var err error
			if seq, err = parseCursor(after); err != nil {
				return err
			}
		}
		limit := pageSize(limit)
		os, err := t.outcomes("u.batch > 0 AND u.batch = (SELECT seq FROM batches WHERE id = ?) AND u.seq > ? ORDER BY u.seq LIMIT ?", batch[:], seq, limit+1)
		if err != nil {
			return err
		}
		if len(os) > limit {
			os, next = os[:limit], cursor(os[limit-1].seq)
		}
		for _, o := range os {
			page = append(page, o.Outcome)
		}
		return nil
	})
	return page, next, err
}

// Delivery returns one delivery with its event. NotFound where there is none.
func (l *Ledger) Delivery(ctx context.Context, id uuid.UUID) (tasks.Delivery, error) {
	var d tasks.Delivery
	err := l.view(ctx, "look up delivery", func(t *tx) error {
		ds, _, err := t.deliveries("d.id = ?", id[:])
		if err == nil && len(ds) == 0 {
			return &tasks.Error{Code: tasks.NotFound, Op: "look up delivery", Err: errors.New("there is no such delivery")}
		}
		if err == nil {
			d = ds[0]
		}
		return err
	})
	return d, err
}

// NewestEvent returns the Seq of the event that was committed last; 0 where there is none.
func (l *Ledger) NewestEvent(ctx context.Context) (int64, error) {
	var seq int64
	err := l.view(ctx, "look up newest event", func(t *tx) error {
		_, err := t.row("SELECT COALESCE(MAX(seq), 0) FROM events", nil, &seq)
		return err
	})
	return seq, err
}

// InboxUse returns how the uploads of a source in an inbox stand.
func (l *Ledger) InboxUse(ctx context.Context, source string) (tasks.SourceUse, error) {
	var u tasks.SourceUse
	err := l.view(ctx, "look up uses of source", func(t *tx) error {
		u = tasks.SourceUse{}
		var finished sql.NullInt64
		_, err := t.row(`SELECT COUNT(*), COUNT(CASE WHEN phase < 4 THEN 1 END), COUNT(CASE WHEN phase = 5 THEN 1 END), MAX(finished_at)
			FROM uploads WHERE source = ? AND substr(source, 1, 6) = 'inbox:'`, args{source}, &u.Uploads, &u.Open, &u.Failed, &finished)
		u.Finished = timeOrZero(finished)
		return err
	})
	return u, err
}
