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

// lane is what uploads of one priority go through: room in this worker, memory for their bytes, a slot for the call. They
// take them in this order, so that none of them waits in a circle. A chunk takes room for all of its uploads before they are
// claimed; each of them then takes memory and a slot of its own.
type lane struct {
	rooms  *shares             // an account that holds most of it leaves some to the others
	door   *semaphore.Weighted // one chunk at a time waits for places, the others wait here
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
	places, kept := int64(roomPerSlot*slots), max(1, int64(slots)/2)
	return lane{
		rooms: newShares(places-kept, kept), door: semaphore.NewWeighted(1), places: semaphore.NewWeighted(places), size: places,
		budget: newBudget(memory), slots: newShares(int64(slots), max(1, int64(slots)/spareShare)),
	}
}

func (l *lanes) of(p tasks.Priority) *lane {
	if p == tasks.Interactive {
		return &l.interactive
	}
	return &l.bulk
}

// enter takes places for n uploads of an account. What a dead worker left behind has waited already, and the longer it is
// in here, the likelier it goes down once more: it overtakes all but one chunk of those that wait.
func (l *lane) enter(ctx context.Context, account string, n int64, orphan bool) (leave func(n int64), err error) {
	if orphan {
		return l.places.Release, l.places.Acquire(ctx, n)
	}
	if _, err := l.rooms.take(ctx, account, n); err != nil {
		return nil, err
	}
	if err := l.through(ctx, n); err != nil {
		l.rooms.give(account, n)
		return nil, err
	}
	return func(n int64) {
		l.places.Release(n)
		l.rooms.give(account, n)
	}, nil
}

// through waits while an upload is alone in this worker, or waits to be.
func (l *lane) through(ctx context.Context, n int64) error {
	if err := l.door.Acquire(ctx, 1); err != nil {
		return err
	}
	defer l.door.Release(1)
	return l.places.Acquire(ctx, n)
}

// drain refuses all that wait for something here, and all that come.
func (l *lanes) drain() {
	for _, lane := range []*lane{&l.bulk, &l.interactive} {
		lane.rooms.shut()
		lane.budget.free.shut()
		lane.slots.shut()
	}
}
