//go:build planted

// Package planted is a worker with a bug of your choice, to see whether the checker finds it.
//
// A new bug gets a constant, a place in Bugs, the code that makes it, and a case in TestPlantedBugsAreFound. Bugs of the
// ledger are in ledger.go, bugs of dispatch in belt.go, bugs of the worker itself in worker.go.
package planted

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/wait"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
)

// The bugs that a worker can have. Systems of this kind are known to have them. A checker that misses one of them proves
// nothing about the product.
const (
	None         = "none"          // no bug, to compare with
	NoFence      = "no-fence"      // a late worker overwrites the outcome of another
	SplitOutbox  = "split-outbox"  // outcome and event are two transactions, with a crash in between
	EarlyBatch   = "early-batch"   // a batch counts an outcome twice
	LostDispatch = "lost-dispatch" // some uploads are marked as dispatched and never put on the belt
	DoubleClaim  = "double-claim"  // a repeated task gets the claim as well
	Starve       = "starve"        // one account gets nothing while others have uploads

	ForgottenRest  = "forgotten-rest"  // of a chunk only the first upload is claimed, and the others count as claimed too
	NeighbourToken = "neighbour-token" // an outcome is sometimes written under the token of another upload
)

// Bugs lists all bugs.
var Bugs = []string{None, NoFence, SplitOutbox, EarlyBatch, LostDispatch, DoubleClaim, Starve, ForgottenRest, NeighbourToken} //nolint:gochecknoglobals // a constant in all but name

// ledgerWithBug is an SQLite ledger with a bug. It writes into the ledger's file what the ledger itself would refuse.
type ledgerWithBug struct {
	*ledger.Ledger
	bug    string
	lease  time.Duration // of a claim in the ledger
	db     *sql.DB
	chance *atomic.Int64
	live   sync.Map // the tokens of claims that are not over, for NeighbourToken
}

func openLedger(ctx context.Context, url, bug string, lease time.Duration) (*ledgerWithBug, error) {
	l, err := ledger.Open(ctx, url, ledger.Options{})
	if err != nil {
		return nil, err
	}
	if bug == NoFence {
		lease /= 2 // so that more claims are taken over in a short run
	}
	path := strings.TrimPrefix(url, "sqlite:")
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	return &ledgerWithBug{Ledger: l, bug: bug, lease: lease, db: db, chance: new(atomic.Int64)}, nil
}

// every reports true in one of n calls.
func (b *ledgerWithBug) every(n int64) bool { return b.chance.Add(1)%n == 0 }

// belief is how long the worker believes its lease to be. Without a fence it goes on long after the real lease.
func (b *ledgerWithBug) belief() time.Duration {
	if b.bug == NoFence {
		return 20 * b.lease
	}
	return b.lease
}

// secondHand marks the generation of a repeated task.
const secondHand = 1 << 20

// Claim implements worker.Claims.
func (b *ledgerWithBug) Claim(ctx context.Context, bids []tasks.Bid, worker string, _ time.Duration) ([]tasks.Claim, error) {
	if bids[0].Generation < secondHand {
		if b.bug == ForgottenRest {
			bids = bids[:1]
		}
		claims, err := b.Ledger.Claim(ctx, bids, worker, b.lease)
		for _, c := range claims {
			b.live.Store(c.Token, true)
		}
		return claims, err
	}
	var claims []tasks.Claim
	for _, bid := range bids {
		c, err := b.claimAgain(ctx, bid.Upload)
		if errors.Is(err, tasks.ErrFenced) {
			continue
		}
		if err != nil {
			return nil, err
		}
		claims = append(claims, c)
	}
	return claims, nil
}

// claimAgain returns the claim that another worker has.
func (b *ledgerWithBug) claimAgain(ctx context.Context, id uuid.UUID) (tasks.Claim, error) {
	for range 100 {
		var token []byte
		err := b.db.QueryRowContext(ctx, "SELECT token FROM runs WHERE token IS NOT NULL AND upload = (SELECT seq FROM uploads WHERE id = ?)", id[:]).Scan(&token)
		if err == nil {
			o, err := b.Outcome(ctx, id)
			u := tasks.Upload{ID: id, Producer: o.Producer, ExternalID: o.ExternalID, Batch: o.Batch, Account: o.Account, Type: o.Type, Source: o.Source, NoReuse: true}
			return tasks.Claim{Upload: u, Token: tasks.Token{Upload: id, Claim: uuid.UUID(token)}, Round: o.Round, Attempts: o.Attempts}, err
		}
		if err := wait.Sleep(ctx, 5*time.Millisecond); err != nil {
			return tasks.Claim{}, err
		}
	}
	return tasks.Claim{}, tasks.ErrFenced
}

// Renew implements worker.Claims.
func (b *ledgerWithBug) Renew(ctx context.Context, tokens []tasks.Token, _ time.Duration) (tasks.Renewal, error) {
	r, err := b.Ledger.Renew(ctx, tokens, b.lease)
	if b.bug == NoFence {
		r.Lost = nil
	}
	return r, err
}

// Finish implements worker.Outcomes.
func (b *ledgerWithBug) Finish(ctx context.Context, k tasks.Token, r tasks.Result) error {
	switch {
	case b.bug == SplitOutbox && b.every(60):
		if err := b.outcomeOnly(ctx, k, r); err != nil {
			return err
		}
		os.Exit(1) // before the second transaction
	case b.bug == EarlyBatch && b.every(20):
		if err := b.countTwice(ctx, k.Upload); err != nil {
			return err
		}
	case b.bug == NeighbourToken && b.every(20):
		k = b.neighbour(k)
	}
	b.live.Delete(k)
	err := b.Ledger.Finish(ctx, k, r)
	if b.bug == NoFence && errors.Is(err, tasks.ErrFenced) && r.State == tasks.Succeeded {
		return b.overwrite(ctx, k, r)
	}
	return err
}

// neighbour returns the token of another upload under way, and k if there is none.
func (b *ledgerWithBug) neighbour(k tasks.Token) tasks.Token {
	found := k
	b.live.Range(func(token, _ any) bool {
		found = token.(tasks.Token)
		return found == k
	})
	return found
}

func (b *ledgerWithBug) overwrite(ctx context.Context, k tasks.Token, r tasks.Result) error {
	_, err := b.db.ExecContext(ctx, "UPDATE uploads SET media_id = ?, sha256 = ?, claim_token = ? WHERE id = ? AND phase >= 4",
		r.Media.ID, r.Key.Hash[:], k.Claim[:], k.Upload[:])
	return err
}

func (b *ledgerWithBug) outcomeOnly(ctx context.Context, k tasks.Token, r tasks.Result) error {
	phase := map[tasks.State]int{tasks.Succeeded: 4, tasks.Failed: 5, tasks.Canceled: 6}[r.State]
	_, err := b.db.ExecContext(ctx, `UPDATE uploads SET phase = ?, due_at = NULL, claim_token = ?, media_id = ?, sha256 = ?, finished_at = ? WHERE id = ?
		AND EXISTS (SELECT 1 FROM runs WHERE upload = seq AND token = ?)`,
		phase, k.Claim[:], r.Media.ID, r.Key.Hash[:], time.Now().UnixMicro(), k.Upload[:], k.Claim[:])
	if err == nil {
		_, err = b.db.ExecContext(ctx, "DELETE FROM runs WHERE token = ?", k.Claim[:])
	}
	return err
}

func (b *ledgerWithBug) countTwice(ctx context.Context, id uuid.UUID) error {
	_, err := b.db.ExecContext(ctx, "UPDATE batches SET open = open - 1 WHERE sealed = 1 AND open > 1 AND seq = (SELECT batch FROM uploads WHERE id = ?)", id[:])
	return err
}

// Dispatch implements enqueue.Shelf.
func (b *ledgerWithBug) Dispatch(ctx context.Context, w tasks.Window) ([]tasks.Chunk, error) {
	chunks, err := b.Ledger.Dispatch(ctx, w)
	if b.bug != LostDispatch {
		return chunks, err
	}
	kept := chunks[:0]
	for _, c := range chunks {
		if !b.every(40) {
			kept = append(kept, c)
		}
	}
	return kept, err
}

// OnBelt implements enqueue.Shelf. A ledger that loses uploads does not search for them.
func (b *ledgerWithBug) OnBelt(ctx context.Context, olderThan time.Duration, limit int) ([]tasks.Chunk, error) {
	if b.bug == LostDispatch || b.bug == ForgottenRest {
		return nil, nil
	}
	return b.Ledger.OnBelt(ctx, olderThan, limit)
}
