package ledger

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Wait ends a claim: the upload waits for p.For. The attempt, where there is one, counts. An upload that somebody
// asked to cancel ends canceled instead. ErrFenced: somebody else has claimed it since.
func (l *Ledger) Wait(ctx context.Context, k tasks.Token, p tasks.Pause) error {
	return l.writer.claims.over(k, l.work(ctx, "postpone upload", k.Upload, func(t *tx) error {
		r, err := t.owned(k)
		if err != nil {
			return err
		}
		if err := r.allowed(tasks.StepWait, true); err != nil {
			return err
		}
		if err := t.record(r, p.Attempt); err != nil {
			return err
		}
		if r.cancel {
			return t.yield(r)
		}
		return t.postpone(r, t.Now+p.For.Microseconds(), p.Cause, nil)
	}))
}

// HandBack ends a claim without an attempt: the upload is ready for another worker, after a while where after is not
// 0. cause is shown meanwhile. An upload that somebody asked to cancel ends canceled instead.
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
		return t.postpone(r, t.Now+after.Microseconds(), cause, nil)
	}))
}

// Finish records the outcome of a claimed upload together with its attempt, its media, its event and what that means
// for its batch, in one transaction. A success that comes after somebody asked to cancel wins; anything else then
// ends canceled. ErrFenced: somebody else has claimed the upload since, or it has its outcome; the caller drops its
// result, and the media, where there is one, was kept for reuse. Finishing the same claim twice with the same outcome
// is not an error. Unavailable: nothing was written, the caller may try again.
func (l *Ledger) Finish(ctx context.Context, k tasks.Token, res tasks.Result) error {
	if !res.State.Final() {
		return &tasks.Error{Code: tasks.Invalid, Op: "finish upload", Err: errors.New("the state is no outcome")}
	}
	return l.writer.claims.over(k, l.work(ctx, "finish upload", k.Upload, func(t *tx) error { return t.finishClaim(k, res) }))
}

func (t *tx) finishClaim(k tasks.Token, res tasks.Result) error {
	r, err := t.find(k.Upload)
	if err != nil {
		return err
	}
	ours := r != nil && bytes.Equal(r.token, k.Claim[:])
	switch {
	case ours && r.phase.Final() && repeats(r, res):
		return nil
	case !ours || r.phase.Final() || r.phase == schema.Waiting:
		if err := t.keep(res, nil); err != nil {
			return err
		}
		return tasks.ErrFenced
	}
	if err := r.allowed(stepTo(res.State), true); err != nil {
		return err
	}
	if err := t.record(r, res.Attempt); err != nil {
		return err
	}
	if err := t.keep(res, r); err != nil {
		return err
	}
	if err := t.conclude(r, ending{state: res.State, result: &res, cause: res.Cause}); err != nil {
		return err
	}
	if res.State != tasks.Succeeded || res.Reused {
		return nil // it says nothing about the account
	}
	return t.climb(r.account)
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

// record keeps the attempt that a claim ended with, and counts it.
func (t *tx) record(r *row, a *tasks.Attempt) error {
	if a == nil {
		return nil
	}
	r.attempts++
	_, err := t.Exec("INSERT INTO attempts (upload, round, number, started_at, took, errcode, code, rid, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		r.seq, r.round, r.attempts, db.Micros(a.Started), a.Took.Microseconds(), a.Errcode, db.TextOrNull(string(a.Code)), db.TextOrNull(clean(a.RID)), db.TextOrNull(clean(a.Reason)))
	return err
}

// keep remembers a media that WeChat issued. r is the upload it was issued for, where that is still its claim's.
func (t *tx) keep(res tasks.Result, r *row) error {
	if res.State != tasks.Succeeded || res.Reused || res.Media.ID == "" || res.Key == (tasks.MediaKey{}) {
		return nil
	}
	if r == nil || r.phase != schema.Running {
		return t.keepMedia(res.Key, res.Media)
	}
	n, err := t.Exec(`UPDATE media SET media_id = ?, issued_at = ?, expires_at = ?, holder = NULL
		WHERE realm = ? AND appid = ? AND type = ? AND hash = ? AND holder = ?`,
		clean(res.Media.ID), db.Micros(res.Media.IssuedAt), db.Micros(res.Media.ExpiresAt),
		res.Key.Realm, res.Key.AppID, string(res.Key.Type), res.Key.Hash[:], r.seq)
	if err != nil {
		return err
	}
	if n == 0 {
		return t.keepMedia(res.Key, res.Media)
	}
	t.wakes = append(t.wakes, r.seq)
	return nil
}

func (t *tx) keepMedia(k tasks.MediaKey, m tasks.Media) error {
	_, err := t.Exec(`INSERT INTO media (realm, appid, type, hash, media_id, issued_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (realm, appid, type, hash) DO UPDATE SET media_id = excluded.media_id, issued_at = excluded.issued_at,
		expires_at = excluded.expires_at WHERE media.expires_at IS NULL OR media.expires_at < excluded.expires_at`,
		k.Realm, k.AppID, string(k.Type), k.Hash[:], clean(m.ID), db.Micros(m.IssuedAt), db.Micros(m.ExpiresAt))
	return err
}

// KeepMedia remembers a media that WeChat issued, unless one that lives longer is known.
func (l *Ledger) KeepMedia(ctx context.Context, k tasks.MediaKey, m tasks.Media) error {
	return l.do(ctx, "keep media", func(t *tx) error { return t.keepMedia(k, m) })
}
