package metrics

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
)

// diary is a ledger's counts, by the minute.
type diary struct {
	now    time.Time
	counts map[time.Time]map[tasks.Tally]int
	read   map[time.Time]int // how often each minute was read
}

func (d *diary) happen(y tasks.Tally, n int) {
	minute := d.now.Truncate(time.Minute)
	if d.counts[minute] == nil {
		d.counts[minute] = map[tasks.Tally]int{}
	}
	d.counts[minute][y] += n
}

func (d *diary) TalliesBegin(context.Context) (oldest, now time.Time, err error) {
	for at := range d.counts {
		if oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
	}
	return oldest.Truncate(time.Hour), d.now, nil
}

func (d *diary) Tally(_ context.Context, since, until time.Time) ([]tasks.Tally, error) {
	var all []tasks.Tally
	for at, counts := range d.counts {
		if at.Before(since) || !at.Before(until) {
			continue
		}
		d.read[at]++
		for y, n := range counts {
			y.Count = n
			all = append(all, y)
		}
	}
	return all, nil
}

func TestTalliesReadWhatIsSettledOnce(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 11, 1, 7, 30, 10, 0, time.UTC)
	d := &diary{now: begin, counts: map[time.Time]map[tasks.Tally]int{}, read: map[time.Time]int{}}
	var y tallies
	sent, failed := tasks.Tally{Account: "shop", State: tasks.Succeeded}, tasks.Tally{Account: "crm", State: tasks.Failed, Code: tasks.Missing}
	want := map[tasks.Tally]int{}
	happen := func(what tasks.Tally, n int) {
		d.happen(what, n)
		want[what] += n
	}
	look := func(step string) {
		t.Helper()
		got, err := y.read(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step, diff)
		}
	}
	look("nothing happened")
	happen(sent, 3)
	look("in this minute")
	happen(sent, 2)
	happen(failed, 1)
	look("in the same minute")
	for range 40 {
		d.now = d.now.Add(20 * time.Second)
		happen(sent, 1)
		look("each minute")
	}
	d.now = d.now.Add(72*time.Hour + 17*time.Second)
	happen(failed, 4)
	look("after days")
	before := d.read[begin.Truncate(time.Minute)]
	look("again")
	if after := d.read[begin.Truncate(time.Minute)]; after != before {
		t.Error("a minute that is settled was read again")
	}
	d.now = begin.Add(time.Hour)
	happen(sent, 7)
	look("after the clock was set back")
	y = tallies{}
	look("by another process")
}
