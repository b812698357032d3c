package ledger

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// tx is a transaction that writes. Its operations leave some rows to its end, where the rows that many transactions share
// are written in one order, so that two processes can't deadlock over them.
type tx struct {
	*db.Tx
	l    *Ledger
	held map[string]*schema.Hold

	started map[string]int // running uploads by account; nil: not counted
	counts  map[accountKey]*callCount
	tallies map[int64]*tally
	news    counts
	events  []event
	wake    tasks.Wake // what is new once it is committed
	wakes   []int64    // uploads whose twins may go on
}

func begin(ctx context.Context, l *Ledger, s *db.Session) (*tx, error) {
	t, err := db.Begin(ctx, s, l.now, l.d.BeginWrite)
	return &tx{Tx: t, l: l}, err
}

// finish writes what was left to the end: twins, calls and batches in the order of their keys, then the counts, to which only
// this process writes, and the events.
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
