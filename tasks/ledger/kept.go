package ledger

import (
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// kept is a media that is kept alive, read under its lock.
type kept struct {
	seq      int64
	key      tasks.MediaKey
	media    tasks.Media
	due      int64
	renewal  int64  // the upload that renews it now; 0: none does
	tried    string // the last source that could not serve
	failures int
	why      cause // of the last failure
	told     bool  // that this media is about to expire
}

const keptColumns = "seq, realm, appid, type, content, COALESCE(producer, ''), media_id, issued_at, expires_at, due_at, COALESCE(renewal, 0), tried, failures, COALESCE(code, ''), COALESCE(reason, ''), COALESCE(reason_values, ''), told"

func (k *kept) scan(s db.Scanner) error {
	var content []byte
	var issued, expires int64
	var values string
	err := s.Scan(&k.seq, &k.key.Realm, &k.key.AppID, &k.key.Type, &content, &k.key.Producer, &k.media.ID, &issued, &expires,
		&k.due, &k.renewal, &k.tried, &k.failures, &k.why.code, &k.why.reason, &values, &k.told)
	k.why.values = db.TextOrNull(values)
	copy(k.key.Hash[:], content)
	k.media.IssuedAt, k.media.ExpiresAt = db.Time(issued), db.Time(expires)
	return err
}

// keptWhere reads media that are kept alive. where may end with an order, a limit and a lock.
func (t *tx) keptWhere(where string, a ...any) ([]*kept, error) {
	var ks []*kept
	err := t.Each("SELECT "+keptColumns+" FROM kept WHERE "+where, a, func(s db.Scanner) error {
		k := new(kept)
		ks = append(ks, k)
		return k.scan(s)
	})
	return ks, err
}

// write writes what can change of a media that is kept alive.
func (t *tx) writeKept(k *kept) error {
	_, err := t.Exec(`UPDATE kept SET media_id = ?, issued_at = ?, expires_at = ?, due_at = ?, renewal = ?, tried = ?, failures = ?, code = ?, reason = ?, reason_values = ?, told = ? WHERE seq = ?`,
		clean(k.media.ID), db.Micros(k.media.IssuedAt), db.Micros(k.media.ExpiresAt), k.due, reference(k.renewal), k.tried, k.failures,
		db.TextOrNull(string(k.why.code)), db.TextOrNull(k.why.reason), k.why.values, db.Flag(k.told), k.seq)
	return err
}

// renewAt is when a media is renewed: by its content somewhere in a stretch of time, so that a batch does not come back as one.
func renewAt(key tasks.MediaKey, m tasks.Media) int64 {
	before, spread := portion(m, tasks.RenewBefore), portion(m, tasks.RenewSpread)
	hash := key.Kept()
	place := tasks.HashOf([]byte(key.Realm + "\n" + key.AppID + "\n" + string(key.Type) + "\n" + hash.String()))
	share := float64(binary.BigEndian.Uint32(place[:])) / math.MaxUint32
	return db.Micros(m.ExpiresAt) - before.Microseconds() - int64(share*float64(spread.Microseconds()))
}

// portion shortens a time before the end of a media that lives for less than a day.
func portion(m tasks.Media, d time.Duration) time.Duration {
	return min(d, time.Duration(float64(d)/float64(24*time.Hour)*float64(m.ExpiresAt.Sub(m.IssuedAt))))
}

// keepOutcome begins to keep the media of an upload alive that asked for it and has its outcome, or ends that where the
// upload's next round did not succeed.
func (t *tx) keepOutcome(e *ending) error {
	r := e.row
	switch {
	case e.state != tasks.Succeeded:
		return t.endKeepers("upload = ?", r.seq)
	case r.keep.Int64 <= t.Now:
		_, err := t.Exec("UPDATE uploads SET keep_fresh_until = NULL WHERE seq = ?", r.seq)
		return err
	case e.result == nil || e.result.Key == tasks.MediaKey{}:
		return nil
	}
	return t.keepAlive(r.seq, r.producer, r.keep.Int64, e.result.Key, e.result.Media)
}

// keepAlive keeps a media alive for an upload, until a time.
func (t *tx) keepAlive(upload int64, producer string, until int64, key tasks.MediaKey, m tasks.Media) error {
	k := new(kept)
	err := t.Each(`INSERT INTO kept (realm, appid, type, hash, producer, content, media_id, issued_at, expires_at, due_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (realm, appid, type, hash) DO UPDATE SET realm = excluded.realm RETURNING `+keptColumns,
		append(mediaArgs(key), db.TextOrNull(key.Producer), key.Hash[:], clean(m.ID), db.Micros(m.IssuedAt), db.Micros(m.ExpiresAt), renewAt(key, m)), k.scan)
	if err != nil {
		return err
	}
	if m.ExpiresAt.After(k.media.ExpiresAt) {
		if err := t.renewed(k, m); err != nil {
			return err
		}
	}
	var before int64
	if _, err := t.Row("SELECT kept FROM keepers WHERE upload = ?", db.Args{upload}, &before); err != nil {
		return err
	}
	_, err = t.Exec(`INSERT INTO keepers (upload, kept, producer, until_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (upload) DO UPDATE SET kept = excluded.kept, until_at = excluded.until_at`, upload, k.seq, producer, until)
	if err == nil && before != 0 && before != k.seq {
		err = t.dropUnkept(before)
	}
	return err
}

// renewed makes m the media of k, and tells those who asked for it.
func (t *tx) renewed(k *kept, m tasks.Media) error {
	old := k.media.ID
	k.media, k.due = m, renewAt(k.key, m)
	k.tried, k.failures, k.why, k.told = "", 0, cause{}, false
	if err := t.writeKept(k); err != nil {
		return err
	}
	return t.tellKeepers(k, tasks.MediaRenewed, old)
}

// endKeepers ends the keeping for the keepers for which the condition holds.
func (t *tx) endKeepers(where string, a ...any) error {
	var uploads, ks []int64
	err := t.Each("DELETE FROM keepers WHERE "+where+" RETURNING upload, kept", a, func(s db.Scanner) error {
		var upload, k int64
		err := s.Scan(&upload, &k)
		uploads, ks = append(uploads, upload), append(ks, k)
		return err
	})
	if err != nil {
		return err
	}
	if err := t.execOf("UPDATE uploads SET keep_fresh_until = NULL WHERE phase = 4 AND seq", uploads); err != nil {
		return err
	}
	slices.Sort(ks)
	for _, k := range slices.Compact(ks) {
		if err := t.dropUnkept(k); err != nil {
			return err
		}
	}
	return nil
}

// endKeep ends that the media of an upload is kept alive.
func (t *tx) endKeep(r *row) error {
	if _, err := t.Exec("UPDATE uploads SET keep_fresh_until = NULL WHERE seq = ?", r.seq); err != nil {
		return err
	}
	return t.endKeepers("upload = ?", r.seq)
}

// dropUnkept ends the keeping of a media for which nobody asks any more. A renewal that is under way is canceled.
func (t *tx) dropUnkept(seq int64) error {
	ks, err := t.keptWhere("seq = ?"+t.Dialect.ForUpdate, seq)
	if err != nil || len(ks) == 0 {
		return err
	}
	asked, err := t.Row("SELECT 1 FROM keepers WHERE kept = ? LIMIT 1", db.Args{seq}, new(int))
	if err != nil || asked {
		return err
	}
	if _, err := t.Exec("DELETE FROM kept WHERE seq = ?", seq); err != nil || ks[0].renewal == 0 {
		return err
	}
	rs, err := t.lockWhere("u.seq = ?"+t.Dialect.ForUpdate, ks[0].renewal)
	for _, r := range rs {
		if err == nil && !r.phase.Final() {
			_, err = t.cancel(r)
		}
	}
	return err
}

// keepLonger extends the time for which the media of an upload is kept alive, or begins it where the upload has succeeded
// already.
func (t *tx) keepLonger(was *existing, until int64) error {
	var phase schema.Phase
	if _, err := t.Row("UPDATE uploads SET keep_fresh_until = ? WHERE seq = ? RETURNING phase", db.Args{until, was.seq}, &phase); err != nil || phase != schema.Succeeded {
		return err
	}
	n, err := t.Exec("UPDATE keepers SET until_at = ? WHERE upload = ?", until, was.seq)
	if err != nil || n > 0 {
		return err
	}
	key, m, err := t.mediaOf(was.seq)
	if err != nil || key.Hash == (tasks.Hash{}) {
		return err
	}
	return t.keepAlive(was.seq, was.Producer, until, key, m)
}

// mediaOf returns what an upload that has succeeded was answered with, or a later media of the same content, and the key that
// this is kept under. The key is zero where the account is not known any more.
func (t *tx) mediaOf(upload int64) (key tasks.MediaKey, m tasks.Media, err error) {
	var hash []byte
	var producer string
	var issued, expires int64
	found, err := t.Row(`SELECT a.realm, a.appid, u.type, u.sha256, u.producer, u.media_id, COALESCE(u.issued_at, 0), COALESCE(u.expires_at, 0)
		FROM uploads u JOIN accounts a ON a.name = u.account WHERE u.seq = ? AND u.sha256 IS NOT NULL AND u.media_id IS NOT NULL`, db.Args{upload},
		&key.Realm, &key.AppID, &key.Type, &hash, &producer, &m.ID, &issued, &expires)
	if err != nil || !found {
		return tasks.MediaKey{}, m, err
	}
	copy(key.Hash[:], hash)
	m.IssuedAt, m.ExpiresAt = db.Time(issued), db.Time(expires)
	own := key
	own.Producer = producer
	for _, k := range []tasks.MediaKey{own, key} { // the first that is known, or the one that all of the account share
		known, err := t.media(k)
		if err != nil {
			return tasks.MediaKey{}, m, err
		}
		if known.ID != "" && known.ExpiresAt.After(m.ExpiresAt) {
			m = known.Media
		}
		if known.found {
			return k, m, nil
		}
	}
	return key, m, nil
}
