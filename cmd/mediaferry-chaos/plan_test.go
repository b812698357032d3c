package main

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func testLeg() leg {
	s := settings{seed: 7, kills: 20, uploads: 1000, duration: time.Minute, ledger: "postgres", workers: 3, producers: 2, clients: 2, serves: 2}
	return s.legs()[0] // a binary of our own, so that clocks can be set
}

func TestScheduleComesFromTheSeedAlone(t *testing.T) {
	t.Parallel()
	l := testLeg()
	if diff := cmp.Diff(l.schedule(), l.schedule()); diff != "" {
		t.Errorf("the same seed makes two schedules: %s", diff)
	}
	other := l
	other.Seed++
	if cmp.Equal(l.schedule(), other.schedule()) {
		t.Error("two seeds make the same schedule")
	}
}

func TestScheduleHasAllKillsAndAllAttacks(t *testing.T) {
	t.Parallel()
	l := testLeg()
	kills, seen := 0, map[string]int{}
	for _, p := range l.schedule() {
		seen[p.Attack]++
		if findAttack(p.Attack).kill {
			kills++
		}
		if p.At >= l.Duration || p.For <= 0 {
			t.Errorf("%s strikes at %v for %v in a run of %v", p.Attack, p.At, p.For, l.Duration)
		}
	}
	if kills != l.Kills {
		t.Errorf("%d kills, want %d", kills, l.Kills)
	}
	for _, a := range attacks() {
		if a.ledger != "sqlite" && !a.kill && seen[a.name] == 0 {
			t.Errorf("%s never comes in a minute", a.name)
		}
	}
}

// A lane strikes one blow at a time.
func TestLanesDoNotOverlap(t *testing.T) {
	t.Parallel()
	l := testLeg()
	end := map[int]time.Duration{}
	for _, p := range l.schedule() {
		a := findAttack(p.Attack)
		if p.At < end[a.lane] {
			t.Errorf("%s strikes at %v, before the lane is free at %v", p.Attack, p.At, end[a.lane])
		}
		if !a.beside {
			end[a.lane] = p.At + p.For
		}
	}
}

func TestOnlyChosenAttacks(t *testing.T) {
	t.Parallel()
	for _, chosen := range [][]string{{"worker-kill", "redis-flush"}, {"redis-flush"}, {"worker-kill"}, {"receiver-500"}} {
		l := testLeg()
		l.Attacks = chosen
		made := l.schedule()
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

func TestLoad(t *testing.T) {
	t.Parallel()
	l := testLeg()
	names, contents, total, small := map[string]bool{}, map[int]int{}, 0, 0
	for n := range l.Producers + l.Clients {
		if diff := cmp.Diff(l.load(n), l.load(n)); diff != "" {
			t.Fatalf("the same seed makes two loads: %s", diff)
		}
		for _, lot := range l.load(n) {
			for _, w := range lot.Rows {
				total++
				names[w.Name] = true
				contents[w.Content]++
				if w.Account == accountSmall {
					small++
				}
				if w.Deadline != (w.Account == accountSmall) {
					t.Errorf("%s of account %s: deadline %v", w.Name, w.Account, w.Deadline)
				}
			}
		}
	}
	if total != l.Uploads || len(names) != total {
		t.Errorf("%d uploads under %d names, want %d", total, len(names), l.Uploads)
	}
	if small <= smallLimit {
		t.Errorf("%d uploads for the account that takes %d a day: its limit is never met", small, smallLimit)
	}
	if twins := total - len(contents); twins == 0 || twins > total/10 {
		t.Errorf("%d twins among %d", twins, total)
	}
}
