package ledger

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// AddSession keeps a session for life. Its Ends is not read.
func (l *Ledger) AddSession(ctx context.Context, s tasks.Session, life time.Duration) error {
	return l.do(ctx, "keep session", func(t *tx) error { return t.addSession(s, life, false) })
}

// AddLink keeps a link that signs in once within life. Its Key is that of the session.
func (l *Ledger) AddLink(ctx context.Context, link tasks.Session, life time.Duration) error {
	return l.do(ctx, "keep link", func(t *tx) error { return t.addSession(link, life, true) })
}

// UseLink turns a link into a session with that hash, once, and returns the session. It returns NotFound for a link that
// was used or has ended.
func (l *Ledger) UseLink(ctx context.Context, link, session tasks.Hash, life time.Duration) (tasks.Session, error) {
	s := tasks.Session{Hash: session}
	err := l.do(ctx, "use link", func(t *tx) error {
		var key []byte
		found, err := t.Row("SELECT key FROM sessions WHERE hash = ? AND link = 1 AND ends_at > ?", db.Args{link[:], t.Now}, &key)
		if err != nil {
			return err
		}
		var n int64
		if found {
			n, err = t.Exec("DELETE FROM sessions WHERE hash = ?", link[:])
		}
		if err == nil && n == 0 { // never was, or another one used it in between
			err = &tasks.Error{Code: tasks.NotFound, Op: "use link", Err: tasks.Textf("the link was used, or has ended"), Hint: "make another one: mediaferry console"}
		}
		if err != nil {
			return err
		}
		copy(s.Key[:], key)
		s.Ends = db.Time(t.Now + life.Microseconds())
		return t.addSession(s, life, false)
	})
	return s, err
}

func (t *tx) addSession(s tasks.Session, life time.Duration, link bool) error {
	var key any
	if s.Key != (tasks.Hash{}) {
		key = s.Key[:]
	}
	kind := 0
	if link {
		kind = 1
	}
	_, err := t.Exec("INSERT INTO sessions (hash, key, link, made_at, ends_at) VALUES (?, ?, ?, ?, ?)", s.Hash[:], key, kind, t.Now, t.Now+life.Microseconds())
	return err
}

// Session returns a session that has not ended, and NotFound if there is none.
func (l *Ledger) Session(ctx context.Context, hash tasks.Hash) (tasks.Session, error) {
	s := tasks.Session{Hash: hash}
	err := l.engine.Snapshot(ctx, "look up session", func(t *db.Tx) error {
		var key []byte
		var ends int64
		found, err := t.Row("SELECT key, ends_at FROM sessions WHERE hash = ? AND link = 0 AND ends_at > ?", db.Args{hash[:], t.Now}, &key, &ends)
		if err == nil && !found {
			err = &tasks.Error{Code: tasks.NotFound, Op: "look up session", Err: tasks.Textf("it has ended")}
		}
		copy(s.Key[:], key)
		s.Ends = db.Time(ends)
		return err
	})
	return s, err
}

// ExtendSession lets a session that has not ended live for life from now on.
func (l *Ledger) ExtendSession(ctx context.Context, hash tasks.Hash, life time.Duration) error {
	return l.do(ctx, "extend session", func(t *tx) error {
		_, err := t.Exec("UPDATE sessions SET ends_at = ? WHERE hash = ? AND link = 0 AND ends_at > ?", t.Now+life.Microseconds(), hash[:], t.Now)
		return err
	})
}

// EndSession ends a session. One that has ended is left as it is.
func (l *Ledger) EndSession(ctx context.Context, hash tasks.Hash) error {
	return l.do(ctx, "end session", func(t *tx) error {
		_, err := t.Exec("DELETE FROM sessions WHERE hash = ? AND link = 0", hash[:])
		return err
	})
}
