package check

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// starveLimit is how long an account, a producer or a receiver may get nothing while it has work and room.
const starveLimit = 10 * time.Second

// checkStarved: while others get something, every account, producer and receiver that has work and room gets something
// too. A hold, a rate, a daily limit or an attack explains a wait.
func checkStarved(r *Records) {
	if r.Run.Uniform || r.Run.Untimed || r.start.IsZero() {
		return
	}
	accounts, producers := r.uploadParties()
	for _, all := range [][]*party{accounts, producers, r.receiverParties()} {
		for _, p := range all {
			if from, waited := p.starved(all); waited > 0 {
				at := r.start.Add(time.Duration(from) * tick)
				r.add(Starved, uuid.Nil, "%s got nothing for %v after %s, though it had work and room, and others got something",
					p.name, waited, at.Local().Format(TimeFormat))
			}
		}
	}
}

// party is an account, a producer or a receiver.
type party struct {
	name  string
	limit time.Duration
	work  ticks // its uploads or deliveries that are open and have room
	ready ticks // those of them that no attack holds up
	got   ticks // what was done for it
}

func (r *Records) newParty(name string, limit time.Duration) *party {
	return &party{name: name, limit: limit, work: r.newTicks(), ready: r.newTicks(), got: r.newTicks()}
}

// starved returns from which tick on the party got nothing, and for how long, if that was too long. It counts the time in
// which the party had ready work and another party got something within a second. It stops to count while an attack
// explains the wait, and begins anew when the party gets something or has neither work nor room.
func (p *party) starved(all []*party) (from int, waited time.Duration) {
	const second = int(time.Second / tick)
	active := -second - 1 // the last tick in which another party got something
	var counted time.Duration
	for i := range p.work {
		if slices.ContainsFunc(all, func(other *party) bool { return other != p && other.got[i] > 0 }) {
			active = i
		}
		switch {
		case p.got[i] > 0, p.work[i] == 0:
			from, counted = i+1, 0
		case p.ready[i] > 0 && i-active <= second:
			counted += tick
		}
		if counted >= p.limit {
			return from, time.Duration(i+1-from) * tick
		}
	}
	return 0, 0
}
