package ledger

import (
	"context"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

var errNoMedia = tasks.Textf("no such media is known")

// Invalid records that WeChat does not know a media any more: no upload is answered with it again. Where it is kept alive, it
// is uploaded again at once, and renewing is true; otherwise the next upload of its content calls WeChat. accounts and producer
// limit it as Forget. It returns NotFound where no such media is known, as for one that was reported before.
func (l *Ledger) Invalid(ctx context.Context, mediaID string, accounts []string, producer string) (renewing bool, err error) {
	err = l.do(ctx, "give up media", func(t *tx) error {
		renewing = false
		where, a := mediaOwned("media", mediaID, accounts, producer)
		n, err := t.Exec("UPDATE media SET media_id = NULL, issued_at = NULL, expires_at = NULL WHERE "+where, a...)
		if err != nil {
			return err
		}
		where, a = mediaOwned("kept", mediaID, accounts, producer)
		ks, err := t.keptWhere(where+t.Dialect.ForUpdate, a...)
		for _, k := range ks {
			if err != nil {
				return err
			}
			renewing = true
			k.media.ExpiresAt, k.due = db.Time(t.Now), t.Now
			if k.renewal == 0 {
				err = t.makeRenewal(k, tasks.Interactive)
			} else {
				err = t.writeKept(k)
			}
		}
		if err == nil && n == 0 && len(ks) == 0 {
			return &tasks.Error{Code: tasks.NotFound, Op: "give up media", Err: errNoMedia}
		}
		return err
	})
	return renewing, err
}

// RenewMedia makes an upload that renews a media at once, ahead of the bulk, and returns it. Where its renewal is under way
// already, RenewMedia returns that one. The media need not be kept alive: then it comes from the source of the upload that it
// was issued for. The upload is the ledger's own, as every renewal. accounts and producer limit it as Forget. It returns
// NotFound where no such media is known, and Conflict where its source is not known.
func (l *Ledger) RenewMedia(ctx context.Context, mediaID string, accounts []string, producer string) (id uuid.UUID, err error) {
	err = l.do(ctx, "renew media", func(t *tx) error {
		where, a := mediaOwned("kept", mediaID, accounts, producer)
		ks, err := t.keptWhere(where+t.Dialect.ForUpdate, a...)
		if err != nil {
			return err
		}
		var k *kept
		switch {
		case len(ks) == 0:
			k, err = t.renewUnkept(mediaID, accounts, producer)
		case ks[0].renewal == 0:
			k = ks[0]
			err = t.makeRenewal(k, tasks.Interactive)
		default:
			k = ks[0]
		}
		if err != nil {
			return err
		}
		found, err := t.Row("SELECT id FROM uploads WHERE seq = ?", db.Args{k.renewal}, &id)
		if err == nil && !found {
			err = &tasks.Error{Code: tasks.Conflict, Op: "renew media", Err: tasks.Textf("none of its sources can be read now"), Hint: "try it again later"}
		}
		return err
	})
	return id, err
}

// renewUnkept renews a media that is not kept alive. Until that has ended it is kept, for nobody.
func (t *tx) renewUnkept(mediaID string, accounts []string, producer string) (*kept, error) {
	where, a := mediaOwned("media", mediaID, accounts, producer)
	var (
		key             tasks.MediaKey
		hash, content   []byte
		issued, expires int64
		from            sourceOf
		known           bool
	)
	found, err := t.Row(`SELECT m.realm, m.appid, m.type, m.hash, COALESCE(m.producer, ''), m.issued_at, m.expires_at, u.seq IS NOT NULL, COALESCE(u.account, ''), COALESCE(u.source, ''),
		COALESCE(u.filename, ''), COALESCE(u.granted, ''), COALESCE(u.local, 0), COALESCE(u.fix, 0), COALESCE(u.original, u.sha256), u.sha256
		FROM (SELECT * FROM media WHERE `+where+`) m LEFT JOIN uploads u ON u.seq = m.upload AND u.phase = 4`, a, &key.Realm, &key.AppID, &key.Type, &hash, &key.Producer, &issued, &expires, &known, &from.account, &from.source,
		&from.filename, &from.granted, &from.local, &from.fix, &from.hash, &content)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, &tasks.Error{Code: tasks.NotFound, Op: "renew media", Err: errNoMedia}
	case !known:
		return nil, &tasks.Error{Code: tasks.Conflict, Op: "renew media", Err: tasks.Textf("it is not known from which file this media comes"), Hint: "upload the file again"}
	}
	copy(key.Hash[:], content)
	m := tasks.Media{ID: mediaID, IssuedAt: db.Time(issued), ExpiresAt: db.Time(expires)}
	k := new(kept)
	err = t.Each(`INSERT INTO kept (realm, appid, type, hash, producer, content, media_id, issued_at, expires_at, due_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (realm, appid, type, hash) DO UPDATE SET realm = excluded.realm RETURNING `+keptColumns,
		db.Args{key.Realm, key.AppID, string(key.Type), hash, db.TextOrNull(key.Producer), content, m.ID, issued, expires, renewAt(key, m)}, k.scan)
	if err != nil || k.renewal != 0 {
		return k, err
	}
	return k, t.renewFrom(k, from, tasks.Interactive)
}
