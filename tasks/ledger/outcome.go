package ledger

import (
	"database/sql"
	"encoding/hex"
	"path"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// outcomeRow is an upload as it is shown, with what the ledger needs to page and to look further.
type outcomeRow struct {
	tasks.Outcome
	seq   int64
	phase phase
}

// outcomeRequest is what the producer asked for; outcomeEnd is how a round stands. The latter has the same names in
// the tables uploads and rounds.
const (
	outcomeRequest = `u.seq, u.id, COALESCE(u.external_id, ''), (SELECT b.id FROM batches b WHERE b.seq = u.batch), u.producer, u.account, u.type,
	u.source, COALESCE(u.filename, ''), u.metadata, u.submitted_at, `
	outcomeEnd = `r.phase, r.round, r.attempts, r.reused, r.errcode, COALESCE(r.code, ''), COALESCE(r.rid, ''), COALESCE(r.reason, ''),
	COALESCE(r.hint, ''), COALESCE(r.media_id, ''), r.issued_at, r.expires_at, r.finished_at, r.sha256, r.original, COALESCE(r.fixed, ''),
	COALESCE(r.size, 0)`
)

// currentEnd is outcomeEnd of an upload's own row.
const currentEnd = `u.phase, u.round, u.attempts, u.reused, u.errcode, COALESCE(u.code, ''), COALESCE(u.rid, ''), COALESCE(u.reason, ''),
	COALESCE(u.hint, ''), COALESCE(u.media_id, ''), u.issued_at, u.expires_at, u.finished_at, u.sha256, u.original, COALESCE(u.fixed, ''),
	COALESCE(u.size, 0)`

func (o *outcomeRow) scan(s scanner, more ...any) error {
	var (
		batch, sha, metadata      []byte
		original                  []byte
		submitted                 int64
		issued, expires, finished sql.NullInt64
	)
	err := s.Scan(append([]any{
		&o.seq, &o.ID, &o.ExternalID, &batch, &o.Producer, &o.Account, &o.Type, &o.Source, &o.Filename, &metadata, &submitted,
		&o.phase, &o.Round, &o.Attempts, &o.Reused, &o.Errcode, &o.Code, &o.RID, &o.Reason, &o.Hint, &o.MediaID, &issued, &expires, &finished, &sha,
		&original, &o.Fixed, &o.Size,
	}, more...)...)
	copy(o.Batch[:], batch)
	o.State, o.Metadata, o.SHA256, o.Original = o.phase.state(), metadata, hex.EncodeToString(sha), hex.EncodeToString(original)
	o.Submitted, o.IssuedAt, o.ExpiresAt, o.Finished = timeOf(submitted), timeOrZero(issued), timeOrZero(expires), timeOrZero(finished)
	if o.Filename == "" {
		o.Filename = path.Base(o.Source)
	}
	if o.Hint == "" && o.Code != "" {
		o.Hint = o.Code.Hint()
	}
	return err
}

// outcomes reads uploads as they stand. where may speak of u.
func (t *tx) outcomes(where string, a ...any) ([]outcomeRow, error) {
	held, err := t.holds()
	if err != nil {
		return nil, err
	}
	var os []outcomeRow
	query := "SELECT " + outcomeRequest + currentEnd + ", u.due_at FROM uploads u WHERE " + where
	err = t.each(query, a, func(s scanner) error {
		var o outcomeRow
		var due sql.NullInt64
		if err := o.scan(s, &due); err != nil {
			return err
		}
		if o.phase == waiting {
			o.Until = timeOrZero(due)
		}
		o.show(held[o.Account], t.now)
		os = append(os, o)
		return nil
	})
	return os, err
}

// show lets a queued upload of a held account wait for the hold, as it does, though its row says nothing of that.
func (o *outcomeRow) show(h *hold, now int64) {
	if o.State != tasks.Queued || !h.inForce(now) {
		return
	}
	o.State, o.Until, o.Code, o.Errcode, o.RID, o.Reason = tasks.Waiting, h.Until, h.Code, h.Errcode, h.RID, h.Reason
	o.Hint = h.Code.Hint()
}

// ofRound reads an upload with the outcome of one of its rounds, be it the current one or an earlier one.
func (t *tx) ofRound(seq int64, round int) (o outcomeRow, found bool, err error) {
	read := func(query string, a ...any) error {
		return t.each(query, a, func(s scanner) error {
			found = true
			return o.scan(s)
		})
	}
	err = read("SELECT "+outcomeRequest+currentEnd+" FROM uploads u WHERE u.seq = ? AND u.round = ?", seq, round)
	if err == nil && !found {
		err = read("SELECT "+outcomeRequest+outcomeEnd+" FROM uploads u JOIN rounds r ON r.upload = u.seq WHERE u.seq = ? AND r.round = ?", seq, round)
	}
	return o, found, err
}

// history reads all attempts of an upload, in the order in which they were made.
func (t *tx) history(seq int64) ([]tasks.Attempt, error) {
	var as []tasks.Attempt
	err := t.each(`SELECT round, number, started_at, took, errcode, COALESCE(code, ''), COALESCE(rid, ''), COALESCE(reason, '')
		FROM attempts WHERE upload = ? ORDER BY round, number`, args{seq}, func(s scanner) error {
		var a tasks.Attempt
		var started, took int64
		err := s.Scan(&a.Round, &a.Number, &started, &took, &a.Errcode, &a.Code, &a.RID, &a.Reason)
		a.Started, a.Took = timeOf(started), time.Duration(took)*time.Microsecond
		as = append(as, a)
		return err
	})
	return as, err
}
