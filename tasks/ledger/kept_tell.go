package ledger

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// staleBefore is how long before its end those who asked for a media are told that it was not renewed.
const staleBefore = time.Hour

// receiver is who is told once of a media that changed, or is about to expire.
type receiver struct {
	producer, url string
}

// tellKeepers tells each producer, at each of its URLs, once.
func (t *tx) tellKeepers(k *kept, kind tasks.EventType, old string) error {
	changes := map[receiver]*tasks.MediaChange{}
	local := map[receiver]bool{}
	var order []receiver
	err := t.Each(`SELECT p.producer, COALESCE(u.callback_url, b.callback_url, ''), u.local, u.account, u.id FROM keepers p JOIN uploads u ON u.seq = p.upload
		LEFT JOIN batches b ON b.seq = u.batch WHERE p.kept = ? AND p.until_at > ? ORDER BY p.upload DESC`, db.Args{k.seq, t.Now}, func(s db.Scanner) error {
		var to receiver
		var isLocal bool
		var account string
		var id uuid.UUID
		if err := s.Scan(&to.producer, &to.url, &isLocal, &account, &id); err != nil {
			return err
		}
		c := changes[to]
		if c == nil {
			c = k.change(old, to.producer, account)
			changes[to], local[to] = c, isLocal
			order = append(order, to)
		}
		if len(c.Uploads) < tasks.MaxChangeUploads {
			c.Uploads = append(c.Uploads, id)
		}
		return nil
	})
	for _, to := range order {
		if err != nil {
			return err
		}
		var data []byte
		data, err = json.Marshal(changes[to])
		t.events = append(t.events, event{kind: kind, data: data, url: to.url, producer: to.producer, local: local[to]})
	}
	return err
}

func (k *kept) change(old, producer, account string) *tasks.MediaChange {
	c := &tasks.MediaChange{
		OldMediaID: old, MediaID: k.media.ID, IssuedAt: k.media.IssuedAt, ExpiresAt: k.media.ExpiresAt,
		Producer: producer, Account: account, Type: k.key.Type, SHA256: k.key.Hash.String(),
		Code: k.why.code, Reason: k.why.reason, Params: k.why.params(),
	}
	if k.why.code != "" {
		c.Hint = k.why.code.Hint()
	}
	return c
}

// stale tells that a media is about to expire and could not be renewed, once.
func (t *tx) stale(k *kept) error {
	if k.told {
		return nil
	}
	k.told = true
	return t.tellKeepers(k, tasks.MediaStale, "")
}

// tellEnding tells of media that are about to expire, though their renewal has not failed for good.
func (t *tx) tellEnding(limit int) (int, error) {
	ks, err := t.keptWhere("told = 0 AND expires_at <= ? ORDER BY expires_at LIMIT ?"+t.Dialect.SkipLocked, t.Now+staleBefore.Microseconds(), limit)
	n := 0
	for _, k := range ks {
		if err != nil {
			return n, err
		}
		if life := k.media.ExpiresAt.Sub(k.media.IssuedAt); db.Micros(k.media.ExpiresAt)-t.Now > min(staleBefore, life/12).Microseconds() {
			continue
		}
		if k.why, err = t.whyLate(k); err != nil {
			return n, err
		}
		if err = t.stale(k); err == nil {
			err = t.writeKept(k)
		}
		n++
	}
	return n, err
}

// whyLate says why a media that is about to expire was not renewed.
func (t *tx) whyLate(k *kept) (cause, error) {
	h, err := t.findHold(k.key.Realm, k.key.AppID)
	if err != nil {
		return cause{}, err
	}
	if h.InForce(t.Now) {
		return cause{code: h.Code, reason: h.Reason, values: valuesOf(h.Params)}, nil
	}
	var c cause
	if k.renewal != 0 {
		var values string
		found, err := t.Row("SELECT COALESCE(code, ''), COALESCE(reason, ''), COALESCE(reason_values, '') FROM uploads WHERE seq = ? AND code IS NOT NULL",
			db.Args{k.renewal}, &c.code, &c.reason, &values)
		c.values = db.TextOrNull(values)
		if err != nil || found {
			return c, err
		}
	}
	if k.why.code != "" {
		return k.why, nil
	}
	calls, err := t.countOf(k.key.Realm, k.key.AppID)
	if err != nil {
		return cause{}, err
	}
	if calls.spent(tasks.Bulk, true) {
		return cause{code: tasks.DailyLimit, reason: tasks.DailyLimit.Meaning()}, nil
	}
	return causeOf(&tasks.Error{Code: tasks.Temporary, Op: "renew media", Err: tasks.Textf("nobody has uploaded it again in time: is a worker running that can?")}), nil
}
