package schema

import (
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"path"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// Outcome is an upload as it is shown, with the keys that the ledger needs to page and to read on.
type Outcome struct {
	tasks.Outcome
	Seq      int64
	Phase    Phase
	Priority tasks.Priority
}

// outcomeRequest are the columns of the request, outcomeEnd those of a round. The latter have the same names in the tables
// uploads and rounds.
const (
	OutcomeRequest = `u.seq, u.id, COALESCE(u.external_id, ''), (SELECT b.id FROM batches b WHERE b.seq = u.batch), u.producer, u.account, u.type,
	u.source, COALESCE(u.filename, ''), u.metadata, u.submitted_at, u.keep_fresh_until, u.priority, `
	outcomeEnd = `r.phase, r.round, r.attempts, r.reused, r.errcode, COALESCE(r.code, ''), COALESCE(r.rid, ''), COALESCE(r.reason, ''),
	COALESCE(r.hint, ''), COALESCE(r.media_id, ''), r.issued_at, r.expires_at, r.finished_at, r.sha256, r.original, COALESCE(r.fixed, ''),
	COALESCE(r.size, 0), COALESCE(r.reason_values, '')`
)

// CurrentEnd is outcomeEnd of an upload's own row.
const CurrentEnd = CurrentPhase + `, u.round, u.attempts, u.reused, u.errcode, COALESCE(u.code, ''), COALESCE(u.rid, ''), COALESCE(u.reason, ''),
	COALESCE(u.hint, ''), COALESCE(u.media_id, ''), u.issued_at, u.expires_at, u.finished_at, u.sha256, u.original, COALESCE(u.fixed, ''),
	COALESCE(u.size, 0), COALESCE(u.reason_values, '')`

// What is kept about the source of an upload that has its outcome.
const (
	// SourceHash is the hash of the bytes that were read. Null: none were.
	SourceHash = "COALESCE(read_hash, original, sha256)"
	// HasOutcome is the condition that there is one.
	HasOutcome = "phase >= 4"
)

// Scan reads OutcomeRequest and one of the ends. more come after the columns.
func (o *Outcome) Scan(s db.Scanner, more ...any) error {
	var (
		batch, sha, metadata      []byte
		values                    []byte
		original                  []byte
		submitted                 int64
		keep                      sql.NullInt64
		issued, expires, finished sql.NullInt64
	)
	err := s.Scan(append([]any{
		&o.Seq, &o.ID, &o.ExternalID, &batch, &o.Producer, &o.Account, &o.Type, &o.Source, &o.Filename, &metadata, &submitted, &keep, &o.Priority,
		&o.Phase, &o.Round, &o.Attempts, &o.Reused, &o.Errcode, &o.Code, &o.RID, &o.Reason, &o.Hint, &o.MediaID, &issued, &expires, &finished, &sha,
		&original, &o.Fixed, &o.Size, &values,
	}, more...)...)
	copy(o.Batch[:], batch)
	o.State, o.Metadata, o.SHA256, o.Original = o.Phase.State(), metadata, hex.EncodeToString(sha), hex.EncodeToString(original)
	o.Submitted, o.IssuedAt, o.ExpiresAt, o.Finished = db.Time(submitted), db.TimeOrZero(issued), db.TimeOrZero(expires), db.TimeOrZero(finished)
	o.KeepFresh = db.TimeOrZero(keep)
	if o.Filename == "" {
		o.Filename = path.Base(o.Source)
	}
	if o.Hint == "" && o.Code != "" {
		o.Hint = o.Code.Hint()
	}
	o.Params = Values(values)
	return err
}

// Values reads the values of a reason. Those of a version to come are none: the text says it all.
func Values(text []byte) tasks.Params {
	var p tasks.Params
	if len(text) > 0 && json.Unmarshal(text, &p) != nil {
		return tasks.Params{}
	}
	return p
}

// Outcomes reads uploads as they are now. where names them u.
func Outcomes(t *db.Tx, where string, a ...any) ([]Outcome, error) {
	held, err := Holds(t)
	if err != nil {
		return nil, err
	}
	var os []Outcome
	query := "SELECT " + OutcomeRequest + CurrentEnd + ", u.due_at FROM uploads u WHERE " + where
	err = t.Each(query, a, func(s db.Scanner) error {
		var o Outcome
		var due sql.NullInt64
		if err := o.Scan(s, &due); err != nil {
			return err
		}
		if o.Phase == Waiting {
			o.Until = db.TimeOrZero(due)
		}
		o.Show(held[o.Account], t.Now)
		os = append(os, o)
		return nil
	})
	return os, err
}

// Show shows a queued upload of a held account as waiting for the hold. Its row does not say so.
func (o *Outcome) Show(h *Hold, now int64) {
	if o.State != tasks.Queued || !h.Stops(o.Priority, now) {
		return
	}
	o.State, o.Until, o.Code, o.Errcode, o.RID, o.Reason = tasks.Waiting, h.Until, h.Code, h.Errcode, h.RID, h.Reason
	o.Hint, o.Params = h.Code.Hint(), h.Params
}

// ofRound reads an upload with the outcome of one of its rounds, the current one or an earlier one.
func ofRound(t *db.Tx, seq int64, round int) (o Outcome, found bool, err error) {
	read := func(query string, a ...any) error {
		return t.Each(query, a, func(s db.Scanner) error {
			found = true
			return o.Scan(s)
		})
	}
	err = read("SELECT "+OutcomeRequest+CurrentEnd+" FROM uploads u WHERE u.seq = ? AND u.round = ?", seq, round)
	if err == nil && !found {
		err = read("SELECT "+OutcomeRequest+outcomeEnd+" FROM uploads u JOIN rounds r ON r.upload = u.seq WHERE u.seq = ? AND r.round = ?", seq, round)
	}
	return o, found, err
}
