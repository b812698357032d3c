package ledger

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

const (
	// foldAtOnce bounds one step of FoldCounts: some ten milliseconds of the writer's time.
	foldAtOnce = 500
	// folded is the number of the process that the janitor adds up into.
	folded = 0
	// hoursKept is how long counts are kept at least whose rounds were all pruned.
	hoursKept = 400 * 24 * time.Hour
)

// folding remembers up to when minutes were added up to hours: earlier ones are not read again. It lives in memory: a new
// process only reads more rows.
type folding struct {
	mu    sync.Mutex
	until int64
}

// FoldCounts adds up what the processes have counted apart, and makes hours of the minutes of two weeks ago. The counts
// of this minute stay as they are. Each call is one small transaction; it returns how many counts it took together, and 0
// when there are none left. The processes go on counting meanwhile.
func (l *Ledger) FoldCounts(ctx context.Context) (int, error) {
	l.folding.mu.Lock()
	defer l.folding.mu.Unlock()
	var taken int
	var until int64
	err := l.do(ctx, "add up counts", func(t *tx) error {
		if err := t.foldBalances(); err != nil {
			return err
		}
		apart, err := t.takeCells("process <> 0 AND at < ?", schema.SpanOf(t.Now, t.Now))
		if err != nil {
			return err
		}
		until = schema.OldestMinute(t.Now)
		old, err := t.takeCells("process = 0 AND at >= ? AND at < ? AND at % 3600000000 <> 0", l.folding.until, until)
		if old >= foldAtOnce {
			until = l.folding.until
		}
		taken = apart + old
		return err
	})
	if err != nil {
		return 0, err
	}
	l.folding.until = until
	return taken, nil
}

const cellKey = "(at, account, type, what, code, errcode, process)"

// foldBalances takes the balances of the processes. One that its process is writing to now stays for the next time.
func (t *tx) foldBalances() error {
	var sums counts
	err := t.Each(`DELETE FROM balances WHERE (account, process) IN (SELECT account, process FROM balances WHERE process <> 0 LIMIT ?`+t.Dialect.SkipLocked+`)
		RETURNING account, accepted, open, succeeded, failed, canceled, pruned`, db.Args{foldAtOnce}, func(s db.Scanner) error {
		var account string
		var c tasks.Conservation
		err := s.Scan(&account, &c.Accepted, &c.Open, &c.Succeeded, &c.Failed, &c.Canceled, &c.Pruned)
		sums.balance(account).Add(c)
		return err
	})
	if err != nil {
		return err
	}
	return t.addBalances(sums.balances, folded)
}

// takeCells deletes the rows for which a condition holds, the oldest first, and adds them to the folded ones of their spans.
func (t *tx) takeCells(condition string, a ...any) (int, error) {
	var sums counts
	n := 0
	err := t.Each("DELETE FROM counts WHERE "+cellKey+" IN (SELECT at, account, type, what, code, errcode, process FROM counts WHERE "+condition+
		" ORDER BY at LIMIT ?"+t.Dialect.SkipLocked+") RETURNING at, account, type, what, code, errcode, n, gone, example",
		append(a, foldAtOnce), func(s db.Scanner) error {
			var c cell
			var v sum
			err := s.Scan(&c.at, &c.account, &c.kind, &c.what, &c.code, &c.errcode, &v.n, &v.gone, &v.example)
			c.at = schema.SpanOf(c.at, t.Now)
			n++
			sums.cell(c).add(v)
			return err
		})
	if err != nil {
		return 0, err
	}
	return n, t.addCells(sums.cells, folded)
}

// add adds another sum of the same cell. The later upload is the better example: IDs begin with the time.
func (s *sum) add(o sum) {
	s.n += o.n
	s.gone += o.gone
	if bytes.Compare(o.example, s.example) > 0 {
		s.example = o.example
	}
}
