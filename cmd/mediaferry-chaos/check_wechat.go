package main

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// checkMedia: every media_id that a producer was given was issued by WeChat, to that account, as that type, for the
// very bytes that the source held at some time.
func checkMedia(r *records) {
	holds := map[string]string{}
	for _, m := range r.Media {
		holds[m.ID] = m.SHA256
	}
	for _, e := range r.Events {
		if e.Type != tasks.UploadSucceeded {
			continue
		}
		if o, err := outcomeOf(e.Data); err == nil {
			r.checkMedium(&o, holds)
		}
	}
	for _, o := range r.outcomes {
		if o.State == tasks.Succeeded {
			r.checkMedium(o, holds)
		}
	}
}

func (r *records) checkMedium(o *tasks.Outcome, holds map[string]string) {
	c, issued := r.issued[o.MediaID]
	held, kept := holds[o.MediaID]
	switch {
	case !issued:
		r.report(foundMedia, o.ID, "%s has media_id %q, which WeChat never issued", o.ExternalID, o.MediaID)
	case c.AppID != appIDs[o.Account] || c.Type != string(o.Type):
		r.report(foundMedia, o.ID, "%s has a media_id that was issued to %s as %s", o.ExternalID, c.AppID, c.Type)
	case c.SHA256 != o.SHA256 || kept && held != o.SHA256:
		r.report(foundMedia, o.ID, "%s says its bytes hash to %s, WeChat got %s", o.ExternalID, o.SHA256, c.SHA256)
	case !r.versions[o.Source][o.SHA256]:
		r.report(foundMedia, o.ID, "%s went to WeChat with bytes that %s never held", o.ExternalID, o.Source)
	}
}

// uploadCalls calls do with each call of media/upload.
func (r *records) uploadCalls(do func(wechattest.Call)) {
	for _, c := range r.Calls {
		if strings.HasSuffix(c.Path, pathUpload) {
			do(c)
		}
	}
}

// checkDuplicates: the same content goes to an account twice only where a crash hid the first time.
func checkDuplicates(r *records) {
	found, bound := r.duplicates()
	if found > bound {
		r.report(foundDuplicates, uuid.Nil, "%d uploads reached WeChat more than once; crashes and lost answers explain %d at most", found, bound)
	}
}

// duplicates counts them, and how many there may be. Every upload that was under way in a worker that was killed, that
// stood still, or that was cut off from the ledger or from WeChat may have been taken by WeChat without its knowing;
// so was every one whose answer WeChat itself lost, or gave too late.
func (r *records) duplicates() (found, bound int) {
	times := map[string]int{}
	r.uploadCalls(func(c wechattest.Call) {
		if c.MediaID == "" {
			return
		}
		times[c.AppID+c.Type+c.SHA256]++
		switch wechattest.Kind(c.Fault) {
		case wechattest.ResetAfter, wechattest.NoMediaID, wechattest.Cut:
			bound++
		case wechattest.Slow:
			if r.during("wechat-slow", c.Time) {
				bound++
			}
		}
	})
	for _, n := range times {
		found += n - 1
	}
	inWorker := r.Leg.Slots + r.Leg.Slots/interactiveShare
	for _, s := range r.Strikes {
		switch {
		case s.Attack == "worker-kill" || s.Attack == "worker-stop":
			bound += inWorker
		case s.Attack == clockAhead, s.Attack == clockBack, s.Attack == "worker-roll", strings.HasPrefix(s.Attack, "net-wechat"), strings.HasPrefix(s.Attack, "net-ledger"), strings.HasPrefix(s.Attack, "ledger-"):
			bound += inWorker * r.Leg.Workers
		}
	}
	return found, bound
}

// during reports whether such an attack went on then.
func (r *records) during(attack string, at time.Time) bool {
	return slices.ContainsFunc(r.Strikes, func(s strike) bool {
		return s.Attack == attack && !at.Before(s.Struck) && !at.After(s.Healed)
	})
}

// interactiveShare is how many bulk slots of a worker come to one interactive slot.
const interactiveShare = 4

// checkQuota: the account that has a daily limit was not called more often, on any day of WeChat's. Days are those of
// the ledger, which are SQLite's machine's.
func checkQuota(r *records) {
	calls, days := 0, map[int64]bool{}
	r.uploadCalls(func(c wechattest.Call) {
		if c.AppID == appIDs[accountSmall] {
			calls++
			days[chinaDay(c.Time)] = true
		}
	})
	for _, s := range r.Strikes {
		if s.Attack == clockAhead || s.Attack == clockBack {
			days[chinaDay(s.Struck.Add(s.Skew))] = true
		}
	}
	if limit := smallLimit * len(days); calls > limit {
		r.report(foundQuota, uuid.Nil, "account %s was called %d times on %d days, its limit is %d", accountSmall, calls, len(days), limit)
	}
}

func chinaDay(at time.Time) int64 {
	const offset, day = 8 * 60 * 60, 24 * 60 * 60
	return (at.Unix() + offset) / day
}
