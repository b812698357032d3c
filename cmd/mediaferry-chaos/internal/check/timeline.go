package check

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// moment is one line of a timeline.
type moment struct {
	at   time.Time
	text string
}

// Timeline lists everything that is known of one upload, in order of time.
func (r *Records) Timeline(id uuid.UUID) []string {
	var ms []moment
	add := func(at time.Time, format string, args ...any) {
		ms = append(ms, moment{at, fmt.Sprintf(format, args...)})
	}
	o := r.outcomes[id]
	for _, e := range r.Journal {
		if e.ID == id || o != nil && (e.Source == o.Source || e.Producer == o.Producer && e.Name == r.name(o)) {
			add(e.At, "%s %s %s %.12s", e.Kind, e.Name, e.Source, e.SHA256)
		}
	}
	for _, e := range r.Events {
		if uploadOf(e) == id {
			add(r.right(e.At), "event %d %s: %s", e.Seq, e.Type, e.Data)
			for _, h := range r.webhooks[e.ID.String()] {
				add(h.At, "webhook %s, verified %v, answered %d", h.Type, h.Verified, h.Answer)
			}
		}
	}
	if o != nil {
		r.outcomeMoments(o, add)
	}
	r.fleetMoments(id, add)
	slices.SortStableFunc(ms, func(a, b moment) int { return a.at.Compare(b.at) })
	var lines []string
	for _, m := range ms {
		lines = append(lines, m.at.Local().Format(TimeFormat)+"  "+m.text)
	}
	return lines
}

// fleetMoments adds attacks on the workers that may have had the upload, its claims, and observations of it.
func (r *Records) fleetMoments(id uuid.UUID, add func(time.Time, string, ...any)) {
	var first, last time.Time
	for _, s := range r.Injections {
		if slices.Contains(s.Running, id) {
			add(s.Started, "running in some worker when %s hit %s", s.Attack, s.Target)
			if first.IsZero() {
				first = s.Started
			}
			last = s.Started.Add(2 * recoveryLimit)
		}
	}
	for _, c := range r.Claims {
		if c.Upload == id {
			add(r.began(c), "%s claimed it, and ended the claim after %v: %s", c.Process, c.Took.Round(time.Millisecond), c.State)
		}
	}
	for _, s := range r.Observations {
		switch {
		case s.Upload == id:
			add(s.At, "observed %s, generation %d, worker %q, due %s", s.Phase, s.Generation, s.Worker, r.right(s.Due).Local().Format(TimeFormat))
		case s.Upload == uuid.Nil && s.At.After(first) && s.At.Before(last):
			add(s.At, "the leader of %s is %s, until %s", s.Phase, s.Worker, r.right(s.Due).Local().Format(TimeFormat))
		}
	}
	for _, s := range r.Injections {
		if !slices.Contains(s.Running, id) && s.Started.Before(last) && s.Ended.After(first) {
			add(s.Started, "%s hit %s for %v", s.Attack, s.Target, s.Ended.Sub(s.Started).Round(time.Millisecond))
		}
	}
}

// outcomeMoments adds what the ledger and WeChat know of the upload.
func (r *Records) outcomeMoments(o *tasks.Outcome, add func(time.Time, string, ...any)) {
	for _, a := range o.History {
		add(r.right(a.Started), "attempt %d of round %d began, took %v: %s %s", a.Number, a.Round, a.Took.Round(time.Millisecond), a.Code, a.Reason)
	}
	hashes := r.versions[o.Source]
	r.UploadCalls(func(c wechattest.Call) {
		if hashes[c.SHA256] && c.AppID == scenario.AppIDs[o.Account] {
			add(c.Time, "WeChat got %.12s, answered %d errcode %d, media_id %q %s", c.SHA256, c.Status, c.Errcode, c.MediaID, c.Fault)
		}
	})
	add(r.right(o.Submitted), "in the ledger: %s %s, now %s %s, round %d, %d attempts, media_id %q", o.Account, o.Type, o.State, o.Code, o.Round, o.Attempts, o.MediaID)
	if !o.Finished.IsZero() {
		add(r.right(o.Finished), "%s", o.State)
	}
}
