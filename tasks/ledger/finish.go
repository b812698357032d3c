package ledger

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Wait ends a claim: the upload waits for p.For. The attempt in p counts. An upload that somebody asked to cancel ends
// canceled instead. Wait returns ErrFenced if another worker has claimed the upload since.
func (l *Ledger) Wait(ctx context.Context, k tasks.Token, p tasks.Pause) error {
	return l.writer.claims.over(k, l.work(ctx, "postpone upload", k.Upload, func(t *tx) error {
		r, err := t.owned(k)
		if err != nil {
			return err
		}
		if err := r.allowed(tasks.StepWait, true); err != nil {
			return err
		}
		if p.Attempt != nil {
			if err := t.writeAttempts([]attempt{r.attempt(p.Attempt)}); err != nil {
				return err
			}
		}
		if r.cancel {
			return t.yield(r)
		}
		return t.postpone(r, postponement{until: t.Now + p.For.Microseconds(), why: p.Cause})
	}))
}

// HandBack ends a claim without an attempt. The upload is ready for another worker, at once or, if after is not 0, after
// that time. People see cause meanwhile. An upload that somebody asked to cancel ends canceled instead.
func (l *Ledger) HandBack(ctx context.Context, k tasks.Token, after time.Duration, cause *tasks.Error) error {
	return l.writer.claims.over(k, l.work(ctx, "hand back upload", k.Upload, func(t *tx) error {
		r, err := t.owned(k)
		if err != nil {
			return err
		}
		if err := r.allowed(tasks.StepHandBack, true); err != nil {
			return err
		}
		if after <= 0 || r.cancel {
			return t.yield(r)
		}
		return t.postpone(r, postponement{until: t.Now + after.Microseconds(), why: cause})
	}))
}

// Finish records the outcome of a claimed upload together with its attempt, its media, its event and the count of its
// batch, in one transaction. If somebody asked to cancel the upload, a success still wins; anything else ends canceled.
//
// Finish returns ErrFenced if another worker has claimed the upload since, or if it has its outcome. The caller then drops
// its result; the media was kept for reuse. Finishing the same claim twice with the same outcome is not an error.
// Unavailable means that nothing was written: the caller may try again.
//
// Outcomes that are reported at the same time are recorded as one set. A fenced one does not fail the others.
func (l *Ledger) Finish(ctx context.Context, k tasks.Token, res tasks.Result) error {
	if !res.State.Final() {
		return &tasks.Error{Code: tasks.Invalid, Op: "finish upload", Err: tasks.Textf("the state is no outcome")}
	}
	return l.writer.claims.over(k, l.writer.submit(ctx, &op{name: "finish upload", key: k.Upload, work: true, finish: &finish{token: k, result: res}}))
}

// finish is one call of Finish.
type finish struct {
	token  tasks.Token
	result tasks.Result
}

// finishAll runs calls of Finish as one set, in the order of their uploads, and answers each.
func (t *tx) finishAll(ops []*op) error {
	ids := make([]uuid.UUID, len(ops))
	for i, o := range ops {
		ids[i] = o.finish.token.Upload
	}
	rows, err := t.lock(ids)
	if err != nil {
		return err
	}
	var (
		endings  []*ending
		attempts []attempt
		accounts []string // that have answered
	)
	kept, err := t.keepAll(ops, rows)
	if err != nil {
		return err
	}
	for _, o := range ops {
		f, r := o.finish, rows[o.finish.token.Upload]
		e, err := t.outcomeOf(f, r, kept[f])
		switch {
		case err != nil && !db.IsAnswer(err):
			return err
		case err != nil || e == nil:
			o.answer = err
			continue
		}
		if a := f.result.Attempt; a != nil {
			attempts = append(attempts, r.attempt(a))
		}
		if f.result.State == tasks.Succeeded && !f.result.Reused { // anything else says nothing about the account
			accounts = append(accounts, r.account)
		}
		endings = append(endings, e)
		rows[f.token.Upload] = e.done()
	}
	if err := t.writeAttempts(attempts); err != nil {
		return err
	}
	if err := t.conclude(endings...); err != nil {
		return err
	}
	for _, a := range accounts {
		if err := t.rampUp(a); err != nil {
			return err
		}
	}
	return nil
}

// outcomeOf returns the ending that one report leads to. It returns nil if the report repeats what is recorded, and
// ErrFenced if the claim is over. It keeps the media that WeChat issued in any case, unless that is kept already.
func (t *tx) outcomeOf(f *finish, r *row, kept bool) (e *ending, err error) {
	switch ours := r.ownedBy(f.token); {
	case ours && r.phase.Final() && repeats(r, f.result):
		return nil, nil
	case !ours || r.phase.Final():
		if _, err := t.keep(f.result, nil); err != nil {
			return nil, err
		}
		return nil, tasks.ErrFenced
	}
	if err := r.allowed(stepTo(f.result.State), true); err != nil {
		return nil, err
	}
	if !kept {
		kept, err = t.keep(f.result, r)
	}
	return &ending{row: r, state: f.result.State, result: &f.result, cause: f.result.Cause, kept: kept || f.result.Reused}, err
}

// done returns the row as it will be once the ending is written, for a second report in the same set.
func (e *ending) done() *row {
	r := *e.row
	state := e.state
	if r.cancel && state != tasks.Succeeded {
		state = tasks.Canceled
	}
	r.phase, r.mediaID = schema.PhaseOf(state), clean(e.result.Media.ID)
	return &r
}

func stepTo(s tasks.State) tasks.Step {
	switch s {
	case tasks.Succeeded:
		return tasks.StepSucceed
	case tasks.Failed:
		return tasks.StepFail
	default:
		return tasks.StepCancel
	}
}

// repeats reports whether res is what r already ended with.
func repeats(r *row, res tasks.Result) bool {
	state := res.State
	if r.cancel && state != tasks.Succeeded {
		state = tasks.Canceled
	}
	return r.phase.State() == state && (state != tasks.Succeeded || r.mediaID == clean(res.Media.ID))
}

// attempt is an attempt as it is recorded.
type attempt struct {
	upload        int64
	round, number int
	*tasks.Attempt
}

// attempt counts an attempt of r.
func (r *row) attempt(a *tasks.Attempt) attempt {
	r.attempts++
	return attempt{r.seq, r.round, r.attempts, a}
}

func (a attempt) values() []any {
	return []any{
		a.upload, a.round, a.number, db.Micros(a.Started), a.Took.Microseconds(), a.Errcode,
		db.TextOrNull(string(a.Code)), db.TextOrNull(clean(a.RID)), db.TextOrNull(clean(a.Reason)), valuesOf(a.Params),
	}
}

func (t *tx) writeAttempts(as []attempt) error {
	return t.insert("INSERT INTO attempts (upload, round, number, started_at, took, errcode, code, rid, reason, reason_values)",
		[]string{"bigint", "bigint", "bigint", "bigint", "bigint", "bigint", "text", "text", "text", "text"}, len(as), func(i int) []any { return as[i].values() })
}

// keepAll is keep for the reports of claims that are not over, as far as one statement can do it. The others need a closer
// look. On SQLite each row is found by its key, one by one.
func (t *tx) keepAll(ops []*op, rows map[uuid.UUID]*row) (map[*finish]bool, error) {
	if !t.Dialect.Concurrent {
		return nil, nil //nolint:nilnil // none is kept
	}
	byUpload, byKey := map[int64]*finish{}, map[tasks.MediaKey]*finish{}
	for _, o := range ops {
		f := o.finish
		r := rows[f.token.Upload]
		if !issued(f.result) || !r.ownedBy(f.token) || r.phase != schema.Running || r.renews != 0 || byUpload[r.seq] != nil || byKey[f.result.Key] != nil {
			continue
		}
		byUpload[r.seq], byKey[f.result.Key] = f, f
	}
	if len(byUpload) == 0 {
		return nil, nil //nolint:nilnil // none is kept
	}
	seqs := slices.Sorted(maps.Keys(byUpload))
	args := arrays(len(seqs), func(i int) []any {
		res := byUpload[seqs[i]].result
		return append(append(db.Args{clean(res.Media.ID), db.Micros(res.Media.IssuedAt), db.Micros(res.Media.ExpiresAt)}, mediaArgs(res.Key)...), seqs[i])
	})
	kept := map[*finish]bool{}
	err := t.Each(`UPDATE media m SET media_id = v.m, issued_at = v.i, expires_at = v.x, holder = NULL, upload = v.s
		FROM unnest(?::text[], ?::bigint[], ?::bigint[], ?::text[], ?::text[], ?::text[], ?::bytea[], ?::bigint[]) AS v (m, i, x, r, a, t, h, s)
		WHERE m.realm = v.r AND m.appid = v.a AND m.type = v.t AND m.hash = v.h AND m.holder = v.s RETURNING v.s`, args, func(s db.Scanner) error {
		var seq int64
		err := s.Scan(&seq)
		kept[byUpload[seq]] = true
		t.wakes = append(t.wakes, seq)
		return err
	})
	return kept, err
}

// keep keeps a media that WeChat issued, for reuse. r is the upload that it was issued for, if that upload still belongs to
// the claim. kept reports that the upload has released its content.
func (t *tx) keep(res tasks.Result, r *row) (kept bool, err error) {
	if !issued(res) {
		return false, nil
	}
	if r == nil || r.phase != schema.Running {
		return false, t.keepMedia(res.Key, res.Media, r)
	}
	from := ", upload = holder"
	if r.renews != 0 { // the ledger's own: the media still comes from the upload that somebody asked for
		from = ""
	}
	n, err := t.Exec(`UPDATE media SET media_id = ?, issued_at = ?, expires_at = ?, holder = NULL`+from+`
		WHERE realm = ? AND appid = ? AND type = ? AND hash = ? AND holder = ?`,
		append(append(db.Args{clean(res.Media.ID), db.Micros(res.Media.IssuedAt), db.Micros(res.Media.ExpiresAt)}, mediaArgs(res.Key)...), r.seq)...)
	if err != nil {
		return false, err
	}
	if n == 0 {
		return false, t.keepMedia(res.Key, res.Media, r)
	}
	t.wakes = append(t.wakes, r.seq)
	return true, nil
}

// issued reports whether WeChat has issued a media for this result.
func issued(res tasks.Result) bool {
	return res.State == tasks.Succeeded && !res.Reused && res.Media.ID != "" && res.Key != tasks.MediaKey{}
}

// keepMedia keeps a media, unless one that lives longer is known. r is the upload that it was issued for; nil: it is not known.
func (t *tx) keepMedia(k tasks.MediaKey, m tasks.Media, r *row) error {
	var upload any
	if r != nil && r.renews == 0 {
		upload = r.seq
	}
	_, err := t.Exec(`INSERT INTO media (realm, appid, type, hash, media_id, issued_at, expires_at, producer, upload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (realm, appid, type, hash) DO UPDATE SET media_id = excluded.media_id, issued_at = excluded.issued_at,
		expires_at = excluded.expires_at, upload = COALESCE(excluded.upload, media.upload) WHERE media.expires_at IS NULL OR media.expires_at < excluded.expires_at`,
		append(mediaArgs(k), clean(m.ID), db.Micros(m.IssuedAt), db.Micros(m.ExpiresAt), db.TextOrNull(k.Producer), upload)...)
	return err
}

// KeepMedia keeps a media that WeChat issued, unless one that lives longer is known.
func (l *Ledger) KeepMedia(ctx context.Context, k tasks.MediaKey, m tasks.Media) error {
	return l.do(ctx, "keep media", func(t *tx) error { return t.keepMedia(k, m, nil) })
}
