package ledger

import (
	"context"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// pruning remembers how far Prune has come. Prune goes on from there, so that it reads a row that must stay once in a
// pass. It lives in memory: a new process only reads more rows.
type pruning struct {
	mu    sync.Mutex
	stage int
	from  int64      // the seq that this stage has come to
	media mediaPlace // likewise
}

// Prune deletes what ended more than older ago: uploads with their rounds, attempts, events and ended deliveries, batches,
// events of accounts, media that expired, and the counts of past days. It keeps open uploads, and uploads whose media
// lives, whose batch is not complete or whose webhooks are not delivered. Each call is one small transaction of about
// limit rows. It returns the number of deleted rows, and 0 when it has been through all tables: call it until then. A
// call that breaks off loses nothing, the next one goes on.
//
// A batch is kept as long as one of its uploads is. Its counts are those of the uploads that are left.
func (l *Ledger) Prune(ctx context.Context, older time.Duration, limit int) (int, error) {
	s := &l.pruning
	s.mu.Lock()
	defer s.mu.Unlock()
	stages := []func(context.Context, time.Duration, int) (n int, done bool, err error){
		l.pruneUploads, l.pruneBatches, l.pruneEvents, l.pruneMedia, l.pruneDays,
	}
	for s.stage < len(stages) {
		n, done, err := stages[s.stage](ctx, older, max(limit, 1))
		if err != nil {
			return 0, err
		}
		if done {
			s.stage++
			s.from, s.media = 0, mediaPlace{}
		}
		if n > 0 {
			return n, nil
		}
	}
	s.stage = 0
	return 0, nil
}

// lookAhead is the number of rows that one read looks at, to find rows that may be deleted.
const lookAhead = 1000

// prunable is a table whose rows come in about the order of their age.
type prunable struct {
	table string
	began string // the column with the age of a row; a row that is too young ends the search
	mayGo func(now, cutoff int64) *db.Conditions
	// remove deletes a row and what belongs to it, and returns the number of deleted rows. done false: call it again.
	remove func(t *tx, seq int64, c *db.Conditions, limit int) (n int, done bool, err error)
}

// prune deletes up to limit rows of the next page, and reports whether that was the last page.
func (l *Ledger) prune(ctx context.Context, p prunable, older time.Duration, limit int) (int, bool, error) {
	seqs, upTo, end, err := l.prunablePage(ctx, p, older, limit)
	if err != nil {
		return 0, false, err
	}
	n := 0
	if len(seqs) > 0 {
		err = l.do(ctx, "prune "+p.table, func(t *tx) error {
			n = 0
			c := p.mayGo(t.Now, t.Now-older.Microseconds())
			for _, seq := range seqs {
				k, done, err := p.remove(t, seq, c, limit-n)
				if n += k; err != nil {
					return err
				}
				if !done {
					upTo, end = seq-1, false
					return nil
				}
			}
			return nil
		})
	}
	if err != nil {
		return 0, false, err
	}
	l.pruning.from = upTo
	return n, end, nil
}

// prunablePage finds up to limit rows that may be deleted, without locking them. upTo is the last row that it looked at. end
// reports that the other rows are too young, or that there are no others.
func (l *Ledger) prunablePage(ctx context.Context, p prunable, older time.Duration, limit int) (seqs []int64, upTo int64, end bool, err error) {
	err = l.engine.Snapshot(ctx, "prune "+p.table, func(t *db.Tx) error {
		cutoff := t.Now - older.Microseconds()
		c := p.mayGo(t.Now, cutoff)
		a := append(append(db.Args{cutoff}, c.Args...), l.pruning.from, lookAhead)
		rows, young, full := 0, false, false
		seqs, upTo = nil, l.pruning.from
		err := t.Each("SELECT x.seq, CASE WHEN x."+p.began+" > ? THEN 1 ELSE 0 END, CASE WHEN "+c.Where()+" THEN 1 ELSE 0 END FROM "+p.table+
			" x WHERE x.seq > ? ORDER BY x.seq LIMIT ?", a, func(s db.Scanner) error {
			var seq int64
			var isYoung, may bool
			if err := s.Scan(&seq, &isYoung, &may); err != nil {
				return err
			}
			rows++
			young = young || isYoung
			full = full || len(seqs) == limit
			if young || full {
				return nil
			}
			if upTo = seq; may {
				seqs = append(seqs, seq)
			}
			return nil
		})
		end = !full && (young || rows < lookAhead)
		return err
	})
	return seqs, upTo, end, err
}

// newestEvent returns the seq of the last event. That event is kept, so that seq goes on from it.
func (t *tx) newestEvent() (seq int64, err error) {
	_, err = t.Row("SELECT COALESCE(max(seq), 0) FROM events", nil, &seq)
	return seq, err
}
