package attack

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
)

func testRun() scenario.Run {
	return scenario.Run{
		Name: "postgres", Seed: 7, Ledger: "postgres", Uploads: 1000, Kills: 20, Duration: time.Minute,
		Workers: 3, Producers: 2, Clients: 2, Serves: 2, Lease: scenario.ShortLease, Clocks: true,
	}
}

func TestScheduleComesFromTheSeedAlone(t *testing.T) {
	t.Parallel()
	run := testRun()
	if diff := cmp.Diff(Schedule(run), Schedule(run)); diff != "" {
		t.Errorf("the same seed makes two schedules: %s", diff)
	}
	other := run
	other.Seed++
	if cmp.Equal(Schedule(run), Schedule(other)) {
		t.Error("two seeds make the same schedule")
	}
}

func TestScheduleHasAllKillsAndAllAttacks(t *testing.T) {
	t.Parallel()
	run := testRun()
	kills, seen := 0, map[string]int{}
	for _, p := range Schedule(run) {
		seen[p.Attack]++
		if Find(p.Attack).kill {
			kills++
		}
		if p.At >= run.Duration || p.For <= 0 {
			t.Errorf("%s comes at %v for %v in a run of %v", p.Attack, p.At, p.For, run.Duration)
		}
	}
	if kills != run.Kills {
		t.Errorf("%d kills, want %d", kills, run.Kills)
	}
	for _, a := range All() {
		if a.ledger != "sqlite" && !a.kill && seen[a.Name] == 0 {
			t.Errorf("%s never comes in a minute", a.Name)
		}
	}
}

// A track makes one attack at a time.
func TestTracksDoNotOverlap(t *testing.T) {
	t.Parallel()
	run := testRun()
	end := map[int]time.Duration{}
	for _, p := range Schedule(run) {
		a := Find(p.Attack)
		if p.At < end[a.track] {
			t.Errorf("%s comes at %v, before its track is free at %v", p.Attack, p.At, end[a.track])
		}
		if !a.background {
			end[a.track] = p.At + p.For
		}
	}
}

func TestOnlyChosenAttacks(t *testing.T) {
	t.Parallel()
	for _, chosen := range [][]string{{"worker-kill", "redis-flush"}, {"redis-flush"}, {"worker-kill"}, {"receiver-500"}} {
		run := testRun()
		run.Attacks = chosen
		made := Schedule(run)
		if len(made) == 0 {
			t.Errorf("%v: nothing is planned", chosen)
		}
		for _, p := range made {
			if !slices.Contains(chosen, p.Attack) {
				t.Errorf("%s was not asked for", p.Attack)
			}
		}
	}
}
