package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// crashesAllowed is how many leases an upload may lose while it runs alone: the last one fails it.
const crashesAllowed = 3

// Claim takes one generation of a dispatched upload for a worker, for as long as the lease lasts. It can succeed only
// once. ErrFenced: that generation was claimed before or is not the current one, the upload has its outcome, or its
// account is held (then it is ready again, and will be dispatched when the hold is over).
func (l *Ledger) Claim(ctx context.Context, id uuid.UUID, generation int, worker string, lease time.Duration) (tasks.Claim, error) {
	var c tasks.Claim
	token, err := uuid.NewRandom()
	if err != nil {
		return c, err
	}
	err = l.work(ctx, "claim upload", id, func(t *tx) (err error) {
		c, err = t.claim(id, generation, token, worker, lease)
		return err
	})
	if err != nil {
		return tasks.Claim{}, err
	}
	l.writer.claims.begin(c.Token)
	return c, nil
}

func (t *tx) claim(id uuid.UUID, generation int, token uuid.UUID, worker string, lease time.Duration) (tasks.Claim, error) {
	r, c, err := t.candidate(id)
	if err != nil {
		return c, err
	}
	if r == nil || r.phase != schema.Dispatched || r.generation != generation {
		return c, tasks.ErrFenced
	}
	if err := r.allowed(tasks.StepClaim, false); err != nil {
		return c, err
	}
	switch may, err := t.mayStart(r); {
	case err != nil:
		return c, err
	case !may: // ready again: it is dispatched when the hold is over
		if err := t.requeue(r); err != nil {
			return c, err
		}
		return c, tasks.ErrFenced
	}
	c.Token = tasks.Token{Upload: r.id, Claim: token}
	c.Round, c.Attempts, c.Canceled = r.round, r.attempts, r.cancel
	c.Deaths = r.lost + r.crashes
	_, err = t.Exec("UPDATE uploads SET phase = 2, due_at = ?, claim_token = ?, worker = ?, alone = 0 WHERE seq = ?",
		t.Now+lease.Microseconds(), token[:], clean(worker), r.seq)
	return c, err
}

// mayStart looks at the account's hold: nothing starts while it is in force, and after it only as many as it has room for.
func (t *tx) mayStart(r *row) (bool, error) {
	held, err := t.holds()
	if err != nil || len(held) == 0 {
		return true, err
	}
	h := held[r.account]
	switch {
	case h == nil:
		return true, nil
	case h.InForce(t.Now):
		return false, nil
	}
	n := 0
	err = t.Each("SELECT account, count(*) FROM uploads WHERE phase = 2 AND due_at IS NOT NULL GROUP BY account", nil, func(s db.Scanner) error {
		var account string
		var k int
		if err := s.Scan(&account, &k); err != nil {
			return err
		}
		if held[account] == h {
			n += k
		}
		return nil
	})
	return n < h.Room(), err
}

// candidate reads and locks an upload with all that its worker needs to know; nil where there is none.
func (t *tx) candidate(id uuid.UUID) (*row, tasks.Claim, error) {
	var (
		r        row
		c        tasks.Claim
		batch    []byte
		metadata []byte
		keep     sql.NullInt64
		expires  sql.NullInt64
		found    bool
	)
	dest := append(r.dest(), &c.Producer, &c.ExternalID, &batch, &c.Account, &c.Type, &c.Source, &c.Filename, &c.CallbackURL, &metadata,
		&c.NoReuse, &c.Fix, &keep, &expires)
	found, err := t.Row("SELECT "+rowColumns+`, producer, COALESCE(external_id, ''), (SELECT b.id FROM batches b WHERE b.seq = uploads.batch),
		account, type, source, COALESCE(filename, ''), COALESCE(callback_url, ''), metadata, no_reuse, fix, keep_fresh_until, expires_by
		FROM uploads WHERE id = ?`+t.Dialect.ForUpdate, db.Args{id[:]}, dest...)
	if err != nil || !found {
		return nil, c, err
	}
	c.ID, c.Priority, c.Metadata = r.id, r.priority, metadata
	copy(c.Batch[:], batch)
	c.KeepFreshUntil, c.ExpiresBy = db.TimeOrZero(keep), db.TimeOrZero(expires)
	return &r, c, nil
}

// Renew lengthens leases. The answer names those that are lost, whose work must be dropped, and those that somebody
// asked to cancel.
func (l *Ledger) Renew(ctx context.Context, tokens []tasks.Token, lease time.Duration) (tasks.Renewal, error) {
	var got tasks.Renewal
	err := l.do(ctx, "renew leases", func(t *tx) error {
		got = tasks.Renewal{}
		for _, k := range sorted(tokens) {
			r, err := t.owned(k)
			switch {
			case errors.Is(err, tasks.ErrFenced), err == nil && r.phase != schema.Running:
				got.Lost = append(got.Lost, k)
				continue
			case err != nil:
				return err
			case r.cancel:
				got.Canceled = append(got.Canceled, k)
			}
			if _, err := t.Exec("UPDATE uploads SET due_at = ? WHERE seq = ?", t.Now+lease.Microseconds(), r.seq); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		l.writer.claims.end(got.Lost...)
	}
	return got, err
}

// Alone says that nothing else runs beside this claim now. From here on a lost lease counts as a crash of this upload's own.
func (l *Ledger) Alone(ctx context.Context, k tasks.Token) error {
	return l.do(ctx, "run alone", func(t *tx) error {
		r, err := t.owned(k)
		if err != nil {
			return err
		}
		if r.phase != schema.Running {
			return tasks.ErrFenced
		}
		_, err = t.Exec("UPDATE uploads SET alone = 1 WHERE seq = ?", r.seq)
		return err
	})
}
