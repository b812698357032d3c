package ledger

import (
	"bytes"
	"cmp"
	"database/sql"
	"encoding/json"
	"strings"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// existing is an upload as it was requested, to compare a new request under its name with it.
type existing struct {
	tasks.Upload
	seq    int64
	phase  schema.Phase
	digest []byte
}

// findExisting reads the upload for which the condition holds, and reports whether there is one.
func (t *tx) findExisting(e *existing, where string, a ...any) (bool, error) {
	found := false
	err := t.Each(`SELECT id, `+schema.CurrentPhase+`, digest, producer, account, type, source, COALESCE(filename, ''), COALESCE(callback_url, ''), metadata, priority,
		no_reuse, fix, expires_by, keep_fresh_until, seq FROM uploads u WHERE `+where, a, func(s db.Scanner) error {
		found = true
		var metadata []byte
		var deadline, keep sql.NullInt64
		err := s.Scan(&e.ID, &e.phase, &e.digest, &e.Producer, &e.Account, &e.Type, &e.Source, &e.Filename, &e.CallbackURL, &metadata, &e.Priority,
			&e.NoReuse, &e.Fix, &deadline, &keep, &e.seq)
		e.Metadata, e.ExpiresBy, e.KeepFreshUntil = metadata, db.TimeOrZero(deadline), db.TimeOrZero(keep)
		return err
	})
	return found, err
}

// differs returns the names of the fields in which u is another request, and "" for the same request.
func (e *existing) differs(u *incoming) string {
	if bytes.Equal(e.digest, u.digest) {
		return ""
	}
	var names []string
	for _, f := range []struct {
		name string
		same bool
	}{
		{"producer", e.Producer == u.Producer},
		{"account", e.Account == u.Account},
		{"type", e.Type == u.Type},
		{"source", e.Source == u.Source},
		{"filename", e.Filename == u.Filename},
		{"callback_url", e.CallbackURL == cmp.Or(u.CallbackURL, u.DefaultCallback)},
		{"priority", e.Priority == u.Priority},
		{"metadata", bytes.Equal(compact(e.Metadata), compact(u.Metadata))},
		{"no_reuse", e.NoReuse == u.NoReuse},
		{"fix", e.Fix == u.Fix},
		{"expires_by", e.ExpiresBy.UnixMicro() == u.ExpiresBy.UnixMicro()},
	} {
		if !f.same {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, ", ")
}

func compact(text json.RawMessage) []byte {
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return text
	}
	return b.Bytes()
}
