package attack

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
)

// Two tracks of attacks run side by side. Each makes one attack at a time, with a pause between two.
const (
	internal = iota // attacks on processes, Redis and the ledger
	external        // attacks on WeChat, the receiver and the files
	tracks
)

const (
	pauseAfter  = 400 * time.Millisecond // mean pause between two attacks of a track
	firstAttack = 500 * time.Millisecond // after the start, when uploads are running
)

// Schedule plans the attacks of a run. It spreads the kills over the whole time and leaves none out. As many other attacks
// come as there is time for, in random order: each kind once before any comes again.
func Schedule(run scenario.Run) []history.Planned {
	r := rand.New(rand.NewPCG(run.Seed, uint64(len(run.Name))))
	var all []history.Planned
	for track := range tracks {
		all = append(all, trackSchedule(run, r, track)...)
	}
	slices.SortStableFunc(all, func(a, b history.Planned) int { return int(a.At - b.At) })
	return all
}

func trackSchedule(run scenario.Run, r *rand.Rand, track int) []history.Planned {
	kills, others := eligible(run, track)
	var all []history.Planned
	var pending []*Attack
	killed := 0
	for at := firstAttack; ; {
		var a *Attack
		due := len(kills) > 0 && killed < run.Kills && float64(killed)/float64(run.Kills) <= float64(at)/float64(run.Duration)
		switch {
		case due:
			a = kills[pickWeighted(r, kills)]
			killed++
		case len(others) > 0:
			if len(pending) == 0 {
				pending = slices.Clone(others)
				r.Shuffle(len(pending), func(i, j int) { pending[i], pending[j] = pending[j], pending[i] })
			}
			a, pending = pending[0], pending[1:]
		default: // there are only kills, and none is due
			at += pauseAfter
			if at >= run.Duration {
				return all
			}
			continue
		}
		p := history.Planned{Attack: a.Name, At: at, For: a.length(run, r), Seed: r.Uint64(), Kill: a.kill, External: track == external}
		if at+p.For > run.Duration && (!a.kill || at >= run.Duration) {
			return all
		}
		all = append(all, p)
		took := p.For
		if a.background {
			took = 0
		}
		at += took + pauseAfter/2 + time.Duration(r.Int64N(int64(pauseAfter)))
	}
}

// eligible returns the attacks that a run may make on one track.
func eligible(run scenario.Run, track int) (kills, others []*Attack) {
	for _, a := range All() {
		switch {
		case a.track != track, len(run.Attacks) > 0 && !slices.Contains(run.Attacks, a.Name), a.ledger != "" && a.ledger != run.Ledger, a.needsServers && run.Serves == 0, a.NeedsClocks && !run.Clocks:
		case a.kill:
			if run.Kills > 0 {
				kills = append(kills, a)
			}
		default:
			others = append(others, a)
		}
	}
	return kills, others
}

// pickWeighted returns the index of one kill, by weight.
func pickWeighted(r *rand.Rand, list []*Attack) int {
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
