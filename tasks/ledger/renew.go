package ledger

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

const (
	// renewalsAtOnce is the number of renewals of an account that are under way at once.
	renewalsAtOnce = 100
	// A renewal that failed is tried again after renewAgain, then after twice as long, up to renewSlowly.
	renewAgain  = 15 * time.Minute
	renewSlowly = 6 * time.Hour
)

// RenewDue makes an upload for each media that is kept alive and due, what expires first before the others, in each account as
// many as its calls of today allow. It ends what was asked for until now, and tells of media that are about to expire. It does
// at most limit of each, and returns what it did: call it again while that is not 0.
func (l *Ledger) RenewDue(ctx context.Context, limit int) (int, error) {
	keeping := false
	err := l.engine.Snapshot(ctx, "look for kept media", func(t *db.Tx) (err error) {
		keeping, err = t.Row("SELECT 1 FROM kept LIMIT 1", nil, new(int))
		return err
	})
	if err != nil || !keeping {
		return 0, err
	}
	n := 0
	err = l.do(ctx, "renew media", func(t *tx) error {
		ended, err := t.endDated(limit)
		if err != nil {
			return err
		}
		made, err := t.renewDue(limit)
		if err != nil {
			return err
		}
		told, err := t.tellEnding(limit)
		n = ended + made + told
		return err
	})
	return n, err
}

// endDated ends the keeping that was asked for until now.
func (t *tx) endDated(limit int) (int, error) {
	var over []int64
	if err := t.Each("SELECT upload FROM keepers WHERE until_at <= ? ORDER BY until_at LIMIT ?", db.Args{t.Now, limit}, appendSeq(&over)); err != nil {
		return 0, err
	}
	for _, upload := range over {
		if err := t.endKeepers("upload = ? AND until_at <= ?", upload, t.Now); err != nil {
			return 0, err
		}
	}
	return len(over), nil
}

// renewDue goes from account to account.
func (t *tx) renewDue(limit int) (int, error) {
	n := 0
	var k accountKey
	for n < limit {
		found, err := t.Row("SELECT realm, appid FROM kept WHERE renewal IS NULL AND (realm, appid) > (?, ?) ORDER BY realm, appid LIMIT 1",
			db.Args{k.realm, k.appid}, &k.realm, &k.appid)
		if err != nil || !found {
			return n, err
		}
		room, err := t.renewalRoom(k)
		if err != nil {
			return n, err
		}
		if room = min(room, limit-n); room <= 0 {
			continue
		}
		due, err := t.keptWhere("renewal IS NULL AND realm = ? AND appid = ? AND due_at <= ? ORDER BY expires_at LIMIT ?"+t.Dialect.SkipLocked, k.realm, k.appid, t.Now, room)
		for _, one := range due {
			if err == nil {
				err = t.renewMedia(one)
			}
			n++
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// renewalRoom returns the number of renewals that an account may get: none while a hold stops them, and no more than the calls
// that it has left today, less those of interactive uploads.
func (t *tx) renewalRoom(k accountKey) (int, error) {
	if h, err := t.findHold(k.realm, k.appid); err != nil || h.Stops(tasks.Interactive, t.Now) {
		return 0, err
	}
	var underWay int
	if _, err := t.Row("SELECT count(*) FROM kept WHERE realm = ? AND appid = ? AND renewal IS NOT NULL", db.Args{k.realm, k.appid}, &underWay); err != nil {
		return 0, err
	}
	room := renewalsAtOnce - underWay
	c, err := t.countOf(k.realm, k.appid)
	if err != nil {
		return 0, err
	}
	if left, limited := c.left(); limited {
		room = min(room, left-c.reserved()-underWay)
	}
	return room, nil
}

// renewMedia makes an upload that renews k, unless somebody else's upload of the content has done so.
func (t *tx) renewMedia(k *kept) error {
	known, err := t.media(k.key)
	if err != nil {
		return err
	}
	if known.ID != "" && known.ID != k.media.ID && known.ExpiresAt.After(k.media.ExpiresAt) && renewAt(k.key, known.Media) > t.Now {
		return t.renewed(k, known.Media)
	}
	return t.makeRenewal(k, tasks.Bulk)
}

// makeRenewal makes the upload, from the next source that has the content.
func (t *tx) makeRenewal(k *kept, p tasks.Priority) error {
	from, found, err := t.nextSource(k)
	if err == nil && !found && k.tried != "" {
		k.tried = ""
		from, found, err = t.nextSource(k)
	}
	if err != nil {
		return err
	}
	if !found { // nobody asks for it, or those who do are uploading it
		k.due = t.Now + renewAgain.Microseconds()
		if err := t.writeKept(k); err != nil {
			return err
		}
		return t.dropUnkept(k.seq)
	}
	return t.renewFrom(k, from, p)
}

// renewFrom makes the upload from a source.
func (t *tx) renewFrom(k *kept, from sourceOf, p tasks.Priority) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	_, err = t.Row(`INSERT INTO uploads (id, phase, priority, batch, no_reuse, fix, submitted_at, digest, producer, account, type, source, filename, granted, local, renews, wants)
		VALUES (?, 0, ?, 0, 1, ?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq`, db.Args{
		id[:], int(p), db.Flag(from.fix), t.Now, id[:], from.account, string(k.key.Type), from.source, db.TextOrNull(from.filename), db.TextOrNull(from.granted),
		db.Flag(from.local), k.seq, from.hash,
	}, &k.renewal)
	if err != nil {
		return err
	}
	t.wake |= tasks.WakeUploads
	k.tried = from.source
	return t.writeKept(k)
}

// sourceOf is where the bytes of a renewal come from: the source of an upload that asked for it.
type sourceOf struct {
	account, source, filename, granted string
	local, fix                         bool
	hash                               []byte
}

// nextSource returns the source after the one that was tried last, and false behind the last.
func (t *tx) nextSource(k *kept) (o sourceOf, found bool, err error) {
	found, err = t.Row(`SELECT u.account, u.source, COALESCE(u.filename, ''), COALESCE(u.granted, ''), u.local, u.fix, COALESCE(u.original, u.sha256) FROM keepers p
		JOIN uploads u ON u.seq = p.upload WHERE p.kept = ? AND p.until_at > ? AND u.phase = 4 AND u.source > ? ORDER BY u.source, u.seq LIMIT 1`,
		db.Args{k.seq, t.Now, k.tried}, &o.account, &o.source, &o.filename, &o.granted, &o.local, &o.fix, &o.hash)
	return o, found, err
}

// renewalEnded records the outcome of an upload that renews a media.
func (t *tx) renewalEnded(e *ending) error {
	ks, err := t.keptWhere("seq = ? AND renewal = ?"+t.Dialect.ForUpdate, e.row.renews, e.row.seq)
	if err != nil || len(ks) == 0 { // nobody asks for it any more
		return err
	}
	if err := t.settleRenewal(ks[0], e); err != nil {
		return err
	}
	return t.dropUnkept(ks[0].seq) // one that was renewed once, for nobody
}

// settleRenewal says what comes after the end of a renewal.
func (t *tx) settleRenewal(k *kept, e *ending) error {
	k.renewal = 0
	if e.state == tasks.Succeeded {
		return t.renewed(k, e.result.Media)
	}
	k.why = causeOf(e.cause)
	if !k.why.code.Retryable() {
		_, more, err := t.nextSource(k)
		if err != nil {
			return err
		}
		if more {
			k.due = t.Now
			return t.writeKept(k)
		}
		if err := t.stale(k); err != nil {
			return err
		}
	}
	k.tried, k.due = "", t.Now+min(renewAgain<<min(k.failures, 10), renewSlowly).Microseconds()
	k.failures++
	return t.writeKept(k)
}

// findAsked is find for an upload that somebody asked for: to people, those of the ledger itself don't exist.
func (t *tx) findAsked(id uuid.UUID, op string) (*row, error) {
	r, err := t.find(id)
	if err == nil && (r == nil || r.renews != 0) {
		err = schema.NoUpload(op)
	}
	return r, err
}
