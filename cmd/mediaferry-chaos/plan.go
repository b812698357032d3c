package main

import (
	"math/rand/v2"
	"slices"
	"time"
)

// planned is one strike of the schedule, which the seed alone makes.
type planned struct {
	Attack string        `json:"attack"`
	At     time.Duration `json:"at_ns"`  // after the start
	For    time.Duration `json:"for_ns"` // until it is healed
	Seed   uint64        `json:"seed"`   // for what the attack itself leaves to chance: on whom, how
}

// Two lanes run side by side, each striking one blow at a time with time to recover in between: one hits processes
// and what they stand on, the other what they talk to.
const (
	laneBlows = iota
	laneFaults
	lanes
)

const (
	recovery  = 400 * time.Millisecond // after a strike, before the next of its lane
	firstBlow = 500 * time.Millisecond // something must be under way
)

// schedule is when what is struck. Kills are spread over the whole time and never left out; the other attacks come in
// random order, each kind once before any comes again, as many as there is time for.
func (l leg) schedule() []planned {
	r := rand.New(rand.NewPCG(l.Seed, uint64(len(l.Name))))
	var all []planned
	for lane := range lanes {
		all = append(all, l.lane(r, lane)...)
	}
	slices.SortStableFunc(all, func(a, b planned) int { return int(a.At - b.At) })
	return all
}

func (l leg) lane(r *rand.Rand, lane int) []planned {
	kills, others := l.arsenal(lane)
	var all []planned
	var bag []*attack
	killed := 0
	for at := firstBlow; ; {
		var a *attack
		due := len(kills) > 0 && killed < l.Kills && float64(killed)/float64(l.Kills) <= float64(at)/float64(l.Duration)
		switch {
		case due:
			a = kills[pickWeighted(r, kills)]
			killed++
		case len(others) > 0:
			if len(bag) == 0 {
				bag = slices.Clone(others)
				r.Shuffle(len(bag), func(i, j int) { bag[i], bag[j] = bag[j], bag[i] })
			}
			a, bag = bag[0], bag[1:]
		default: // nothing but kills, and none is due
			at += recovery
			if at >= l.Duration {
				return all
			}
			continue
		}
		p := planned{Attack: a.name, At: at, For: a.length(l, r), Seed: r.Uint64()}
		if at+p.For > l.Duration && (!a.kill || at >= l.Duration) {
			return all
		}
		all = append(all, p)
		took := p.For
		if a.beside {
			took = 0
		}
		at += took + recovery/2 + time.Duration(r.Int64N(int64(recovery)))
	}
}

// arsenal is what the leg may use in one lane.
func (l leg) arsenal(lane int) (kills, others []*attack) {
	for _, a := range attacks() {
		switch {
		case a.lane != lane, len(l.Attacks) > 0 && !slices.Contains(l.Attacks, a.name), a.ledger != "" && a.ledger != l.Ledger, a.serves && l.Serves == 0, a.clocks && !l.Clocks:
		case a.kill:
			if l.Kills > 0 {
				kills = append(kills, a)
			}
		default:
			others = append(others, a)
		}
	}
	return kills, others
}

func pickWeighted(r *rand.Rand, list []*attack) int {
	total := 0
	for _, a := range list {
		total += a.weight
	}
	n := r.IntN(total)
	for i, a := range list {
		if n -= a.weight; n < 0 {
			return i
		}
	}
	return 0
}
