package schema

import (
	"fmt"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// On SQLite one transaction writes at a time, so that events are committed in the order of their seq. On PostgreSQL many
// write at once and commit in any order, without a lock that they share. There the seq of an event is the number of its
// transaction and, in the lower bits, its place in it: no event can come any more below the number of the oldest
// transaction that still runs, and those below it are what a reader may see. A transaction that writes anywhere on the
// server and stays open holds back the events after it, for readers that follow; webhooks and outcomes don't wait for it.
const eventBits = 20

// offset is added to the numbers of transactions: a ledger that was restored on another server goes on behind its events.
const offset = "COALESCE((SELECT CAST(value AS BIGINT) FROM meta WHERE key = '" + EventOffset + "'), 0)"

// EventOffset is the row of meta that keeps what is added to the numbers of transactions.
const EventOffset = "event_offset"

// EventSeqs returns the seqs of the n events that this transaction writes, all at its end. nil: the table gives them.
func EventSeqs(t *db.Tx, n int) ([]any, error) {
	seqs := make([]any, n)
	if !t.Dialect.Concurrent {
		return seqs, nil
	}
	if n > lateEvents {
		return nil, fmt.Errorf("%d events are too many for one transaction", n)
	}
	var first int64
	_, err := t.Row(fmt.Sprintf("SELECT (pg_current_xact_id()::text::bigint + %s) << %d", offset, eventBits), nil, &first)
	for i := range seqs {
		seqs[i] = first + int64(i)
	}
	return seqs, err
}

// lateEvents is the first place in a transaction's numbers that LateEventSeq gives away.
const lateEvents = 1 << (eventBits - 1)

// LateEventSeq returns the seq of an event that must come behind those of other transactions: of all that are committed by
// now. A batch is complete after its last outcome, and that may be of a transaction with a greater number which had the
// batch's lock before. key tells apart what is given away at the same moment. nil: the table gives it.
//
// No reader is past it: the number that it lies in is not smaller than this transaction's, which still runs. A snapshot's xmax
// is behind the last transaction that has ended, and may be below this one's number.
func LateEventSeq(t *db.Tx, key int64) (any, error) {
	if !t.Dialect.Concurrent {
		return nil, nil
	}
	var first int64
	_, err := t.Row(fmt.Sprintf("SELECT (GREATEST(pg_current_xact_id()::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1) + %s) << %d", offset, eventBits), nil, &first)
	return first + lateEvents + key%lateEvents, err
}

// SettledEvents returns the seq up to which every event is there: none that is committed later has it or a smaller one.
func SettledEvents(t *db.Tx) (int64, error) {
	query := "SELECT COALESCE(max(seq), 0) FROM events"
	if t.Dialect.Concurrent {
		query = fmt.Sprintf("SELECT ((pg_snapshot_xmin(pg_current_snapshot())::text::bigint + %s) << %d) - 1", offset, eventBits)
	}
	var seq int64
	_, err := t.Row(query, nil, &seq)
	return seq, err
}

// restoredGap is how many numbers lie between the events of a backup and those after it was restored: more than all
// transactions between the backup and the loss, whose events a follower may have seen.
const restoredGap = 1 << 32

// ContinueEvents makes the seq of new events go on behind those that are there, where the ledger was restored on a server
// whose transactions have smaller numbers.
func ContinueEvents(t *db.Tx) error {
	if !t.Dialect.Concurrent {
		return nil
	}
	var newest, now, off int64
	if _, err := t.Row("SELECT COALESCE(max(seq), 0) FROM events", nil, &newest); err != nil { // first: the number below is then larger
		return err
	}
	if _, err := t.Row("SELECT pg_current_xact_id()::text::bigint, "+offset, nil, &now, &off); err != nil || newest>>eventBits < now+off {
		return err
	}
	_, err := t.Exec(`INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value
		WHERE CAST(meta.value AS BIGINT) < CAST(excluded.value AS BIGINT)`, EventOffset, fmt.Sprint(newest>>eventBits-now+restoredGap))
	return err
}
