package scenario

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func testRun() Run {
	return Run{Name: "postgres", Seed: 7, Ledger: "postgres", Uploads: 1000, Kills: 20, Duration: time.Minute, Workers: 3, Producers: 2, Clients: 2, Serves: 2}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	run := testRun()
	names, contents, total, small := map[string]bool{}, map[int]int{}, 0, 0
	for n := range run.Producers + run.Clients {
		if diff := cmp.Diff(run.Workload(n), run.Workload(n)); diff != "" {
			t.Fatalf("the same seed makes two workloads: %s", diff)
		}
		for _, s := range run.Workload(n) {
			for _, u := range s.Uploads {
				total++
				names[u.Name] = true
				contents[u.Content]++
				if u.Account == AccountSmall {
					small++
				}
				if u.Deadline != (u.Account == AccountSmall || u.Account == AccountSlow) {
					t.Errorf("%s of account %s: deadline %v", u.Name, u.Account, u.Deadline)
				}
			}
		}
	}
	if total != run.Uploads || len(names) != total {
		t.Errorf("%d uploads under %d names, want %d", total, len(names), run.Uploads)
	}
	if small <= SmallLimit {
		t.Errorf("%d uploads for the account that takes %d a day: its limit is never met", small, SmallLimit)
	}
	if twins := total - len(contents); twins == 0 || twins > total/10 {
		t.Errorf("%d twins among %d", twins, total)
	}
}

// A diverse run has uploads for every account and every receiver, and one producer with half of them.
func TestDiverseWorkload(t *testing.T) {
	t.Parallel()
	run := testRun()
	accounts, receivers, heavy, greedy := map[string]int{}, map[string]int{}, 0, 0
	for n := range run.AllProducers() {
		for _, s := range run.Workload(n) {
			for _, u := range s.Uploads {
				accounts[u.Account]++
				receivers[u.Receiver]++
				if u.Size == heavySize {
					heavy++
				}
				if n == 0 {
					greedy++
				}
			}
		}
	}
	for _, a := range run.Accounts() {
		if accounts[a.Name] == 0 {
			t.Errorf("account %s has no upload", a.Name)
		}
	}
	for _, name := range run.Receivers() {
		if receivers[name] == 0 {
			t.Errorf("receiver %s gets no webhook", name)
		}
	}
	if heavy == 0 || greedy != run.Uploads/2 {
		t.Errorf("%d heavy uploads, %d of the greedy producer", heavy, greedy)
	}
}
