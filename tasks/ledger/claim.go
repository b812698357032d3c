package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// crashesAllowed is the number of leases that an upload may lose while it runs alone. The last one fails it.
const crashesAllowed = 3

// Claim claims runs for a worker, for the time of the lease. Each run can be claimed once, by the token that the worker
// minted for it. A bid that is repeated with the same token gets the same claim again.
//
// Runs without a claim in the answer were refused: the run was claimed before or is not the current one, the upload has
// its outcome, or its account is held. The upload of a held account is ready again, and is dispatched after the hold.
func (l *Ledger) Claim(ctx context.Context, bids []tasks.Bid, worker string, lease time.Duration) ([]tasks.Claim, error) {
	if len(bids) == 0 {
		return nil, nil
	}
	var claims []tasks.Claim
	err := l.work(ctx, "claim uploads", bids[0].Upload, func(t *tx) (err error) {
		claims, err = t.claim(bids, worker, t.Now+lease.Microseconds())
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, c := range claims {
		l.writer.claims.begin(c.Token)
	}
	return claims, nil
}

func (t *tx) claim(bids []tasks.Bid, worker string, until int64) ([]tasks.Claim, error) {
	found, err := t.candidates(bids)
	if err != nil {
		return nil, err
	}
	claims := make([]tasks.Claim, 0, len(bids))
	var taken []*candidate
	for i := range bids {
		b := &bids[i]
		c := found[b.Upload]
		if c == nil || c.generation != b.Generation || (c.token != nil && !bytes.Equal(c.token, b.Token[:])) {
			continue
		}
		if c.token == nil {
			switch may, err := t.mayStart(c.claim.Account, c.startsAs()); {
			case err != nil:
				return nil, err
			case !may: // ready again: it is dispatched when the hold is over
				if err := t.giveUp(c); err != nil {
					return nil, err
				}
				continue
			}
		}
		c.token = b.Token[:]
		if c.generation == 1 {
			c.claim.Waited = max(0, time.Duration(t.Now-c.submitted)*time.Microsecond)
		}
		c.claim.Token = tasks.Token{Upload: b.Upload, Claim: b.Token}
		claims, taken = append(claims, c.claim), append(taken, c)
	}
	return claims, t.takeRuns(taken, clean(worker), until)
}

// candidate is a run with all that its worker needs to know.
type candidate struct {
	seq        int64
	generation int
	token      []byte
	submitted  int64
	claim      tasks.Claim
}

// startsAs is the priority by which holds judge the run.
func (c *candidate) startsAs() tasks.Priority {
	if c.claim.Producer == theLedger {
		return tasks.Interactive
	}
	return c.claim.Priority
}

const candidateColumns = `u.seq, r.generation, r.token, u.id, u.round, u.attempts, u.cancel_requested, u.lost_leases + u.crashes, u.priority, u.producer,
	COALESCE(u.external_id, ''), (SELECT b.id FROM batches b WHERE b.seq = u.batch), u.account, u.type, u.source, COALESCE(u.filename, ''),
	COALESCE(u.callback_url, ''), u.metadata, u.no_reuse, u.fix, u.keep_fresh_until, u.expires_by, u.read_hash, COALESCE(u.identity, ''),
	COALESCE(u.granted, ''), u.submitted_at, u.wants,
	COALESCE((SELECT k.producer FROM kept k WHERE k.seq = u.renews), '') FROM runs r JOIN uploads u ON u.seq = r.upload WHERE `

// candidates reads and locks the runs of these uploads. It does not lock the uploads: whatever ends an upload deletes its
// run.
func (t *tx) candidates(bids []tasks.Bid) (map[uuid.UUID]*candidate, error) {
	found := make(map[uuid.UUID]*candidate, len(bids))
	scan := func(s db.Scanner) error {
		c := new(candidate)
		err := c.scan(s)
		found[c.claim.ID] = c
		return err
	}
	ids := make([]uuid.UUID, len(bids))
	for i, b := range bids {
		ids[i] = b.Upload
	}
	if t.Dialect.Concurrent {
		err := t.Each("SELECT "+candidateColumns+"u.id = ANY(?) ORDER BY r.upload FOR UPDATE OF r", db.Args{keysOf(ids)}, scan)
		return found, err
	}
	for some := range slices.Chunk(ids, sqliteRows) {
		if err := t.Each("SELECT "+candidateColumns+"u.id IN "+list(len(some)), idValues(some), scan); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (c *candidate) scan(s db.Scanner) error {
	var batch, metadata, hash, wants []byte
	var keep, expires sql.NullInt64
	u := &c.claim
	err := s.Scan(&c.seq, &c.generation, &c.token, &u.ID, &u.Round, &u.Attempts, &u.Canceled, &u.Deaths, &u.Priority, &u.Producer,
		&u.ExternalID, &batch, &u.Account, &u.Type, &u.Source, &u.Filename,
		&u.CallbackURL, &metadata, &u.NoReuse, &u.Fix, &keep, &expires, &hash, &u.Known.Identity,
		&u.Granted, &c.submitted, &wants, &u.Keeper)
	u.Metadata = metadata
	copy(u.Batch[:], batch)
	copy(u.Known.Hash[:], hash)
	copy(u.Wants[:], wants)
	u.KeepFreshUntil, u.ExpiresBy = db.TimeOrZero(keep), db.TimeOrZero(expires)
	return err
}

// takeRuns writes the worker and the lease of the runs.
func (t *tx) takeRuns(cs []*candidate, worker string, until int64) error {
	if len(cs) == 0 {
		return nil
	}
	for some := range slices.Chunk(cs, t.blocks(len(cs))) {
		from, args := t.table([]string{"s", "t"}, []string{"bigint", "bytea"}, len(some), func(i int) []any { return []any{some[i].seq, some[i].token} })
		if _, err := t.Exec("UPDATE runs SET token = v.t, worker = ?, lease_until = ? FROM "+from+" WHERE upload = v.s", append(db.Args{worker, until}, args...)...); err != nil {
			return err
		}
	}
	return nil
}

// giveUp makes the upload of an unclaimed run ready again.
func (t *tx) giveUp(c *candidate) error {
	if _, err := t.Exec("DELETE FROM runs WHERE upload = ?", c.seq); err != nil {
		return err
	}
	_, err := t.Exec("UPDATE uploads SET phase = 0 WHERE phase = 1 AND seq = ?", c.seq)
	return err
}

// mayStart reports whether the account's hold allows one more upload to start, and counts it. During the hold nothing
// starts; after it the ramp bounds what runs at once.
func (t *tx) mayStart(account string, p tasks.Priority) (bool, error) {
	held, err := t.holds()
	if err != nil || held[account] == nil {
		return true, err
	}
	h := held[account]
	if h.Stops(p, t.Now) {
		return false, nil
	}
	if h.InForce(t.Now) { // for others
		return true, nil
	}
	if t.started == nil {
		t.started = map[string]int{}
		err := t.Each("SELECT account, count(*) FROM runs WHERE token IS NOT NULL GROUP BY account", nil, func(s db.Scanner) error {
			var name string
			var n int
			err := s.Scan(&name, &n)
			t.started[name] = n
			return err
		})
		if err != nil {
			return false, err
		}
	}
	n := 0
	for name, k := range t.started {
		if held[name] == h {
			n += k
		}
	}
	if n >= h.Room() {
		return false, nil
	}
	t.started[account]++
	return true, nil
}
