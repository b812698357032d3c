package ledger

import (
	"math"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// The numbers of producers of an account, and of batches of a producer, that one dispatch looks at. The next dispatch goes
// on after the one that was served last.
const (
	maxProducers = 256
	maxBatches   = 256
)

// turns remember which producer of a lane, and which batch of a producer, was served last. They belong to the writer.
type turns struct {
	producers map[lane]string
	batches   map[stream]int64
}

// stream stands for the uploads of one producer in a lane.
type stream struct {
	lane
	producer string
}

// maxTurns bounds what is remembered. A forgotten producer is served from its first batch.
const maxTurns = 100_000

func newTurns() turns { return turns{map[lane]string{}, map[stream]int64{}} }

func (s turns) served(k lane, producer string) {
	if len(s.producers) > maxTurns {
		clear(s.producers)
	}
	s.producers[k] = producer
}

func (s turns) servedBatch(of stream, batch int64) {
	if len(s.batches) > maxTurns {
		clear(s.batches)
	}
	s.batches[of] = batch
}

// inTurn takes up to n uploads of a lane, from its producers in turn. Of a producer it takes those with the earliest deadline
// first, and then the others from its batches in turn. It returns them in the order in which they should start.
func (f *dispatch) inTurn(c *candidateLane, n int) ([]ready, error) {
	k := c.lane
	return takeTurns(n, maxProducers,
		func(n int) ([]string, error) {
			if c.renewals {
				return []string{theLedger}, nil
			}
			return f.inTurnWithRenewals(k, n)
		},
		func(producer string, n int) ([]ready, error) {
			if producer != theLedger {
				f.l.turns.served(k, producer)
			}
			s := stream{k, producer}
			got, err := f.takeDated(s, n)
			if err != nil || len(got) == n {
				return got, err
			}
			some, err := takeTurns(n-len(got), maxBatches,
				func(n int) ([]int64, error) { return f.batches(s, n) },
				func(batch int64, n int) ([]ready, error) {
					f.l.turns.servedBatch(s, batch)
					return f.take(k, isReady+" AND producer = ? AND batch = ?", db.Args{producer, batch}, n)
				})
			return append(got, some...), err
		})
}

// takeTurns takes up to n uploads, an even part from each that list returns, again and again until nothing is left. It
// returns them interleaved: one of each, then the next of each.
func takeTurns[K comparable](n, most int, list func(n int) ([]K, error), take func(of K, n int) ([]ready, error)) ([]ready, error) {
	taken := map[K][]ready{}
	var order []K
	total := 0
	for total < n {
		names, err := list(min(n-total, most))
		if err != nil {
			return nil, err
		}
		before := total
		for i, name := range names {
			rest := len(names) - i
			some, err := take(name, (n-total+rest-1)/rest)
			if err != nil {
				return nil, err
			}
			if _, known := taken[name]; !known {
				order = append(order, name)
			}
			taken[name] = append(taken[name], some...)
			total += len(some)
		}
		if total == before { // nothing is left, or others have locked it
			break
		}
	}
	out := make([]ready, 0, total)
	for i := 0; len(out) < total; i++ {
		for _, name := range order {
			if i < len(taken[name]) {
				out = append(out, taken[name][i])
			}
		}
	}
	return out, nil
}

// theLedger is the producer of the uploads that keep media alive. It is no producer's name.
const theLedger = ""

// renewalPressing is how long an upload that keeps a media alive gives way to all others of its account. After that it takes
// turns with them.
const renewalPressing = time.Hour

// inTurnWithRenewals lists up to n producers whose turn it is: those with ready uploads, and the ledger itself after all of
// them, or among them where that has lasted too long.
func (f *dispatch) inTurnWithRenewals(k lane, n int) ([]string, error) {
	names, err := f.producers(k, n+1)
	at := slices.Index(names, theLedger)
	if err != nil || at < 0 || len(names) == 1 {
		return names[:min(n, len(names))], err
	}
	pressing, err := f.Row("SELECT 1 FROM uploads WHERE phase = 0 AND priority = ? AND account = ? AND producer = '' AND submitted_at <= ? LIMIT 1",
		db.Args{int(k.priority), k.account, f.Now - renewalPressing.Microseconds()}, new(int))
	if names = slices.Delete(names, at, at+1); pressing {
		names = slices.Insert(names, 0, theLedger)
	}
	return names[:min(n, len(names))], err
}

// producers lists up to n producers with ready uploads in a lane, from the one after the last that was served.
func (f *dispatch) producers(k lane, n int) ([]string, error) {
	from := f.l.turns.producers[k]
	after, err := f.producersIn(k, from, "", n)
	if err != nil || from == "" || len(after) == n {
		return after, err
	}
	upTo, err := f.producersIn(k, "", from, n-len(after))
	return append(after, upTo...), err
}

// producersIn lists up to n producers with ready uploads, above low and, if high is given, not above high.
func (f *dispatch) producersIn(k lane, low, high string, n int) ([]string, error) {
	before, after, a := "SELECT producer FROM uploads WHERE phase = 0 AND priority = ? AND account = ? AND producer ", " ?", db.Args{int(k.priority), k.account, nil}
	if high != "" {
		after, a = after+" AND producer <= ?", append(a, high)
	}
	var ps []string
	for len(ps) < n {
		a[2] = low
		above := ">"
		if low == "" && len(ps) == 0 {
			above = ">="
		}
		found, err := f.Row(before+above+after+" ORDER BY producer LIMIT 1", a, &low)
		if err != nil || !found {
			return ps, err
		}
		ps = append(ps, low)
	}
	return ps, nil
}

// batches lists up to n batches of a producer with ready uploads, from the one after the last that was served.
func (f *dispatch) batches(s stream, n int) ([]int64, error) {
	from, served := f.l.turns.batches[s]
	if !served {
		from = -1
	}
	after, err := f.batchesIn(s, from, math.MaxInt64, n)
	if err != nil || !served || len(after) == n {
		return after, err
	}
	upTo, err := f.batchesIn(s, -1, from, n-len(after))
	return append(after, upTo...), err
}

// batchesIn lists up to n batches with ready uploads, above low and not above high.
func (f *dispatch) batchesIn(s stream, low, high int64, n int) ([]int64, error) {
	var bs []int64
	for len(bs) < n {
		const next = "SELECT batch FROM uploads WHERE phase = 0 AND priority = ? AND account = ? AND producer = ? AND batch > ? AND batch <= ? ORDER BY batch LIMIT 1"
		found, err := f.Row(next, db.Args{int(s.priority), s.account, s.producer, low, high}, &low)
		if err != nil || !found {
			return bs, err
		}
		bs = append(bs, low)
	}
	return bs, nil
}
