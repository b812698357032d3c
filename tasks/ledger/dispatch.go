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

// maxAccounts bounds one dispatch: it looks at so many accounts of a priority. Those beyond them come in a later one,
// since dispatch goes on among the accounts where it stopped.
const maxAccounts = 1000

// lane is the uploads of one account with one priority.
type lane struct {
	priority tasks.Priority
	account  string
}

// ready is one upload that is dispatched, and where it comes from.
type ready struct {
	seq      int64
	run      tasks.RunRef
	deaths   int
	slotted  bool // a time is reserved for its call
	producer string
	batch    int64
}

// filling is one dispatch on its way: what it counted, and what it has taken.
type filling struct {
	*tx
	window tasks.Window
	rooms  map[accountKey]*room
	ramps  map[*schema.Hold]*ramp
	load   map[lane]int // under way
	chunks []tasks.Chunk
	runs   [][]any // their rows
}

// Dispatch fills the window with uploads that are ready: each gets a run of its next generation, for the caller to put
// on the belt. What can't be put there the caller gives to Undispatch.
//
// What dead workers left behind comes first, and what waited for a time that was reserved for its call. Then slots go to
// the accounts that have the fewest under way, and in an account to its producers and their batches in turn. No account
// gets more than it can send within a lease: by its rate, its concurrency, the calls it has left today, and the ramp
// after a hold. Accounts on hold are left out without a look at their uploads.
func (l *Ledger) Dispatch(ctx context.Context, w tasks.Window) ([]tasks.Chunk, error) {
	w.Lease = cmp.Or(w.Lease, 10*time.Second)
	var chunks []tasks.Chunk
	err := l.do(ctx, "dispatch uploads", func(t *tx) error {
		f := filling{tx: t, window: w, rooms: map[accountKey]*room{}, load: map[lane]int{}}
		err := f.run()
		chunks = f.chunks
		return err
	})
	if err != nil {
		return nil, err
	}
	return chunks, nil
}

func (f *filling) run() error {
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
func (f *filling) count() error {
	type counted struct {
		lane
		n, called int
	}
	var all []counted
	err := f.Each("SELECT priority, account, count(*), sum(called) FROM runs GROUP BY priority, account", nil, func(s db.Scanner) error {
		var c counted
		err := s.Scan(&c.priority, &c.account, &c.n, &c.called)
		all = append(all, c)
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range all {
		f.load[c.lane] = c.n
		r, err := f.room(c.account)
		if err != nil {
			return err
		}
		r.take(c.n, c.n-c.called)
	}
	return nil
}

// fill gives the free slots of one priority away, until they or the uploads are used up.
func (f *filling) fill(p tasks.Priority, window, slots int) error {
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
		if underWay == before { // nothing is free, or others have locked all that is left
			break
		}
	}
	if err != nil {
		return err
	}
	f.send(p, first, drawn, slots)
	return nil
}

// takeFirst takes what goes before all others of its priority: uploads that a dead worker left behind, whose submitters
// have waited for a lease to run out already, and those whose reserved time has come.
func (f *filling) takeFirst(p tasks.Priority, free int) ([]laneReady, error) {
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
		n := min(free-len(taken), c.room.first())
		some, err = f.take(c.lane, goesFirst, nil, n)
		for _, u := range some {
			taken = append(taken, laneReady{c.lane, u})
		}
		c.add(some)
	}
	return taken, err
}

// What makes an upload one that dispatch may take. An orphan was held by a worker that died, in this round.
const (
	isReady   = "phase = 0"
	goesFirst = isReady + " AND (" + schema.Deaths + " > 0 OR slot_at IS NOT NULL)"
)

type laneReady struct {
	lane
	ready
}

// candidates is a lane with something to dispatch.
type candidateLane struct {
	lane
	f    *filling
	room *room
	take int // what it is given now
}

func (c *candidateLane) underWay() int { return c.f.load[c.lane] }

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

// share gives slots away one by one, each to the lane that has the fewest under way then: until the window is full, or
// there is enough on the way and each lane has its even share of that.
func (f *filling) share(lanes []*candidateLane, underWay, window, enough int) {
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
			if c.room.left() > c.take && (least == nil || c.underWay()+c.take < least.underWay()+least.take) {
				least = c
			}
		}
		if least == nil || (n >= enough && least.underWay()+least.take >= even) {
			return
		}
		least.take++
	}
}

// draw takes what each lane was given, and returns the lanes that may have more.
func (f *filling) draw(lanes []*candidateLane, underWay *int, drawn map[string][]ready) ([]*candidateLane, error) {
	more := lanes[:0]
	for _, c := range lanes {
		want := min(c.take, c.room.left())
		if want <= 0 {
			if c.room.left() > 0 {
				more = append(more, c)
			}
			continue
		}
		got, err := f.inTurn(c.lane, want)
		if err != nil {
			return nil, err
		}
		c.add(got)
		*underWay += len(got)
		drawn[c.account] = append(drawn[c.account], got...)
		if len(got) == want && c.room.left() > 0 {
			more = append(more, c)
		}
	}
	return more, nil
}

// lanes lists the accounts that have something ready, going on where the last dispatch stopped.
func (f *filling) lanes(p tasks.Priority) ([]*candidateLane, error) {
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

// lanesBehind lists up to n accounts with uploads for which the condition holds, behind one, and the last that it looked
// at. It jumps from account to account: what lies between is not read.
func (f *filling) lanesBehind(p tasks.Priority, condition, last string, n int) ([]*candidateLane, string, error) {
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
		if r.left() > 0 || (condition == goesFirst && r.first() > 0) {
			lanes = append(lanes, &candidateLane{lane: lane{p, last}, f: f, room: r})
		}
	}
	return lanes, last, nil
}

// take reads up to n uploads of a lane for which the condition holds, the oldest first.
func (f *filling) take(k lane, condition string, values db.Args, n int) ([]ready, error) {
	var got []ready
	if n <= 0 {
		return nil, nil
	}
	err := f.Each("SELECT seq, id, generation + 1, "+schema.Deaths+", slot_at IS NOT NULL, producer, batch FROM uploads WHERE priority = ? AND account = ? AND "+condition+
		" ORDER BY seq LIMIT ?"+f.Dialect.SkipLocked, slices.Concat(db.Args{int(k.priority), k.account}, values, db.Args{n}), func(s db.Scanner) error {
		var u ready
		err := s.Scan(&u.seq, &u.run.Upload, &u.run.Generation, &u.deaths, &u.slotted, &u.producer, &u.batch)
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

// send makes the chunks of what was taken: one for each upload that goes first, and the others interleaved by account,
// so that no account's uploads lie behind all of another's.
func (f *filling) send(p tasks.Priority, first []laneReady, drawn map[string][]ready, slots int) {
	for _, u := range first {
		f.chunk(u.lane, u.ready)
	}
	total := 0
	for _, us := range drawn {
		total += len(us)
	}
	size := chunkSize(p, total, slots)
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

// chunkSize is how many uploads travel in one task.
func chunkSize(tasks.Priority, int, int) int { return 1 }

// chunk makes one task of these uploads.
func (f *filling) chunk(k lane, us ...ready) {
	c := tasks.Chunk{Task: uuid.NewString(), Account: k.account, Priority: k.priority, At: db.Time(f.Now + int64(len(f.chunks)))}
	for _, u := range us {
		c.Runs, c.Deaths = append(c.Runs, u.run), max(c.Deaths, u.deaths)
		f.runs = append(f.runs, []any{u.seq, u.run.Generation, k.account, int(k.priority), c.Task, db.Micros(c.At), db.Flag(u.slotted)})
	}
	f.chunks = append(f.chunks, c)
}

// writeRuns writes the rows of the runs, and that their uploads are under way.
func (f *filling) writeRuns() error {
	if len(f.runs) == 0 {
		return nil
	}
	const into = "INSERT INTO runs (upload, generation, account, priority, task, dispatched_at, called) "
	if f.Dialect.Concurrent {
		_, err := f.Exec(into+"SELECT * FROM unnest(?::bigint[], ?::bigint[], ?::text[], ?::smallint[], ?::text[], ?::bigint[], ?::smallint[])",
			arrays(len(f.runs), func(i int) []any { return f.runs[i] })...)
		return err
	}
	for _, values := range f.runs {
		if _, err := f.Exec(into+"VALUES (?, ?, ?, ?, ?, ?, ?)", values...); err != nil {
			return err
		}
	}
	return nil
}
