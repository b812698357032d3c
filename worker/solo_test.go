package worker

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// crowd is a worker's lanes with people who note when they come in.
type crowd struct {
	t     *testing.T
	lanes lanes

	mu   sync.Mutex
	in   int
	came []string
}

// places is how many uploads of one account come into the crowd's bulk lane.
const places = 4*roomPerSlot - 4/2

func newCrowd(t *testing.T) *crowd {
	return &crowd{t: t, lanes: newLanes(Config{Slots: 4, InteractiveSlots: 2, Memory: 8 << 20})}
}

// send lets one come in by enter, stay for a while and leave. All others in the bubble are idle when it returns.
func (c *crowd) send(name string, stay time.Duration, enter func(context.Context) (func(), error)) {
	go func() {
		leave, err := enter(c.t.Context())
		if err != nil {
			c.t.Error(err)
			return
		}
		c.count(+1, name)
		<-time.After(stay)
		c.count(-1)
		leave()
	}()
	synctest.Wait()
}

func (c *crowd) count(n int, came ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in += n
	c.came = append(c.came, came...)
	if slices.Contains(came, "alone") && c.in > 1 {
		c.t.Errorf("one that is alone has %d beside it", c.in-1)
	}
}

func (c *crowd) order() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.came)
}

func (c *crowd) bulk(ctx context.Context) (func(), error) {
	return entered(c.lanes.bulk.enter(ctx, "shop", 1, false))
}

// again comes in with what a dead worker left behind.
func (c *crowd) again(ctx context.Context) (func(), error) {
	return entered(c.lanes.bulk.enter(ctx, "shop", 1, true))
}

func entered(leave func(int64), err error) (func(), error) { return func() { leave(1) }, err }

func TestWhatADeadWorkerLeftBehindOvertakes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		for i := range places + 20 {
			c.send("other", time.Duration(i+1)*time.Second, c.bulk) // so that no two leave at once
		}
		c.send("again", time.Second, c.again)
		<-time.After(5 * time.Minute)
		if at := slices.Index(c.order(), "again"); at != places {
			t.Errorf("it came in behind %d, want %d that were in", at, places)
		}
		if n := len(c.order()); n != places+21 {
			t.Errorf("%d came in, want %d", n, places+21)
		}
	})
}

func TestThoseThatRunAloneGoInARow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		c.send("first", time.Second, c.bulk)
		for range 3 {
			c.send("alone", 500*time.Millisecond, c.lanes.enterAlone)
		}
		c.send("other", time.Second, c.bulk)
		<-time.After(10 * time.Second)
		if want := []string{"first", "alone", "alone", "alone", "other"}; !slices.Equal(c.order(), want) {
			t.Errorf("they came in as %q, want %q", c.order(), want)
		}
	})
}

func TestTheFirstThatRunsAloneOvertakes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		for i := range places + 20 {
			c.send("other", time.Duration(i+1)*time.Second, c.bulk)
		}
		c.send("alone", time.Second, c.lanes.enterAlone)
		<-time.After(5 * time.Minute)
		if at := slices.Index(c.order(), "alone"); at != places {
			t.Errorf("it came in behind %d, want %d that were in", at, places)
		}
	})
}

func TestARowOfThoseThatRunAloneEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		for range 20 {
			c.send("alone", 500*time.Millisecond, c.lanes.enterAlone)
		}
		c.send("other", time.Second, c.bulk)
		<-time.After(time.Minute)
		came := c.order()
		if at := slices.Index(came, "other"); at != 4 {
			t.Errorf("the other one came in as number %d, want 4: after a row of 2 s", at)
		}
		if len(came) != 21 {
			t.Errorf("%d came in, want 21", len(came))
		}
	})
}

func TestSlotsAreNotKeptForNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		leave, err := c.lanes.enterAlone(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		given := make(chan error, 1)
		go func() {
			_, err := c.lanes.enterAlone(ctx)
			given <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-given; err == nil {
			t.Error("two are alone")
		}
		leave()
		start := time.Now()
		for range 4 {
			if _, err := c.bulk(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if waited := time.Since(start); waited != soloGap {
			t.Errorf("the others waited %v, want %v", waited, soloGap)
		}
	})
}
