package ledger

import (
	"math"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// isDated is the condition of a ready upload of a producer in a lane that has a deadline.
const isDated = isReady + " AND expires_by IS NOT NULL AND producer = ?"

// takeDated takes up to n uploads of a producer that have a deadline, the earliest first. Batches take turns where some of their
// uploads have the same deadline and not all can be taken.
func (f *dispatch) takeDated(s stream, n int) ([]ready, error) {
	const earliest = "SELECT expires_by FROM uploads WHERE priority = ? AND account = ? AND " + isDated + " ORDER BY expires_by LIMIT 1 OFFSET ?"
	var last int64
	found, err := f.Row(earliest, db.Args{int(s.priority), s.account, s.producer, 0}, &last)
	if err != nil || !found {
		return nil, err
	}
	if found, err = f.Row(earliest, db.Args{int(s.priority), s.account, s.producer, n - 1}, &last); err != nil {
		return nil, err
	}
	if !found { // there is room for all of them
		return f.takeBy("expires_by, seq", s.lane, isDated, db.Args{s.producer}, n)
	}
	got, err := f.takeBy("expires_by, seq", s.lane, isDated+" AND expires_by < ?", db.Args{s.producer, last}, n)
	if err != nil || len(got) == n {
		return got, err
	}
	some, err := takeTurns(n-len(got), maxBatches,
		func(n int) ([]int64, error) { return f.batchesBy(s, last, n) },
		func(batch int64, n int) ([]ready, error) {
			f.l.turns.servedBatch(s, batch)
			return f.take(s.lane, isDated+" AND expires_by = ? AND batch = ?", db.Args{s.producer, last, batch}, n)
		})
	return append(got, some...), err
}

// batchesBy lists up to n batches of a producer with ready uploads that have this deadline, from the one after the last that was
// served.
func (f *dispatch) batchesBy(s stream, deadline int64, n int) ([]int64, error) {
	const next = "SELECT batch FROM uploads WHERE priority = ? AND account = ? AND " + isDated + " AND expires_by = ? AND batch > ? AND batch <= ? ORDER BY batch LIMIT 1"
	served, known := f.l.turns.batches[s]
	if !known {
		served = math.MaxInt64
	}
	var bs []int64
	for _, part := range [][2]int64{{served, math.MaxInt64}, {-1, served}} {
		low := part[0]
		for len(bs) < n {
			found, err := f.Row(next, db.Args{int(s.priority), s.account, s.producer, deadline, low, part[1]}, &low)
			if err != nil {
				return bs, err
			}
			if !found {
				break
			}
			bs = append(bs, low)
		}
	}
	return bs, nil
}
