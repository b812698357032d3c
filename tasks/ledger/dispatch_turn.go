package ledger

import (
	"math"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// Bounds of one dispatch: it looks at so many producers of an account, and so many batches of a producer. Those beyond
// them come in a later one, since dispatch goes on behind the one that was served last.
const (
	maxProducers = 256
	maxBatches   = 256
)

// turns remember who was served last, in each lane and for each of its producers. They belong to the writer.
type turns struct {
	producers map[lane]string
	batches   map[stream]int64
}

// stream is the uploads of one producer in a lane.
type stream struct {
	lane
	producer string
}

// maxTurns bounds what is remembered: whoever is forgotten is served from the beginning.
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

// inTurn takes up to n uploads of a lane, from its producers in turn, and from their batches in turn. They are in the
// order in which they should start.
func (f *filling) inTurn(k lane, n int) ([]ready, error) {
	return takeTurns(n, maxProducers,
		func(n int) ([]string, error) { return f.producers(k, n) },
		func(producer string, n int) ([]ready, error) {
			f.l.turns.served(k, producer)
			s := stream{k, producer}
			return takeTurns(n, maxBatches,
				func(n int) ([]int64, error) { return f.batches(s, n) },
				func(batch int64, n int) ([]ready, error) {
					f.l.turns.servedBatch(s, batch)
					return f.take(k, isReady+" AND producer = ? AND batch = ?", db.Args{producer, batch}, n)
				})
		})
}

// takeTurns takes up to n uploads, an even part from each of those that list names, again and again until there are no
// more. They come back interleaved: one of each, then the next of each.
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
		if total == before { // there are no more, or others have locked them
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

// producers lists up to n producers that have something ready in a lane, going on behind the one that was served last.
func (f *filling) producers(k lane, n int) ([]string, error) {
	from := f.l.turns.producers[k]
	after, err := f.producersIn(k, from, "", n)
	if err != nil || from == "" || len(after) == n {
		return after, err
	}
	upTo, err := f.producersIn(k, "", from, n-len(after))
	return append(after, upTo...), err
}

// producersIn lists up to n producers with something ready, behind low and not behind high, where one is given.
func (f *filling) producersIn(k lane, low, high string, n int) ([]string, error) {
	query, a := "SELECT producer FROM uploads WHERE phase = 0 AND priority = ? AND account = ? AND producer > ?", db.Args{int(k.priority), k.account, nil}
	if high != "" {
		query, a = query+" AND producer <= ?", append(a, high)
	}
	var ps []string
	for len(ps) < n {
		a[2] = low
		found, err := f.Row(query+" ORDER BY producer LIMIT 1", a, &low)
		if err != nil || !found {
			return ps, err
		}
		ps = append(ps, low)
	}
	return ps, nil
}

// batches lists up to n batches of a producer that have something ready, going on behind the one that was served last.
func (f *filling) batches(s stream, n int) ([]int64, error) {
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

// batchesIn lists up to n batches with something ready, above low and not above high.
func (f *filling) batchesIn(s stream, low, high int64, n int) ([]int64, error) {
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
