package view

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// A list of media looks at mediaWindow of them with one query, and at mediaRows for one page: it may be short then, or empty,
// though others follow.
const (
	mediaWindow = 500
	mediaRows   = 10_000
)

// mediaPlace is where a list of media has come to. Media come by account, and in each what expires first comes first.
type mediaPlace struct {
	Realm   string `json:"r"`
	AppID   string `json:"a"`
	Expires int64  `json:"x"`
	Type    string `json:"t"`
	Hash    []byte `json:"h"`
}

func (p mediaPlace) cursor() string {
	b, _ := json.Marshal(p) // it can't fail
	return base64.RawURLEncoding.EncodeToString(b)
}

func parsePlace(cursor string) (p mediaPlace, err error) {
	if cursor == "" {
		return p, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil || strings.ContainsRune(p.Realm+p.AppID+p.Type, 0) {
		return p, db.BadCursor()
	}
	return p, nil
}

// LiveMedia returns one page of the media that live, or that ended just before where the filter says so, by account, those that
// expire first before the others, and the cursor of the next page; "" after the last one. Where few of many match, a page is short, or empty, though others follow. It returns Invalid
// for a bad cursor.
func (v *View) LiveMedia(ctx context.Context, f tasks.MediaFilter) (page []tasks.KnownMedia, next string, err error) {
	from, err := parsePlace(f.Cursor)
	if err != nil {
		return nil, "", err
	}
	err = v.lists.Snapshot(ctx, "list media", func(t *db.Tx) error {
		page, next = nil, ""
		accounts, err := mediaAccounts(t, f)
		looked, limit := 0, db.PageSize(f.Limit)
		for _, a := range accounts {
			at := mediaPlace{Realm: a.realm, AppID: a.appid}
			switch order := cmp.Or(cmp.Compare(at.Realm, from.Realm), cmp.Compare(at.AppID, from.AppID)); {
			case f.Cursor != "" && order < 0:
				continue
			case f.Cursor != "" && order == 0:
				at = from
			}
			for more := true; more && err == nil; {
				var found []placedMedia
				found, err = mediaAfter(t, a, at, f)
				more = len(found) == mediaWindow
				for _, m := range found {
					if len(page) == limit || looked == mediaRows {
						next = at.cursor()
						return err
					}
					looked++
					if at = m.mediaPlace; chosen(m.KnownMedia, f) {
						page = append(page, m.KnownMedia)
					}
				}
			}
			if err != nil {
				return err
			}
		}
		return err
	})
	return page, next, err
}

// mediaAccount is an account with the first of its names.
type mediaAccount struct{ name, realm, appid string }

func mediaAccounts(t *db.Tx, f tasks.MediaFilter) ([]mediaAccount, error) {
	var all []mediaAccount
	err := t.Each("SELECT name, realm, appid FROM accounts ORDER BY realm, appid, name", nil, func(s db.Scanner) error {
		var a mediaAccount
		err := s.Scan(&a.name, &a.realm, &a.appid)
		if (f.Account == "" || f.Account == a.name) && (len(f.Accounts) == 0 || slices.Contains(f.Accounts, a.name)) {
			all = append(all, a)
		}
		return err
	})
	slices.SortStableFunc(all, func(a, b mediaAccount) int {
		return cmp.Or(cmp.Compare(a.realm, b.realm), cmp.Compare(a.appid, b.appid))
	})
	return slices.CompactFunc(all, func(a, b mediaAccount) bool { return a.realm == b.realm && a.appid == b.appid }), err
}

// placedMedia is a media in the order of the list.
type placedMedia struct {
	tasks.KnownMedia
	mediaPlace
}

// mediaColumns take the producer twice whose uploads are looked for first, and "" for any.
const mediaColumns = `m.realm, m.appid, m.type, m.hash, m.media_id, m.issued_at, m.expires_at, m.producer IS NULL, u.id, COALESCE(u.producer, ''), COALESCE(u.source, ''),
	COALESCE(u.filename, ''), COALESCE(u.size, 0), u.sha256, k.content, k.due_at, COALESCE(k.renewal, 0), (SELECT MAX(p.until_at) FROM keepers p WHERE p.kept = k.seq) FROM media m
	LEFT JOIN kept k ON k.realm = m.realm AND k.appid = m.appid AND k.type = m.type AND k.hash = m.hash
	LEFT JOIN uploads u ON u.seq = COALESCE((SELECT MIN(p.upload) FROM keepers p WHERE p.kept = k.seq AND (p.producer = ? OR ? = '')), m.upload) `

// mediaAfter reads the media of an account behind a place, as far as a filter goes.
func mediaAfter(t *db.Tx, a mediaAccount, at mediaPlace, f tasks.MediaFilter) ([]placedMedia, error) {
	last := int64(math.MaxInt64)
	if f.Within > 0 {
		last = t.Now + f.Within.Microseconds()
	}
	if at.Hash == nil {
		at.Hash = []byte{}
	}
	if first := t.Now - f.Ended.Microseconds(); at.Expires < first {
		at.Expires, at.Type, at.Hash = first, "~", []byte{} // behind all that expires then
	}
	return mediaWhere(t, a.name, `WHERE m.realm = ? AND m.appid = ? AND m.media_id IS NOT NULL AND (m.expires_at, m.type, m.hash) > (?, ?, ?) AND m.expires_at <= ?
		ORDER BY m.expires_at, m.type, m.hash LIMIT ?`, f.Producer, f.Producer, a.realm, a.appid, at.Expires, at.Type, at.Hash, last, mediaWindow)
}

func mediaWhere(t *db.Tx, account, where string, args ...any) ([]placedMedia, error) {
	var all []placedMedia
	err := t.Each("SELECT "+mediaColumns+where, args, func(s db.Scanner) error {
		m := placedMedia{KnownMedia: tasks.KnownMedia{Account: account}}
		var (
			issued, due, until sql.NullInt64
			shared             bool
			id, sum, content   []byte
			renewal            int64
		)
		p := &m.mediaPlace
		err := s.Scan(&p.Realm, &p.AppID, &p.Type, &p.Hash, &m.MediaID, &issued, &p.Expires, &shared, &id, &m.Producer, &m.Source, &m.Filename,
			&m.Size, &sum, &content, &due, &renewal, &until)
		switch {
		case len(content) > 0:
			sum = content
		case shared:
			sum = p.Hash
		}
		copy(m.Upload[:], id)
		m.KnownMedia.Type, m.SHA256 = tasks.MediaType(p.Type), hex.EncodeToString(sum)
		if m.Filename == "" && m.Source != "" {
			m.Filename = path.Base(m.Source)
		}
		m.IssuedAt, m.ExpiresAt = db.TimeOrZero(issued), db.Time(p.Expires)
		if until.Valid {
			m.Kept, m.Due = db.TimeOrZero(until), db.TimeOrZero(due)
		}
		m.Renewing = renewal != 0
		all = append(all, m)
		return err
	})
	return all, err
}

// chosen reports whether a filter chooses a media of one of its accounts.
func chosen(m tasks.KnownMedia, f tasks.MediaFilter) bool {
	text := strings.ToLower(f.Query)
	return (f.Type == "" || m.Type == f.Type) && (!f.Kept || !m.Kept.IsZero()) && (!f.Unkept || m.Kept.IsZero()) && (f.Producer == "" || m.Producer == f.Producer) &&
		(text == "" || m.MediaID == f.Query || m.SHA256 == text || strings.Contains(strings.ToLower(m.Source), text) || strings.Contains(strings.ToLower(m.Filename), text))
}

// KnownMedia returns a live media, for a caller who could reuse it. accounts and producer are as for MediaAccount. It returns
// NotFound where no such media is known.
func (v *View) KnownMedia(ctx context.Context, mediaID string, accounts []string, producer string) (m tasks.KnownMedia, err error) {
	account, err := v.MediaAccount(ctx, mediaID, accounts, producer)
	if err != nil {
		return m, err
	}
	err = v.lists.Snapshot(ctx, "look up media", func(t *db.Tx) error {
		found, err := mediaWhere(t, account, "WHERE m.media_id = ? AND m.expires_at > ?", producer, producer, mediaID, t.Now)
		if err == nil && len(found) == 0 {
			err = &tasks.Error{Code: tasks.NotFound, Op: "look up media", Err: tasks.Textf("no such media is known")}
		}
		if err == nil {
			m = found[0].KnownMedia
		}
		return err
	})
	return m, err
}

// MediaReuse says what an upload was answered from, and which uploads were answered with its media. If producer is not empty,
// these are its own.
func (v *View) MediaReuse(ctx context.Context, id uuid.UUID, producer string) (r tasks.MediaReuse, err error) {
	err = v.lists.Snapshot(ctx, "look up reuse", func(t *db.Tx) error {
		r = tasks.MediaReuse{}
		var media sql.NullString
		var reused bool
		found, err := t.Row("SELECT media_id, reused FROM uploads WHERE id = ? AND phase = 4", db.Args{id[:]}, &media, &reused)
		if err != nil || !found || !media.Valid {
			return err
		}
		read := func(query string, args ...any) (all []tasks.MediaUse, err error) {
			err = t.Each("SELECT u.id, u.producer, u.source "+query, args, func(s db.Scanner) error {
				var u tasks.MediaUse
				err := s.Scan(&u.ID, &u.Producer, &u.Source)
				all = append(all, u)
				return err
			})
			return all, err
		}
		if reused {
			from, err := read("FROM media m JOIN uploads u ON u.seq = m.upload WHERE m.media_id = ? AND u.renews IS NULL AND (u.producer = ? OR ? = '')", media.String, producer, producer)
			if len(from) > 0 {
				r.From = &from[0]
			}
			return err
		}
		r.By, err = read("FROM uploads u WHERE u.reused = 1 AND u.media_id = ? AND (u.producer = ? OR ? = '') ORDER BY u.seq DESC LIMIT ?", media.String, producer, producer, tasks.MaxReuses+1)
		if r.More = len(r.By) > tasks.MaxReuses; r.More {
			r.By = r.By[:tasks.MaxReuses]
		}
		return err
	})
	return r, err
}
