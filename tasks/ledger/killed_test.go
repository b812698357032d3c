package ledger

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestCountsAndRowsNeverPartWhenProcessesAreKilledOnSQLite(t *testing.T) {
	t.Parallel()
	h := newSQLiteHarness(t)
	h.clock = nil // the processes have the real one
	h.Ledger = h.another()
	testKilled(h)
}

func TestCountsAndRowsNeverPartWhenProcessesAreKilledOnPostgres(t *testing.T) {
	t.Parallel()
	testKilled(openTimedHarness(t))
}

// testKilled kills processes in the middle of all that there is to do, and verifies after each kill.
func testKilled(h *harness) {
	const kills = 6
	for i := range kills {
		h.killed(20 + 61*i)
		h.clean()
	}
	c, err := h.Conservation(h.Context())
	if must(h, err); c.Missing() != 0 || c.Accepted < kills || c.Succeeded+c.Failed == 0 {
		h.Errorf("%+v, %d missing", c, c.Missing())
	}
	st, err := h.Status(h.Context())
	must(h, err)
	open := h.number("SELECT count(*) FROM uploads WHERE phase < 4")
	if n := st.Counts[tasks.Queued] + st.Counts[tasks.Running] + st.Counts[tasks.Waiting]; n != open || c.Open != open {
		h.Errorf("status says %d are open, the counts %d: there are %d", n, c.Open, open)
	}
}

// killed runs a process that works on the ledger, and kills it at one of its commits.
func (h *harness) killed(commits int) {
	h.Helper()
	c := exec.CommandContext(h.Context(), os.Args[0])
	c.Env = append(os.Environ(), beToiler+"="+h.url)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	must(h, err)
	must(h, c.Start())
	said := bufio.NewScanner(out)
	for range commits {
		if !said.Scan() {
			h.Error("it ended by itself")
			break
		}
	}
	must(h, c.Process.Kill())
	_ = c.Wait() // it was killed
}

// toilUntilKilled works with four goroutines, so that groups have more than one member, and says so before each commit.
func toilUntilKilled(url string) int {
	ctx := context.Background()
	l, err := Open(ctx, url, Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	l.d.Trace = func(query string, _ []any) {
		if query == "COMMIT" {
			fmt.Println("commit")
		}
	}
	together(4, func(i int) {
		for n := 0; ; n++ {
			if err := workMixed(ctx, l, i+10*n); err != nil {
				fmt.Fprintln(os.Stderr, "mixed work:", err)
			}
			if _, err := l.FoldCounts(ctx); err != nil {
				fmt.Fprintln(os.Stderr, "fold:", err)
			}
		}
	})
	return 0
}
