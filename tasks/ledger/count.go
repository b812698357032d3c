package ledger

import (
	"cmp"
	"maps"
	"slices"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// counts is what a transaction adds to the ledger's counts. It commits with what it counts.
type counts struct {
	cells    map[cell]*sum
	balances map[string]*tasks.Conservation // by account
}

// cell is one count over time.
type cell struct {
	at      int64 // when its span began
	account string
	kind    tasks.MediaType
	what    schema.Happening
	code    tasks.Code
	errcode int
}

// sum is what is added to a cell.
type sum struct {
	n       int
	gone    int    // rounds that were pruned
	example []byte // the id of an upload; nil: keep the one there is
}

func (s *counts) cell(c cell) *sum {
	if s.cells == nil {
		s.cells = map[cell]*sum{}
	}
	n := s.cells[c]
	if n == nil {
		n = new(sum)
		s.cells[c] = n
	}
	return n
}

func (s *counts) balance(account string) *tasks.Conservation {
	if s.balances == nil {
		s.balances = map[string]*tasks.Conservation{}
	}
	b := s.balances[account]
	if b == nil {
		b = new(tasks.Conservation)
		s.balances[account] = b
	}
	return b
}

// countAccepted counts an upload that is new.
func (t *tx) countAccepted(account string, kind tasks.MediaType) {
	t.news.cell(cell{at: schema.SpanOf(t.Now, t.Now), account: account, kind: kind, what: schema.HappenedAccept}).n++
	b := t.news.balance(account)
	b.Accepted++
	b.Open++
}

// countEnded counts the end of a round, which was open.
func (t *tx) countEnded(e *ending) {
	r, c := e.row, cell{at: schema.SpanOf(t.Now, t.Now), account: e.row.account, kind: e.row.kind}
	c.what = schema.HappeningOf(schema.PhaseOf(e.state), e.result != nil && e.result.Reused)
	if e.state != tasks.Succeeded {
		why := causeOf(e.cause)
		c.code, c.errcode = why.code, why.errcode
	}
	n := t.news.cell(c)
	n.n++
	if e.state == tasks.Failed {
		n.example = r.id[:]
	}
	b := t.news.balance(r.account)
	b.Open--
	b.Ended(e.state, 1)
}

// countReopened counts that an upload which had its outcome is open again. Its ended round stays counted.
func (t *tx) countReopened(r *row) {
	b := t.news.balance(r.account)
	b.Open++
	b.Ended(r.phase.State(), -1)
}

// endedRound is a round as the counts know it.
type endedRound struct {
	at      int64
	phase   schema.Phase
	reused  bool
	code    tasks.Code
	errcode int
}

// countPruned counts that an upload is deleted, with all its rounds. The last of them is its outcome.
func (t *tx) countPruned(account string, kind tasks.MediaType, submitted int64, rounds []endedRound) {
	t.news.cell(cell{at: schema.SpanOf(submitted, t.Now), account: account, kind: kind, what: schema.HappenedAccept}).gone++
	for _, r := range rounds {
		t.news.cell(cell{schema.SpanOf(r.at, t.Now), account, kind, schema.HappeningOf(r.phase, r.reused), r.code, r.errcode}).gone++
	}
	b := t.news.balance(account)
	b.Pruned++
	b.Ended(rounds[len(rounds)-1].phase.State(), -1)
}

// keepCounts adds what was counted to the rows of a process.
func (t *tx) keepCounts(s counts, process int64) error {
	if err := t.addCells(s.cells, process); err != nil {
		return err
	}
	return t.addBalances(s.balances, process)
}

func (t *tx) addCells(cells map[cell]*sum, process int64) error {
	const (
		into = "INSERT INTO counts (at, account, type, what, code, errcode, n, gone, example, process) "
		add  = ` ON CONFLICT (at, account, type, what, code, errcode, process) DO UPDATE
			SET n = counts.n + excluded.n, gone = counts.gone + excluded.gone, example = COALESCE(excluded.example, counts.example)`
	)
	keys := slices.SortedFunc(maps.Keys(cells), compareCells)
	values := func(i int) []any {
		c := keys[i]
		s := cells[c]
		return []any{c.at, c.account, string(c.kind), int(c.what), string(c.code), c.errcode, s.n, s.gone, bytesOrNull(s.example)}
	}
	return t.addRows(len(keys), values, process,
		into+`SELECT a, b, c, d, e, f, g, h, i, ? FROM unnest(?::bigint[], ?::text[], ?::text[], ?::smallint[], ?::text[], ?::bigint[],
			?::bigint[], ?::bigint[], ?::bytea[]) AS v (a, b, c, d, e, f, g, h, i)`+add,
		into+"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"+add)
}

func (t *tx) addBalances(balances map[string]*tasks.Conservation, process int64) error {
	const (
		into = "INSERT INTO balances (account, accepted, open, succeeded, failed, canceled, pruned, process) "
		add  = ` ON CONFLICT (account, process) DO UPDATE SET accepted = balances.accepted + excluded.accepted, open = balances.open + excluded.open,
			succeeded = balances.succeeded + excluded.succeeded, failed = balances.failed + excluded.failed,
			canceled = balances.canceled + excluded.canceled, pruned = balances.pruned + excluded.pruned`
	)
	keys := slices.Sorted(maps.Keys(balances))
	values := func(i int) []any {
		b := balances[keys[i]]
		return []any{keys[i], b.Accepted, b.Open, b.Succeeded, b.Failed, b.Canceled, b.Pruned}
	}
	return t.addRows(len(keys), values, process,
		into+`SELECT a, b, c, d, e, f, g, ? FROM unnest(?::text[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[])
			AS v (a, b, c, d, e, f, g)`+add,
		into+"VALUES (?, ?, ?, ?, ?, ?, ?, ?)"+add)
}

// addRows adds n rows of a process: in one statement where each is a round trip.
func (t *tx) addRows(n int, values func(i int) []any, process int64, many, one string) error {
	if n == 0 {
		return nil
	}
	if t.Dialect.Concurrent {
		_, err := t.Exec(many, append([]any{process}, arrays(n, values)...)...)
		return err
	}
	for i := range n {
		if _, err := t.Exec(one, append(values(i), process)...); err != nil {
			return err
		}
	}
	return nil
}

func compareCells(a, b cell) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.account, b.account), cmp.Compare(a.kind, b.kind),
		cmp.Compare(a.what, b.what), cmp.Compare(a.code, b.code), cmp.Compare(a.errcode, b.errcode))
}
