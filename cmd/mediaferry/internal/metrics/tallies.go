package metrics

import (
	"context"
	"maps"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// TallyLedger counts what has happened to uploads.
type TallyLedger interface {
	Tally(ctx context.Context, since, until time.Time) ([]tasks.Tally, error)
	TalliesBegin(ctx context.Context) (oldest, now time.Time, err error)
}

// tallies count what has happened since the ledger was made. They read each minute of the ledger's counts once, when no
// transaction adds to it any more, and the last minutes each time. Their zero value begins at the beginning. They belong to
// one goroutine.
type tallies struct {
	settled map[tasks.Tally]int // by all but the Count, of the time before until
	until   time.Time
}

const (
	// settleTime is longer than any transaction lives.
	settleTime = 5 * time.Minute
	// tallyStep bounds one read.
	tallyStep = 24 * time.Hour
	// farAhead is behind all that was counted before the ledger's clock was set back.
	farAhead = 10 * 365 * 24 * time.Hour
)

func (y *tallies) read(ctx context.Context, l TallyLedger) (map[tasks.Tally]int, error) {
	oldest, now, err := l.TalliesBegin(ctx)
	if err != nil {
		return nil, err
	}
	settled := now.Add(-settleTime).Truncate(time.Minute)
	if y.settled == nil || settled.Before(y.until) { // at the beginning, or the ledger's clock was set back
		y.settled, y.until = map[tasks.Tally]int{}, oldest
		if oldest.IsZero() || oldest.After(settled) {
			y.until = settled
		}
	}
	for y.until.Before(settled) {
		end := y.until.Add(tallyStep)
		if end.After(settled) {
			end = settled
		}
		if err := add(ctx, l, y.settled, y.until, end); err != nil {
			return nil, err
		}
		y.until = end
	}
	all := maps.Clone(y.settled)
	return all, add(ctx, l, all, y.until, now.Add(farAhead))
}

func add(ctx context.Context, l TallyLedger, to map[tasks.Tally]int, since, until time.Time) error {
	counted, err := l.Tally(ctx, since, until)
	for _, c := range counted {
		n := c.Count
		c.Count = 0
		to[c] += n
	}
	return err
}
