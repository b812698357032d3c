package schema

import (
	"database/sql"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// BatchColumns are what ScanBatch reads.
const BatchColumns = `id, producer, COALESCE(external_id, ''), COALESCE(callback_url, ''), metadata, sealed, truncated, ended, round, total, open,
	succeeded, failed, canceled, refused, pruned, submitted_at, completed_at`

// ScanBatch reads a batch. more come before the columns.
func ScanBatch(s db.Scanner, b *tasks.Batch, more ...any) error {
	var (
		sealed    bool
		metadata  []byte
		submitted int64
		completed sql.NullInt64
	)
	c := &b.Counts
	err := s.Scan(append(more, &b.ID, &b.Producer, &b.ExternalID, &b.CallbackURL, &metadata, &sealed, &b.Truncated, &b.Ended, &b.Round, &c.Total, &c.Open,
		&c.Succeeded, &c.Failed, &c.Canceled, &c.Refused, &c.Pruned, &submitted, &completed)...)
	if err != nil {
		return err
	}
	b.Metadata, b.Submitted, b.Completed = metadata, db.Time(submitted), db.TimeOrZero(completed)
	switch {
	case completed.Valid:
		b.State = tasks.BatchComplete
	case sealed:
		b.State = tasks.BatchSealed
	default:
		b.State = tasks.BatchOpen
	}
	return nil
}
