package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// moment is one line of a timeline.
type moment struct {
	at   time.Time
	text string
}

// timeline tells all that is known of one upload, in order.
func (r *records) timeline(id uuid.UUID) []string {
	var ms []moment
	add := func(at time.Time, format string, args ...any) {
		ms = append(ms, moment{at, fmt.Sprintf(format, args...)})
	}
	o := r.outcomes[id]
	for _, e := range r.Log {
		if e.ID == id || o != nil && (e.Source == o.Source || e.Producer == o.Producer && e.Name == r.name(o)) {
			add(e.At, "%s %s %s %.12s", e.Kind, e.Name, e.Source, e.SHA256)
		}
	}
	for _, e := range r.Events {
		if uploadOf(e) == id {
			add(r.right(e.At), "event %d %s: %s", e.Seq, e.Type, e.Data)
			for _, h := range r.hooks[e.ID.String()] {
				add(h.At, "webhook %s, verified %v, answered %d", h.Type, h.Verified, h.Answer)
			}
		}
	}
	if o != nil {
		r.tellOutcome(o, add)
	}
	r.tellFleet(id, add)
	slices.SortStableFunc(ms, func(a, b moment) int { return a.at.Compare(b.at) })
	var lines []string
	for _, m := range ms {
		lines = append(lines, m.at.Local().Format(clockFormat)+"  "+m.text)
	}
	return lines
}

// tellFleet tells what happened to the workers that may have had it, and what was seen of it on its way.
func (r *records) tellFleet(id uuid.UUID, add func(time.Time, string, ...any)) {
	var first, last time.Time
	for _, s := range r.Strikes {
		if slices.Contains(s.Busy, id) {
			add(s.Struck, "running somewhere when %s struck %s", s.Attack, s.What)
			if first.IsZero() {
				first = s.Struck
			}
			last = s.Struck.Add(2 * recoveryLimit)
		}
	}
	for _, c := range r.Claims {
		if c.Upload == id {
			add(r.began(c), "%s claimed it, and ended the claim after %v: %s", c.Process, c.Took.Round(time.Millisecond), c.State)
		}
	}
	for _, s := range r.Sightings {
		switch {
		case s.Upload == id:
			add(s.At, "seen %s, generation %d, worker %q, due %s", s.Phase, s.Generation, s.Worker, r.right(s.Due).Local().Format(clockFormat))
		case s.Upload == uuid.Nil && s.At.After(first) && s.At.Before(last):
			add(s.At, "the leader of %s is %s, until %s", s.Phase, s.Worker, r.right(s.Due).Local().Format(clockFormat))
		}
	}
	for _, s := range r.Strikes {
		if !slices.Contains(s.Busy, id) && s.Struck.Before(last) && s.Healed.After(first) {
			add(s.Struck, "%s struck %s for %v", s.Attack, s.What, s.Healed.Sub(s.Struck).Round(time.Millisecond))
		}
	}
}

func (r *records) tellOutcome(o *tasks.Outcome, add func(time.Time, string, ...any)) {
	for _, a := range o.History {
		add(r.right(a.Started), "attempt %d of round %d began, took %v: %s %s", a.Number, a.Round, a.Took.Round(time.Millisecond), a.Code, a.Reason)
	}
	hashes := r.versions[o.Source]
	r.uploadCalls(func(c wechattest.Call) {
		if hashes[c.SHA256] && c.AppID == appIDs[o.Account] {
			add(c.Time, "WeChat got %.12s, answered %d errcode %d, media_id %q %s", c.SHA256, c.Status, c.Errcode, c.MediaID, c.Fault)
		}
	})
	add(r.right(o.Submitted), "in the ledger: %s %s, now %s %s, round %d, %d attempts, media_id %q", o.Account, o.Type, o.State, o.Code, o.Round, o.Attempts, o.MediaID)
	if !o.Finished.IsZero() {
		add(r.right(o.Finished), "%s", o.State)
	}
}
