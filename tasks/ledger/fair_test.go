package ledger

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// crowdRows is SQL that adds n uploads of a batch behind the ledger's back.
func crowdRows(d *db.Dialect, n int, phase schema.Phase, batch int, account, due string) string {
	numbers := fmt.Sprintf("(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n)", n)
	id := fmt.Sprintf("CAST(printf('%%08d%%08d', %d, i) AS BLOB)", batch)
	if d.Concurrent {
		numbers = fmt.Sprintf("generate_series(1, %d) AS i", n)
		id = fmt.Sprintf("decode(lpad(to_hex(%d), 16, '0') || lpad(to_hex(i), 16, '0'), 'hex')", batch)
	}
	return fmt.Sprintf(`INSERT INTO uploads (id, phase, priority, batch, submitted_at, due_at, digest, producer, account, type, source)
		SELECT %s, %d, 0, %d, 0, %s, '', 'crm', '%s', 'image', 'x.jpg' FROM %s;`, id, phase, batch, due, account, numbers)
}

func TestABacklogHoldsNobodyUpOnSQLite(t *testing.T) {
	t.Parallel()
	testABacklogHoldsNobodyUp(openSQLiteHarness(t))
}

func TestABacklogHoldsNobodyUpOnPostgres(t *testing.T) {
	t.Parallel()
	testABacklogHoldsNobodyUp(openUnusedHarness(t))
}

// A backlog of one account, a million rows in full size, fills the window. Then ten accounts submit three uploads each,
// and the first account an urgent one. A worker that takes from the belt what lies first starts the urgent one at once, what lay there already,
// and then one of each account, before anybody has a second turn.
func testABacklogHoldsNobodyUp(h *harness) {
	const accounts, each = 10, 3
	backlog := taskstest.Size(1_000_000)
	w := tasks.Window{Bulk: 20, Interactive: 5}
	b := h.batch(tasks.Batch{})
	seq := h.number("SELECT seq FROM batches")
	must(h, h.Close())
	ledgertest.Fill(h, h.url, crowdRows(h.d, backlog, schema.Ready, seq, "big", "NULL")+fmt.Sprintf("UPDATE batches SET total = %d, open = %[1]d WHERE seq = %d;", backlog, seq))
	h.Ledger = h.another()
	if n := h.number("SELECT max(seq) FROM uploads"); n != backlog {
		h.Fatalf("%d uploads are ahead, want %d", n, backlog)
	}

	c := &carrier{h: h, started: map[string][]uuid.UUID{}}
	c.put(w)
	submitted := map[string][]uuid.UUID{}
	for range each {
		for i := range accounts {
			a := fmt.Sprint("a", i)
			submitted[a] = append(submitted[a], h.submit(1, of(a))...)
		}
	}
	submitted["urgent"] = h.submit(1, of("big"), urgent)
	c.put(w)
	for range 1 + w.Bulk + 2*accounts*each {
		c.start()
		c.put(w)
	}

	want := append([]string{"urgent"}, slices.Repeat([]string{"big"}, w.Bulk)...)
	for i := range accounts {
		want = append(want, fmt.Sprint("a", i))
	}
	same(h, "who starts", c.order[:len(want)], want)
	big := c.started["big"]
	delete(c.started, "big")
	same(h, "what starts of each account", c.started, submitted)
	if !slices.IsSortedFunc(big, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }) || len(big) <= w.Bulk {
		h.Errorf("of the backlog start %v", big)
	}
	if got := value(h, h.Batch)(h.Context(), b.ID).Counts; got.Failed != len(big) || got.Open != backlog-len(big) {
		h.Errorf("%d of the batch have ended, and it counts %+v", len(big), got)
	}
}

// carrier is a belt and its one worker: interactive work goes first, the rest in the order in which it came.
type carrier struct {
	h       *harness
	belt    []sent
	order   []string // of starts, by account
	started map[string][]uuid.UUID
}

// put fills the window.
func (c *carrier) put(w tasks.Window) {
	c.h.Helper()
	c.belt = append(c.belt, c.h.fill(w)...)
	slices.SortStableFunc(c.belt, func(a, b sent) int { return int(b.Priority) - int(a.Priority) })
}

// start takes what lies first on the belt, and brings it to its outcome.
func (c *carrier) start() {
	c.h.Helper()
	d := c.belt[0]
	c.belt = c.belt[1:]
	claim := c.h.claimed(d)
	who := claim.Account
	if claim.Priority == tasks.Interactive {
		who = "urgent"
	}
	c.order = append(c.order, who)
	c.started[who] = append(c.started[who], d.ID)
	must(c.h, c.h.Finish(c.h.Context(), claim.Token, failure(tasks.Unsupported)))
}
