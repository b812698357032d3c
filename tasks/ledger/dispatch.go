package ledger

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// maxAccounts is the number of accounts of a priority that one dispatch looks at. The next dispatch goes on with the
// accounts after them.
const maxAccounts = 1000

// lane stands for the uploads of one account with one priority.
type lane struct {
	priority tasks.Priority
	account  string
}

// ready is one upload that is dispatched, with its producer and batch.
type ready struct {
	seq      int64
	run      tasks.RunRef
	deaths   int
	slotted  bool // a time is reserved for its call
	renewal  bool // it keeps a media alive
	producer string
	batch    int64
}

// dispatch is one dispatch: what it counted, and what it has taken.
type dispatch struct {
	*tx
	window tasks.Window
	rooms  map[accountKey]*room
	ramps  map[*schema.Hold]*ramp
	load   map[lane]int           // under way
	taken  map[tasks.Priority]int // of these, claimed
	chunks []tasks.Chunk
	runs   [][]any // their rows
}

// Dispatch fills the window with uploads that are ready. Each gets a run of its next generation, which the caller puts on
// the belt. Chunks that can't be put there the caller gives to Undispatch.
//
// Uploads that dead workers left behind come first, and uploads whose call has a reserved time. Then slots go to the
// accounts that have the fewest under way, and in an account to its producers and their batches in turn. No account gets
// more than it can send within a lease: by its rate, its concurrency, the calls that are left today, and the ramp after a
// hold. Dispatch does not read the uploads of accounts on hold.
func (l *Ledger) Dispatch(ctx context.Context, w tasks.Window) ([]tasks.Chunk, error) {
	w.Lease = cmp.Or(w.Lease, 10*time.Second)
	var chunks []tasks.Chunk
	err := l.do(ctx, "dispatch uploads", func(t *tx) error {
		f := dispatch{tx: t, window: w, rooms: map[accountKey]*room{}, load: map[lane]int{}, taken: map[tasks.Priority]int{}}
		err := f.run()
		chunks = f.chunks
		return err
	})
	if err != nil {
		return nil, err
	}
	return chunks, nil
}

func (f *dispatch) run() error {
	if err := f.count(); err != nil {
		return err
	}
	f.l.flow.counted(f.Now, f.load)
	if err := f.fill(tasks.Interactive, f.window.Interactive, f.window.InteractiveSlots); err != nil {
		return err
	}
	if err := f.fill(tasks.Bulk, f.window.Bulk, f.window.BulkSlots); err != nil {
		return err
	}
	f.l.flow.dispatched(f.load)
	return f.writeRuns()
}

// count finds out what is under way in each lane.
func (f *dispatch) count() error {
	type counted struct {
		lane
		n, called, claimed int
	}
	var all []counted
	err := f.Each("SELECT priority, account, count(*), sum(called), count(token) FROM runs GROUP BY priority, account", nil, func(s db.Scanner) error {
		var c counted
		err := s.Scan(&c.priority, &c.account, &c.n, &c.called, &c.claimed)
		all = append(all, c)
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range all {
		f.load[c.lane] = c.n
		f.taken[c.priority] += c.claimed
		r, err := f.room(c.account)
		if err != nil {
			return err
		}
		r.take(c.n, c.n-c.called)
	}
	return nil
}

// fill gives away the free slots of one priority, until the slots or the uploads are used up.
func (f *dispatch) fill(p tasks.Priority, window, slots int) error {
	underWay := 0
	for k, n := range f.load {
		if k.priority == p {
			underWay += n
		}
	}
	first, err := f.takeFirst(p, window-underWay)
	if err != nil {
		return err
	}
	underWay += len(first)
	drawn := map[string][]ready{}
	lanes, err := f.lanes(p)
	enough := min(window, f.l.flow.enough(p, f.Now, slots, window))
	for err == nil && len(lanes) > 0 {
		before := underWay
		f.share(lanes, underWay, window, enough)
		lanes, err = f.draw(lanes, &underWay, drawn)
		if underWay == before { // nothing is ready, or others have locked it
			break
		}
	}
	if err != nil {
		return err
	}
	f.send(p, first, drawn, slots)
	return nil
}

// takeFirst takes the uploads that go before all others of their priority: those that a dead worker left behind, which
// have waited for a lease to run out already, and those whose reserved time has come.
func (f *dispatch) takeFirst(p tasks.Priority, free int) ([]laneReady, error) {
	if free <= 0 {
		return nil, nil
	}
	lanes, _, err := f.lanesBehind(p, goesFirst, "", f.l.maxAccounts)
	var taken []laneReady
	for _, c := range lanes {
		if err != nil || len(taken) >= free {
			break
		}
		var some []ready
		condition := goesFirst
		if c.renewals {
			condition += isRenewal
		}
		some, err = f.take(c.lane, condition, nil, min(free-len(taken), c.first()))
		for _, u := range some {
			taken = append(taken, laneReady{c.lane, u})
		}
		c.add(some)
	}
	return taken, err
}

// The conditions of the uploads that dispatch may take. An orphan lost its worker in this round.
const (
	isReady   = "phase = 0"
	goesFirst = isReady + " AND (" + schema.Deaths + " > 0 OR slot_at IS NOT NULL)"
	isRenewal = " AND producer = ''" // that of the ledger itself
)

type laneReady struct {
	lane
	ready
}

// candidates is a lane with something to dispatch.
type candidateLane struct {
	lane
	f    *dispatch
	room *room
	take int // what it is given now
	// renewals says that nothing but uploads that renew a media may start.
	renewals bool
}

func (c *candidateLane) underWay() int { return c.f.load[c.lane] }

func (c *candidateLane) left() int {
	if c.renewals {
		return c.room.leftToRenew()
	}
	return c.room.left(c.priority)
}

// first is left for uploads that go first.
func (c *candidateLane) first() int {
	if c.renewals {
		return c.room.leftToRenew()
	}
	return c.room.first(c.priority)
}

// add counts what was taken.
func (c *candidateLane) add(us []ready) {
	c.f.load[c.lane] += len(us)
	uncalled := 0
	for _, u := range us {
		if !u.slotted {
			uncalled++
		}
	}
	c.room.take(len(us), uncalled)
}

// share gives away slots one by one, each to the lane that has the fewest under way. It stops when the window is full, or
// when enough is under way and each lane has its even share of that.
func (f *dispatch) share(lanes []*candidateLane, underWay, window, enough int) {
	active := map[string]bool{}
	for k := range f.load {
		if k.priority == lanes[0].priority {
			active[k.account] = true
		}
	}
	for _, c := range lanes {
		c.take = 0
		active[c.account] = true
	}
	even := (enough + len(active) - 1) / len(active)
	for n := underWay; n < window; n++ {
		var least *candidateLane
		for _, c := range lanes {
			if c.left() > c.take && (least == nil || c.underWay()+c.take < least.underWay()+least.take) {
				least = c
			}
		}
		if least == nil || (n >= enough && least.underWay()+least.take >= even) {
			return
		}
		least.take++
	}
}

// draw takes as many uploads as each lane was given, and returns the lanes that may have more.
func (f *dispatch) draw(lanes []*candidateLane, underWay *int, drawn map[string][]ready) ([]*candidateLane, error) {
	more := lanes[:0]
	for _, c := range lanes {
		want := min(c.take, c.left())
		if want <= 0 {
			if c.left() > 0 {
				more = append(more, c)
			}
			continue
		}
		got, err := f.inTurn(c, want)
		if err != nil {
			return nil, err
		}
		c.add(got)
		*underWay += len(got)
		drawn[c.account] = append(drawn[c.account], got...)
		if len(got) < want {
			continue
		}
		switch further, err := c.goesOn(isReady); {
		case err != nil:
			return nil, err
		case further:
			more = append(more, c)
		}
	}
	return more, nil
}

// goesOn reports whether the lane may have more. Where bulk uploads may not, those that renew a media may still.
func (c *candidateLane) goesOn(condition string) (bool, error) {
	if c.left() > 0 || (condition == goesFirst && c.first() > 0) {
		return true, nil
	}
	if c.renewals || c.priority != tasks.Bulk || c.room.leftToRenew() == 0 {
		return false, nil
	}
	c.renewals = true
	return c.f.Row("SELECT 1 FROM uploads WHERE "+condition+isRenewal+" AND priority = ? AND account = ? LIMIT 1", db.Args{int(c.priority), c.account}, new(int))
}

// lanes lists the accounts that have something ready, going on where the last dispatch stopped.
func (f *dispatch) lanes(p tasks.Priority) ([]*candidateLane, error) {
	from, most := f.l.lastAccount[p], f.l.maxAccounts
	lanes, last, err := f.lanesBehind(p, isReady, from, most)
	if err == nil && from != "" && len(lanes) < most {
		var more []*candidateLane
		more, last, err = f.lanesBehind(p, isReady, "", most-len(lanes))
		for _, c := range more {
			if c.account <= from { // those behind it are in the list
				lanes = append(lanes, c)
			}
		}
	}
	if f.l.lastAccount[p] = ""; len(lanes) >= most {
		f.l.lastAccount[p] = last
	}
	return lanes, err
}

// lanesBehind lists up to n accounts, after the account last, with uploads for which the condition holds, and the last
// account that it looked at. It jumps from account to account, and does not read the uploads between.
func (f *dispatch) lanesBehind(p tasks.Priority, condition, last string, n int) ([]*candidateLane, string, error) {
	var lanes []*candidateLane
	for len(lanes) < n {
		found, err := f.Row("SELECT account FROM uploads WHERE "+condition+" AND priority = ? AND account > ? ORDER BY account LIMIT 1", db.Args{int(p), last}, &last)
		if err != nil || !found {
			return lanes, last, err
		}
		r, err := f.room(last)
		if err != nil {
			return lanes, last, err
		}
		c := &candidateLane{lane: lane{p, last}, f: f, room: r}
		switch may, err := c.goesOn(condition); {
		case err != nil:
			return lanes, last, err
		case may:
			lanes = append(lanes, c)
		}
	}
	return lanes, last, nil
}

// take takes up to n uploads of a lane for which the condition holds, the oldest first.
func (f *dispatch) take(k lane, condition string, values db.Args, n int) ([]ready, error) {
	return f.takeBy("seq", k, condition, values, n)
}

// takeBy is take with another order.
func (f *dispatch) takeBy(order string, k lane, condition string, values db.Args, n int) ([]ready, error) {
	var got []ready
	if n <= 0 {
		return nil, nil
	}
	err := f.Each("SELECT seq, id, generation + 1, "+schema.Deaths+", slot_at IS NOT NULL, renews IS NOT NULL, producer, batch FROM uploads WHERE priority = ? AND account = ? AND "+condition+
		" ORDER BY "+order+" LIMIT ?"+f.Dialect.SkipLocked, slices.Concat(db.Args{int(k.priority), k.account}, values, db.Args{n}), func(s db.Scanner) error {
		var u ready
		err := s.Scan(&u.seq, &u.run.Upload, &u.run.Generation, &u.deaths, &u.slotted, &u.renewal, &u.producer, &u.batch)
		got = append(got, u)
		return err
	})
	if err != nil {
		return nil, err
	}
	seqs := make([]int64, len(got))
	for i, u := range got {
		seqs[i] = u.seq
	}
	err = f.execOf("UPDATE uploads SET phase = 1, generation = generation + 1 WHERE seq", seqs)
	return got, err
}

// send makes the chunks. Each upload that goes first has a chunk of its own. The others are interleaved by account, so
// that no account's uploads come after all of another's.
func (f *dispatch) send(p tasks.Priority, first []laneReady, drawn map[string][]ready, slots int) {
	for _, u := range first {
		f.chunk(u.lane, u.ready)
	}
	total := 0
	for _, us := range drawn {
		total += len(us)
	}
	size := f.chunkSize(p, total, slots)
	names := slices.Sorted(maps.Keys(drawn))
	for from := 0; total > 0; from += size {
		for _, name := range names {
			if us := drawn[name]; from < len(us) {
				some := us[from:min(from+size, len(us))]
				total -= len(some)
				f.chunk(lane{p, name}, some...)
			}
		}
	}
}

// chunkSize returns the number of uploads that travel in one task: their even part for each free slot, so that no slot
// waits while others have a long chunk. Where nothing is free, each chunk is as long as a worker can take.
func (f *dispatch) chunkSize(p tasks.Priority, ready, slots int) int {
	if p == tasks.Interactive || slots <= 0 {
		return 1
	}
	free := max(1, slots-f.taken[p])
	return max(1, min(ready/free, tasks.MaxChunk, cmp.Or(f.window.ChunkMost, tasks.MaxChunk)))
}

// chunk makes one task of these uploads.
func (f *dispatch) chunk(k lane, us ...ready) {
	c := tasks.Chunk{Task: uuid.NewString(), Account: k.account, Priority: k.priority, At: db.Time(f.Now + int64(len(f.chunks)))}
	for _, u := range us {
		c.Runs, c.Deaths = append(c.Runs, u.run), max(c.Deaths, u.deaths)
		f.runs = append(f.runs, []any{u.seq, u.run.Generation, k.account, int(k.priority), c.Task, db.Micros(c.At), db.Flag(u.slotted), db.Flag(u.renewal)})
	}
	f.chunks = append(f.chunks, c)
}

// writeRuns writes the runs.
func (f *dispatch) writeRuns() error {
	return f.insert("INSERT INTO runs (upload, generation, account, priority, task, dispatched_at, called, renewal)",
		[]string{"bigint", "bigint", "text", "smallint", "text", "bigint", "smallint", "smallint"}, len(f.runs), func(i int) []any { return f.runs[i] })
}
