package worker

import (
	"context"

	"golang.org/x/sync/semaphore"

	"github.com/mediaferry/mediaferry/tasks"
)

// lanes keeps bulk and interactive work apart, and what must be decoded from both: each has its own slots and its own
// share of the memory, so that slow or heavy uploads can never hold all of either.
type lanes struct {
	bulk, interactive lane
	fixing            fixing
	solo              solo
}

// lane is what uploads of one priority go through: a place in this worker, memory for their bytes, a slot for the call.
// They take them in this order, so that none of them waits in a circle.
type lane struct {
	door   *semaphore.Weighted // one at a time waits for a place, the others wait here
	places *semaphore.Weighted
	size   int64 // places
	budget *budget
	slots  *shares
}

const (
	// interactiveShare is the share of the memory that is kept for interactive uploads: an eighth, which holds the largest
	// file that WeChat takes (10 MiB) from a total of 80 MiB on; a smaller total still lets one file through at a time.
	interactiveShare = 8
	// spareShare is how many slots there are beyond those of the settings, for accounts that hold less than their even
	// share: a quarter. While all slots are taken by one account's slow calls, the others go on in these.
	spareShare = 4
)

func newLanes(c Config) lanes {
	reserve := c.Memory / interactiveShare
	return lanes{
		bulk:        newLane(c.Slots, c.Memory-reserve-c.Memory/bodiesShare-c.Memory/pixelsShare),
		interactive: newLane(c.InteractiveSlots, reserve),
		fixing:      newFixing(c),
		solo:        solo{turn: make(chan struct{}, 1)},
	}
}

func newLane(slots int, memory int64) lane {
	places := int64(tasks.TasksPerSlot * slots)
	return lane{
		door: semaphore.NewWeighted(1), places: semaphore.NewWeighted(places), size: places,
		budget: newBudget(memory), slots: newShares(int64(slots), max(1, int64(slots)/spareShare)),
	}
}

func (l *lanes) of(p tasks.Priority) *lane {
	if p == tasks.Interactive {
		return &l.interactive
	}
	return &l.bulk
}

// enter takes a place in the claim's lane. What a dead worker left behind has waited already, and the longer it is in
// here, the likelier it goes down once more: it overtakes all but one of those that wait.
func (l *lanes) enter(ctx context.Context, claim tasks.Claim) (leave func(), err error) {
	lane := l.of(claim.Priority)
	if claim.Deaths == 0 {
		if err := lane.door.Acquire(ctx, 1); err != nil {
			return nil, err
		}
		defer lane.door.Release(1)
	}
	if err := lane.places.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	return func() { lane.places.Release(1) }, nil
}
