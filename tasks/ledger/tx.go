package ledger

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// tx is a transaction that writes, and what its operations put off until its end: there the rows that many share are
// written in one order, so that the transactions of two processes can't deadlock over them.
type tx struct {
	*db.Tx
	l    *Ledger
	held map[string]*schema.Hold

	started map[string]int // running uploads by account; nil: not counted
	counts  map[accountKey]*callCount
	tallies map[int64]*tally
	news    counts
	events  []event
	wakes   []int64 // uploads whose twins may go on
}

func begin(ctx context.Context, l *Ledger, s *db.Session) (*tx, error) {
	t, err := db.Begin(ctx, s, l.now, l.d.BeginWrite)
	return &tx{Tx: t, l: l}, err
}

// finish writes what was put off: twins, calls and batches in the order of their keys, counts, which nobody else writes to,
// and events last.
func (t *tx) finish() error {
	if err := t.wakeTwins(); err != nil {
		return err
	}
	if err := t.settleCounts(); err != nil {
		return err
	}
	if err := t.settleBatches(); err != nil {
		return err
	}
	if err := t.keepCounts(t.news, t.l.number); err != nil {
		return err
	}
	return t.writeEvents()
}
