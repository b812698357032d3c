package worker

import (
	"context"

	"golang.org/x/sync/semaphore"

	"github.com/mediaferry/mediaferry/tasks"
)

// lanes keeps bulk and interactive work apart: each has its own slots and its own share of the memory, so that slow
// bulk uploads can never hold all of either.
type lanes struct {
	bulk, interactive lane
	solo              solo
}

type lane struct {
	door   *semaphore.Weighted // one at a time waits for a slot, the others wait here
	slots  *semaphore.Weighted
	size   int64
	budget *budget
}

// The share of the memory that is kept for interactive uploads: an eighth, which holds the largest file that WeChat
// takes (10 MiB) from a total of 80 MiB on; a smaller total still lets one file through at a time.
const interactiveShare = 8

func newLanes(c Config) lanes {
	reserve := c.Memory / interactiveShare
	return lanes{
		bulk:        newLane(c.Slots, c.Memory-reserve),
		interactive: newLane(c.InteractiveSlots, reserve),
		solo:        solo{turn: make(chan struct{}, 1)},
	}
}

func newLane(slots int, memory int64) lane {
	return lane{door: semaphore.NewWeighted(1), slots: semaphore.NewWeighted(int64(slots)), size: int64(slots), budget: newBudget(memory)}
}

func (l *lanes) of(p tasks.Priority) *lane {
	if p == tasks.Interactive {
		return &l.interactive
	}
	return &l.bulk
}

func (l *lanes) memory(p tasks.Priority) *budget { return l.of(p).budget }

// enter takes one slot of the claim's lane. What a dead worker left behind has waited already, and the longer it is in
// here, the likelier it goes down once more: it overtakes all but one of those that wait.
func (l *lanes) enter(ctx context.Context, claim tasks.Claim) (leave func(), err error) {
	lane := l.of(claim.Priority)
	if claim.Deaths == 0 {
		if err := lane.door.Acquire(ctx, 1); err != nil {
			return nil, err
		}
		defer lane.door.Release(1)
	}
	if err := lane.slots.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	return func() { lane.slots.Release(1) }, nil
}
