//go:build planted

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
)

// The bugs that a worker can be told to have. Each is one that such systems are known to have; a checker that passes
// them proves nothing by passing the product.
const (
	bugNone         = "none"          // no bug at all, to compare with
	bugNoFence      = "no-fence"      // a late worker writes its outcome over another's
	bugSplitOutbox  = "split-outbox"  // outcome and event in two transactions, and a crash in between
	bugEarlyBatch   = "early-batch"   // a batch counts an outcome twice
	bugLostDispatch = "lost-dispatch" // some uploads are marked as on the belt and never put there
	bugDoubleClaim  = "double-claim"  // a repeated task gets the claim as well
)

var plantedBugs = []string{bugNone, bugNoFence, bugSplitOutbox, bugEarlyBatch, bugLostDispatch, bugDoubleClaim} //nolint:gochecknoglobals // a constant in all but name

// buggy is an SQLite ledger as a worker with a planted bug sees it. What the real one would refuse to do is written
// into its file behind its back.
type buggy struct {
	*ledger.Ledger
	bug    string
	lease  time.Duration // what the ledger grants
	db     *sql.DB
	chance *atomic.Int64
}

func openBuggy(ctx context.Context, url, bug string, lease time.Duration) (*buggy, error) {
	l, err := ledger.Open(ctx, url, ledger.Options{})
	if err != nil {
		return nil, err
	}
	if bug == bugNoFence {
		lease /= 2 // more is taken over in a short run
	}
	path := strings.TrimPrefix(url, "sqlite:")
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	return &buggy{Ledger: l, bug: bug, lease: lease, db: db, chance: new(atomic.Int64)}, nil
}

// every reports true once in n calls.
func (b *buggy) every(n int64) bool { return b.chance.Add(1)%n == 0 }

// belief is how long a worker thinks its lease is: without a fence it does not ask.
func (b *buggy) belief() time.Duration {
	if b.bug == bugNoFence {
		return 20 * b.lease
	}
	return b.lease
}

// secondHand marks the generation of a repeated task.
const secondHand = 1 << 20

// Claim implements worker.Claims.
func (b *buggy) Claim(ctx context.Context, id uuid.UUID, generation int, worker string, _ time.Duration) (tasks.Claim, error) {
	if generation >= secondHand {
		return b.claimAgain(ctx, id)
	}
	return b.Ledger.Claim(ctx, id, generation, worker, b.lease)
}

// claimAgain gives out the claim that somebody else has.
func (b *buggy) claimAgain(ctx context.Context, id uuid.UUID) (tasks.Claim, error) {
	for range 100 {
		var token []byte
		err := b.db.QueryRowContext(ctx, "SELECT claim_token FROM uploads WHERE id = ? AND phase = 2", id[:]).Scan(&token)
		if err == nil {
			o, err := b.Outcome(ctx, id)
			u := tasks.Upload{ID: id, Producer: o.Producer, ExternalID: o.ExternalID, Batch: o.Batch, Account: o.Account, Type: o.Type, Source: o.Source, NoReuse: true}
			return tasks.Claim{Upload: u, Token: tasks.Token{Upload: id, Claim: uuid.UUID(token)}, Round: o.Round, Attempts: o.Attempts}, err
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return tasks.Claim{}, err
		}
	}
	return tasks.Claim{}, tasks.ErrFenced
}

// Renew implements worker.Claims.
func (b *buggy) Renew(ctx context.Context, tokens []tasks.Token, _ time.Duration) (tasks.Renewal, error) {
	r, err := b.Ledger.Renew(ctx, tokens, b.lease)
	if b.bug == bugNoFence {
		r.Lost = nil
	}
	return r, err
}

// Finish implements worker.Outcomes.
func (b *buggy) Finish(ctx context.Context, k tasks.Token, r tasks.Result) error {
	switch {
	case b.bug == bugSplitOutbox && b.every(60):
		if err := b.outcomeOnly(ctx, k, r); err != nil {
			return err
		}
		os.Exit(1) // where the second transaction would have come
	case b.bug == bugEarlyBatch && b.every(20):
		if err := b.countTwice(ctx, k.Upload); err != nil {
			return err
		}
	}
	err := b.Ledger.Finish(ctx, k, r)
	if b.bug == bugNoFence && errors.Is(err, tasks.ErrFenced) && r.State == tasks.Succeeded {
		return b.overwrite(ctx, k, r)
	}
	return err
}

func (b *buggy) overwrite(ctx context.Context, k tasks.Token, r tasks.Result) error {
	_, err := b.db.ExecContext(ctx, "UPDATE uploads SET media_id = ?, sha256 = ?, claim_token = ? WHERE id = ? AND phase >= 4",
		r.Media.ID, r.Key.Hash[:], k.Claim[:], k.Upload[:])
	return err
}

func (b *buggy) outcomeOnly(ctx context.Context, k tasks.Token, r tasks.Result) error {
	phase := map[tasks.State]int{tasks.Succeeded: 4, tasks.Failed: 5, tasks.Canceled: 6}[r.State]
	_, err := b.db.ExecContext(ctx, "UPDATE uploads SET phase = ?, due_at = NULL, media_id = ?, sha256 = ?, finished_at = ? WHERE id = ? AND claim_token = ?",
		phase, r.Media.ID, r.Key.Hash[:], time.Now().UnixMicro(), k.Upload[:], k.Claim[:])
	return err
}

func (b *buggy) countTwice(ctx context.Context, id uuid.UUID) error {
	_, err := b.db.ExecContext(ctx, "UPDATE batches SET open = open - 1 WHERE sealed = 1 AND open > 1 AND seq = (SELECT batch FROM uploads WHERE id = ?)", id[:])
	return err
}

// Dispatch implements enqueue.Shelf.
func (b *buggy) Dispatch(ctx context.Context, w tasks.Window) ([]tasks.Dispatch, error) {
	ds, err := b.Ledger.Dispatch(ctx, w)
	if b.bug != bugLostDispatch {
		return ds, err
	}
	kept := ds[:0]
	for _, d := range ds {
		if !b.every(40) {
			kept = append(kept, d)
		}
	}
	return kept, err
}

// OnBelt implements enqueue.Shelf: who loses uploads does not look for them either.
func (b *buggy) OnBelt(ctx context.Context, olderThan time.Duration, limit int) ([]tasks.Dispatch, error) {
	if b.bug == bugLostDispatch {
		return nil, nil
	}
	return b.Ledger.OnBelt(ctx, olderThan, limit)
}

// buggyBelt brings every fourth task twice.
type buggyBelt struct {
	*enqueue.Belt
	bug string
}

// Put implements enqueue.Conveyor.
func (b buggyBelt) Put(ctx context.Context, ledger uuid.UUID, ds []tasks.Dispatch) ([]tasks.Dispatch, error) {
	if b.bug == bugDoubleClaim {
		var again []tasks.Dispatch
		for _, d := range ds {
			if rand.IntN(4) == 0 {
				d.Generation += secondHand
				again = append(again, d)
			}
		}
		if _, err := b.Belt.Put(ctx, ledger, again); err != nil {
			return ds, fmt.Errorf("put again: %w", err)
		}
	}
	return b.Belt.Put(ctx, ledger, ds)
}
