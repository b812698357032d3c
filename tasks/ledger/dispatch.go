package ledger

import (
	"context"
	"maps"
	"math"
	"slices"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Bounds of one dispatch: it looks at so many accounts of a priority, and so many batches of an account. Whoever is
// beyond them comes in a later one, since dispatch goes on among the batches where it stopped.
const (
	maxAccounts = 1000
	maxBatches  = 256
)

// lane is the uploads of one account with one priority.
type lane struct {
	priority tasks.Priority
	account  string
}

// candidates is a lane with something to dispatch.
type candidates struct {
	lane
	underWay int
	hold     *schema.Hold // nil: not held
	take     int
}

// room is how many more may be under way, at most n.
func (c *candidates) room(n int) int {
	if c.hold == nil {
		return n
	}
	return max(min(n, c.hold.Room()-c.hold.UnderWay), 0)
}

// filling is one dispatch on its way: what it counted, and what it has taken.
type filling struct {
	*tx
	load map[lane]int
	turn map[lane]int64
	next map[tasks.Priority]string
	got  []tasks.Dispatch
}

// Dispatch fills the window: it counts what is on the belt or running, and marks so many ready uploads as dispatched,
// with their next generation, for the caller to put on the belt. What dead workers left behind comes first. Then slots
// go to the accounts that have the fewest under way, and in an account to its batches in turn. Accounts on hold are left
// out without a look at their uploads; one that comes back gets as many as its ramp allows. What the caller can't put on
// the belt it gives to Undispatch.
func (l *Ledger) Dispatch(ctx context.Context, w tasks.Window) ([]tasks.Dispatch, error) {
	var f filling
	err := l.do(ctx, "dispatch uploads", func(t *tx) error {
		f = filling{tx: t, load: map[lane]int{}, turn: map[lane]int64{}, next: map[tasks.Priority]string{}}
		if err := f.count(); err != nil {
			return err
		}
		if err := f.fill(tasks.Interactive, w.Interactive); err != nil {
			return err
		}
		return f.fill(tasks.Bulk, w.Bulk)
	})
	if err != nil {
		return nil, err
	}
	l.turnMu.Lock()
	defer l.turnMu.Unlock()
	maps.Copy(l.turn, f.turn)
	maps.Copy(l.first, f.next)
	return f.got, nil
}

// count finds out what is under way in each lane, and for each hold.
func (f *filling) count() error {
	held, err := f.holds()
	if err != nil {
		return err
	}
	for _, h := range held {
		h.UnderWay = 0
	}
	return f.Each("SELECT priority, account, count(*) FROM uploads WHERE phase IN (1, 2) AND due_at IS NOT NULL GROUP BY priority, account", nil,
		func(s db.Scanner) error {
			var k lane
			var n int
			if err := s.Scan(&k.priority, &k.account, &n); err != nil {
				return err
			}
			f.load[k] = n
			if h := held[k.account]; h != nil {
				h.UnderWay += n
			}
			return nil
		})
}

// fill gives the free slots of one priority away, until they or the uploads are used up.
func (f *filling) fill(p tasks.Priority, window int) error {
	free := window
	for k, n := range f.load {
		if k.priority == p {
			free -= n
		}
	}
	if free <= 0 {
		return nil
	}
	free, err := f.adopt(p, free)
	if err != nil || free == 0 {
		return err
	}
	lanes, err := f.lanes(p)
	for err == nil && free > 0 && len(lanes) > 0 {
		share(lanes, free)
		free, lanes, err = f.pass(lanes, free)
	}
	return err
}

// What makes an upload one that dispatch may take. An orphan was held by a worker that died, in this round.
const (
	isReady  = "phase = 0"
	isOrphan = isReady + " AND " + schema.Deaths + " > 0"
)

// adopt takes the orphans, whose submitters have waited for a lease to run out already, and returns the slots that are
// free then.
func (f *filling) adopt(p tasks.Priority, free int) (int, error) {
	lanes, _, err := f.lanesBehind(p, isOrphan, "", f.l.maxAccounts)
	for _, c := range lanes {
		if err != nil || free == 0 {
			break
		}
		var n int
		n, err = f.take(c.lane, isOrphan, nil, c.room(free))
		free -= n
		f.load[c.lane] += n
		if c.hold != nil {
			c.hold.UnderWay += n
		}
	}
	return free, err
}

// pass draws what each lane may take, and returns the free slots and the lanes that may have more.
func (f *filling) pass(lanes []*candidates, free int) (int, []*candidates, error) {
	more := lanes[:0]
	for _, c := range lanes {
		want := c.room(c.take)
		n, err := f.draw(c.lane, want)
		if err != nil {
			return free, nil, err
		}
		free -= n
		c.underWay += n
		if c.hold != nil {
			c.hold.UnderWay += n
		}
		if n == want && c.room(1) > 0 {
			more = append(more, c)
		}
	}
	return free, more, nil
}

// lanes lists the accounts that have something ready, going on where the last dispatch stopped.
func (f *filling) lanes(p tasks.Priority) ([]*candidates, error) {
	from, most := f.l.lastAccount(p), f.l.maxAccounts
	lanes, last, err := f.lanesBehind(p, isReady, from, most)
	if err == nil && from != "" && len(lanes) < most {
		var more []*candidates
		more, last, err = f.lanesBehind(p, isReady, "", most-len(lanes))
		for _, c := range more {
			if c.account <= from { // those behind it are in the list
				lanes = append(lanes, c)
			}
		}
	}
	if f.next[p] = ""; len(lanes) >= most {
		f.next[p] = last
	}
	return lanes, err
}

// lanesBehind lists up to n accounts with uploads for which the condition holds, behind one, and the last that it looked
// at. It jumps from account to account: what lies between is not read.
func (f *filling) lanesBehind(p tasks.Priority, condition, last string, n int) ([]*candidates, string, error) {
	held, err := f.holds()
	if err != nil {
		return nil, "", err
	}
	var lanes []*candidates
	for len(lanes) < n {
		found, err := f.Row("SELECT account FROM uploads WHERE "+condition+" AND priority = ? AND account > ? ORDER BY account LIMIT 1", db.Args{int(p), last}, &last)
		if err != nil || !found {
			return lanes, last, err
		}
		h := held[last]
		if h.InForce(f.Now) {
			continue
		}
		k := lane{p, last}
		if c := (&candidates{lane: k, underWay: f.load[k], hold: h}); c.room(1) > 0 {
			lanes = append(lanes, c)
		}
	}
	return lanes, last, nil
}

// share gives n slots away one by one, each to the lane that has the fewest under way then.
func share(lanes []*candidates, n int) {
	for _, c := range lanes {
		c.take = 0
	}
	for range n {
		var least *candidates
		for _, c := range lanes {
			if c.room(c.take+1) > c.take && (least == nil || c.underWay+c.take < least.underWay+least.take) {
				least = c
			}
		}
		if least == nil {
			return
		}
		least.take++
	}
}

// draw dispatches up to n uploads of a lane, from its batches in turn, and returns how many there were.
func (f *filling) draw(k lane, n int) (int, error) {
	drawn := 0
	for drawn < n {
		batches, err := f.batches(k, min(n-drawn, maxBatches))
		if err != nil || len(batches) == 0 {
			return drawn, err
		}
		before := drawn
		for i, b := range batches {
			rest := len(batches) - i
			m, err := f.take(k, isReady+" AND batch = ?", db.Args{b}, (n-drawn+rest-1)/rest)
			if err != nil {
				return drawn, err
			}
			drawn += m
			f.turn[k] = b
		}
		if drawn == before { // others have locked all that is left
			return drawn, nil
		}
	}
	return drawn, nil
}

// batches lists up to n batches that have something ready in a lane, going on behind the one that was served last.
func (f *filling) batches(k lane, n int) ([]int64, error) {
	from, ok := f.turn[k]
	if !ok {
		from = f.l.lastServed(k)
	}
	after, err := f.batchesIn(k, from, math.MaxInt64, n)
	if err != nil || len(after) == n {
		return after, err
	}
	upTo, err := f.batchesIn(k, -1, from, n-len(after))
	return append(after, upTo...), err
}

// batchesIn lists up to n batches with something ready, above low and not above high.
func (f *filling) batchesIn(k lane, low, high int64, n int) ([]int64, error) {
	var bs []int64
	for len(bs) < n {
		const next = "SELECT batch FROM uploads WHERE phase = 0 AND priority = ? AND account = ? AND batch > ? AND batch <= ? ORDER BY batch LIMIT 1"
		found, err := f.Row(next, db.Args{int(k.priority), k.account, low, high}, &low)
		if err != nil || !found {
			return bs, err
		}
		bs = append(bs, low)
	}
	return bs, nil
}

// take dispatches up to n uploads of a lane for which the condition holds, the oldest first.
func (f *filling) take(k lane, condition string, values db.Args, n int) (int, error) {
	var seqs []int64
	first := len(f.got)
	err := f.Each("SELECT seq, id, generation, "+schema.Deaths+" FROM uploads WHERE priority = ? AND account = ? AND "+condition+
		" ORDER BY seq LIMIT ?"+f.Dialect.SkipLocked, slices.Concat(db.Args{int(k.priority), k.account}, values, db.Args{n}), func(s db.Scanner) error {
		d := tasks.Dispatch{Priority: k.priority, At: db.Time(f.Now + int64(len(f.got)))}
		var seq int64
		err := s.Scan(&seq, &d.ID, &d.Generation, &d.Deaths)
		d.Generation++
		seqs, f.got = append(seqs, seq), append(f.got, d)
		return err
	})
	if err != nil {
		return 0, err
	}
	return len(seqs), f.mark(seqs, f.got[first:])
}

// mark writes that the uploads with those seqs are dispatched as ds: in one round trip, where each is one.
func (f *filling) mark(seqs []int64, ds []tasks.Dispatch) error {
	generations, times := make([]int64, len(ds)), make([]int64, len(ds))
	for i, d := range ds {
		generations[i], times[i] = int64(d.Generation), db.Micros(d.At)
	}
	if f.Dialect.Concurrent && len(seqs) > 0 {
		_, err := f.Exec(`UPDATE uploads u SET phase = 1, generation = v.g, due_at = v.d
			FROM unnest(?::bigint[], ?::bigint[], ?::bigint[]) AS v (s, g, d) WHERE u.seq = v.s`, seqs, generations, times)
		return err
	}
	for i, seq := range seqs {
		if _, err := f.Exec("UPDATE uploads SET phase = 1, generation = ?, due_at = ? WHERE seq = ?", generations[i], times[i], seq); err != nil {
			return err
		}
	}
	return nil
}

func (l *Ledger) lastServed(k lane) int64 {
	l.turnMu.Lock()
	defer l.turnMu.Unlock()
	return l.turn[k]
}

func (l *Ledger) lastAccount(p tasks.Priority) string {
	l.turnMu.Lock()
	defer l.turnMu.Unlock()
	return l.first[p]
}
