package ledger

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

const (
	// twinSlack is how long after its leader's lease a twin looks again by itself.
	twinSlack = time.Second
	// slotEarly is how long before its reserved time an upload is ready again: what the way to a worker takes. It then
	// waits for less than tasks.MaxPace.
	slotEarly = 800 * time.Millisecond
	// slotLate is how long a reserved time is good for. Whoever comes later, as after a hold, is given another one: else
	// many old ones could be used at once.
	slotLate = 500 * time.Millisecond
)

// Admit asks whether a claimed upload may call WeChat, now that its content is known, and what it may reuse. Reuse goes
// first: it costs no call and waits for no limit. After TwinAhead, DaySpent and MinuteSpent the claim is over: the upload
// waits. ErrFenced: somebody else has it.
//
// What is asked at the same time is answered as one set.
func (l *Ledger) Admit(ctx context.Context, k tasks.Token, m tasks.MediaKey, o tasks.AdmitOptions) (tasks.Admission, error) {
	a := &admit{token: k, key: m, options: o}
	err := l.writer.submit(ctx, &op{name: "admit upload", key: k.Upload, work: true, admit: a})
	if errors.Is(err, tasks.ErrFenced) || (err == nil && a.answer.Verdict != tasks.Proceed && a.answer.Verdict != tasks.Reuse) {
		l.writer.claims.remove(k)
	}
	return a.answer, err
}

// admit is one call of Admit.
type admit struct {
	token   tasks.Token
	key     tasks.MediaKey
	options tasks.AdmitOptions
	row     *row // of the upload, once it is locked
	answer  tasks.Admission
}

// admitAll runs calls of Admit as one set, in the order of their uploads, and answers each.
func (t *tx) admitAll(ops []*op) error {
	ids := make([]uuid.UUID, len(ops))
	for i, o := range ops {
		ids[i] = o.admit.token.Upload
	}
	rows, err := t.lock(ids)
	if err != nil {
		return err
	}
	var ours []*admit
	for _, o := range ops {
		a := o.admit
		if a.row = rows[a.token.Upload]; !a.row.ownedBy(a.token) || a.row.phase != schema.Running {
			o.answer = tasks.ErrFenced
			continue
		}
		ours = append(ours, a)
	}
	reserved, err := t.reserveNew(ours)
	for _, a := range ours {
		if err != nil {
			return err
		}
		if reserved[a.row.seq] {
			a.answer, err = t.allow(a.row, a.key, a.known())
		} else {
			a.answer, err = t.admit(a.row, a.key, a.options)
		}
	}
	return err
}

// known is what need not be found out again if the upload has to wait.
func (a *admit) known() tasks.KnownContent {
	return tasks.KnownContent{Hash: a.key.Hash, Identity: a.options.Identity}
}

// reserveNew makes uploads the holders of contents that the ledger does not know, which is what most of them have, and
// returns the uploads that are. The others need a closer look.
func (t *tx) reserveNew(as []*admit) (map[int64]bool, error) {
	byKey := slices.Clone(as)
	slices.SortStableFunc(byKey, func(a, b *admit) int { return compareKeys(a.key, b.key) }) // so that two processes don't wait for each other
	reserved := map[int64]bool{}
	for some := range slices.Chunk(byKey, max(1, t.blocks(len(byKey)))) {
		from, args := t.table([]string{"s", "r", "a", "t", "h", "p"}, []string{"bigint", "text", "text", "text", "bytea", "text"}, len(some), func(i int) []any {
			return append(append(db.Args{some[i].row.seq}, mediaArgs(some[i].key)...), db.TextOrNull(some[i].key.Producer))
		})
		err := t.Each("INSERT INTO media (holder, realm, appid, type, hash, producer) SELECT s, r, a, t, h, p FROM "+from+
			" WHERE true ON CONFLICT DO NOTHING RETURNING holder", args, func(s db.Scanner) error {
			var seq int64
			err := s.Scan(&seq)
			reserved[seq] = true
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return reserved, nil
}

func compareKeys(a, b tasks.MediaKey) int {
	x, y := a.Kept(), b.Kept()
	return cmp.Or(cmp.Compare(a.Realm, b.Realm), cmp.Compare(a.AppID, b.AppID), cmp.Compare(a.Type, b.Type), bytes.Compare(x[:], y[:]))
}

func (t *tx) admit(r *row, m tasks.MediaKey, o tasks.AdmitOptions) (tasks.Admission, error) {
	known := tasks.KnownContent{Hash: m.Hash, Identity: o.Identity}
	for {
		found, err := t.media(m)
		if err != nil {
			return tasks.Admission{}, err
		}
		if !o.NoReuse && schema.LiveMedia(found.Media, t.Now, o.Fresh) {
			return tasks.Admission{Verdict: tasks.Reuse, Media: found.Media}, nil
		}
		if found.holder.Valid && found.holder.Int64 != r.seq {
			until, err := t.leader(found.holder.Int64)
			if err != nil {
				return tasks.Admission{}, err
			}
			if until != 0 {
				if o.NoReuse {
					break // it uploads beside the other, without a reservation of its own
				}
				return t.behind(r, found.holder.Int64, max(until, t.Now)+twinSlack.Microseconds(), known)
			}
		}
		reserved, err := t.reserve(r, m, found.found)
		if err != nil {
			return tasks.Admission{}, err
		}
		if reserved {
			break
		}
	}
	return t.allow(r, m, known)
}

// allow takes one call from the account's count, where its limits leave one.
func (t *tx) allow(r *row, m tasks.MediaKey, known tasks.KnownContent) (tasks.Admission, error) {
	c, err := t.countOf(m.Realm, m.AppID)
	if err != nil {
		return tasks.Admission{}, err
	}
	if spent, err := t.spentFor(r, m, c); err != nil || spent {
		if err != nil {
			return tasks.Admission{}, err
		}
		return t.daySpent(r, m, c)
	}
	at := t.Now
	if c.rate > 0 {
		if at = t.slot(r, c); at > t.Now+tasks.MaxPace.Microseconds() {
			return t.minuteSpent(r, at, known)
		}
	}
	if c.rate > 0 || r.renews != 0 {
		if _, err := t.Exec("UPDATE runs SET called = 1 WHERE upload = ?", r.seq); err != nil {
			return tasks.Admission{}, err
		}
	}
	if r.slot.Valid { // it is used, or came too late
		if _, err := t.Exec("UPDATE uploads SET slot_at = NULL WHERE seq = ?", r.seq); err != nil {
			return tasks.Admission{}, err
		}
	}
	c.calls++
	c.taken++
	if r.renews != 0 {
		c.renewals = max(0, c.renewals-1)
	}
	return tasks.Admission{Verdict: tasks.Proceed, Wait: time.Duration(at-t.Now) * time.Microsecond}, nil
}

// slot is the time of r's call: the one that is reserved for it, or the account's next one.
func (t *tx) slot(r *row, c *callCount) int64 {
	if r.slot.Valid && r.slot.Int64 >= t.Now-slotLate.Microseconds() {
		return max(r.slot.Int64, t.Now)
	}
	return c.pace.next(t.Now, c.rate)
}

// knownMedia is the ledger's row of a content.
type knownMedia struct {
	tasks.Media
	found  bool
	holder sql.NullInt64
}

func (t *tx) media(k tasks.MediaKey) (m knownMedia, err error) {
	var id sql.NullString
	var issued, expires sql.NullInt64
	m.found, err = t.Row("SELECT media_id, issued_at, expires_at, holder FROM media WHERE realm = ? AND appid = ? AND type = ? AND hash = ?"+
		t.Dialect.ForUpdate, mediaArgs(k), &id, &issued, &expires, &m.holder)
	m.Media = tasks.Media{ID: id.String, IssuedAt: db.TimeOrZero(issued), ExpiresAt: db.TimeOrZero(expires)}
	return m, err
}

// mediaArgs are the columns of the row's key.
func mediaArgs(k tasks.MediaKey) db.Args {
	kept := k.Kept()
	return db.Args{k.Realm, k.AppID, string(k.Type), kept[:]}
}

// leader returns when the lease of a content's holder ends; 0 where it is no longer running.
func (t *tx) leader(seq int64) (until int64, err error) {
	_, err = t.Row("SELECT lease_until FROM runs WHERE upload = ? AND token IS NOT NULL", db.Args{seq}, &until)
	return until, err
}

// reserve makes r the holder of a content. It reports false where somebody else was faster.
func (t *tx) reserve(r *row, k tasks.MediaKey, exists bool) (bool, error) {
	query, a := "INSERT INTO media (holder, realm, appid, type, hash, producer) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", append(mediaArgs(k), db.TextOrNull(k.Producer))
	if exists {
		query, a = "UPDATE media SET holder = ? WHERE realm = ? AND appid = ? AND type = ? AND hash = ?", mediaArgs(k)
	}
	n, err := t.Exec(query, append(db.Args{r.seq}, a...)...)
	return n > 0, err
}

// behind puts r to wait for the upload that has the same content under way.
func (t *tx) behind(r *row, leader, until int64, known tasks.KnownContent) (tasks.Admission, error) {
	return tasks.Admission{Verdict: tasks.TwinAhead, Until: db.Time(until)},
		t.waitOrCancel(r, postponement{until: until, why: &tasks.Error{Code: tasks.Twin}, twinOf: leader, known: known})
}

// minuteSpent puts r to wait for a time that is reserved for its call.
func (t *tx) minuteSpent(r *row, at int64, known tasks.KnownContent) (tasks.Admission, error) {
	return tasks.Admission{Verdict: tasks.MinuteSpent, Until: db.Time(at)},
		t.waitOrCancel(r, postponement{until: at - slotEarly.Microseconds(), why: &tasks.Error{Code: tasks.MinuteLimit}, slot: at, known: known})
}

func (t *tx) waitOrCancel(r *row, p postponement) error {
	if r.cancel {
		return t.yield(r)
	}
	return t.postpone(r, p)
}

// daySpent holds the account until its next day and makes r ready again, which the hold then shows as waiting. If calls are
// left for interactive uploads or renewals, it holds bulk uploads only.
func (t *tx) daySpent(r *row, k tasks.MediaKey, c *callCount) (tasks.Admission, error) {
	until := c.dayEnd(t.Now)
	h := tasks.Hold{Realm: k.Realm, AppID: k.AppID, Code: tasks.DailyLimit, Reason: tasks.DailyLimit.Meaning(), Until: until}
	if left, _ := c.left(); left > 0 {
		kept := tasks.Textf("the %d calls that are left today are kept for interactive uploads", left)
		if c.renewals > 0 {
			kept = tasks.Textf("the %d calls that are left today are kept for interactive uploads and for %d media that must be renewed", left, c.renewals)
		}
		h.BulkOnly, h.Reason, h.Params.Text = true, kept.Error(), kept
	}
	err := t.hold(h)
	if err == nil {
		err = t.yield(r)
	}
	return tasks.Admission{Verdict: tasks.DaySpent, Until: until}, err
}
