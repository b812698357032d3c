package ledger

import (
	"math"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// room says how many more uploads an account may have under way. Accounts with one appid share it.
type room struct {
	held     bool // nothing may start
	bulkHeld bool // no bulk upload may start
	underWay int
	uncalled int // of these, uploads that have neither called WeChat nor a reserved time for the call
	most     int // under way, by concurrency
	calls    int // that the uncalled ones can make within a lease
	reserve  int // of the calls, what bulk uploads leave to others
	renew    int // what uploads that renew a media can make of the calls
	ramp     *ramp
}

// ramp bounds what is under way after a hold, of all accounts that were held together. Nil bounds nothing.
type ramp struct {
	most, underWay int
}

func (r *ramp) left() int {
	if r == nil {
		return math.MaxInt
	}
	return r.most - r.underWay
}

// take counts n more under way; uncalled of them have yet to call WeChat.
func (r *room) take(n, uncalled int) {
	r.underWay += n
	r.uncalled += uncalled
	if r.ramp != nil {
		r.ramp.underWay += n
	}
}

// left returns the number of uploads that may be dispatched in addition.
func (r *room) left(p tasks.Priority) int {
	calls := r.calls
	if p == tasks.Bulk && r.reserve > 0 { // one more finds that the rest is kept, and holds bulk uploads
		calls = max(1, calls-r.reserve)
	}
	return min(r.first(p), max(0, calls-r.uncalled))
}

// leftToRenew is left for uploads that renew a media. A hold of bulk uploads does not stop them.
func (r *room) leftToRenew() int {
	if r.held {
		return 0
	}
	return max(0, min(r.most-r.underWay, r.ramp.left(), r.renew-r.uncalled))
}

// first is left for uploads that have called WeChat before, or have a reserved time for the call.
func (r *room) first(p tasks.Priority) int {
	if r.held || (r.bulkHeld && p == tasks.Bulk) {
		return 0
	}
	return max(0, min(r.most-r.underWay, r.ramp.left()))
}

// room returns an account's room, from its hold and its limits. An account that no process has registered has no bounds.
func (f *dispatch) room(account string) (*room, error) {
	k, registered, err := f.keyOf(account)
	if err != nil {
		return nil, err
	}
	if r := f.rooms[k]; r != nil {
		return r, nil
	}
	r := &room{most: math.MaxInt, calls: math.MaxInt, renew: math.MaxInt}
	if registered {
		held, err := f.holds()
		if err != nil {
			return nil, err
		}
		if r, err = f.roomOf(k, held[account]); err != nil {
			return nil, err
		}
	}
	f.rooms[k] = r
	return r, nil
}

func (f *dispatch) roomOf(k accountKey, h *schema.Hold) (*room, error) {
	r := &room{held: h.Stops(tasks.Interactive, f.Now), bulkHeld: h.InForce(f.Now), most: math.MaxInt, calls: math.MaxInt, renew: math.MaxInt}
	if r.held {
		return r, nil
	}
	limit, err := f.limitOf(k)
	if err != nil {
		return nil, err
	}
	if h != nil && !r.bulkHeld {
		r.ramp = f.rampOf(h)
	}
	if limit.concurrency > 0 {
		r.most = min(r.most, limit.concurrency)
	}
	if limit.day() == 0 && limit.rate == 0 {
		return r, nil
	}
	c, err := f.countOf(k.realm, k.appid)
	if err != nil {
		return nil, err
	}
	if left, limited := c.left(); limited { // one more finds that the day is spent, and holds the account
		r.calls, r.reserve = max(1, left), c.keptFrom(tasks.Bulk, false)
		r.renew = left - c.keptFrom(tasks.Bulk, true)
	}
	if c.rate > 0 {
		within := c.pace.within(f.Now, f.window.Lease, c.rate)
		r.calls, r.renew = min(r.calls, within), min(r.renew, within)
	}
	return r, nil
}

func (f *dispatch) rampOf(h *schema.Hold) *ramp {
	r := f.ramps[h]
	if r == nil {
		r = &ramp{most: h.Room()}
		if f.ramps == nil {
			f.ramps = map[*schema.Hold]*ramp{}
		}
		f.ramps[h] = r
	}
	return r
}
