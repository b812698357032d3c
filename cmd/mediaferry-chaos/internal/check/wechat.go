package check

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// checkMedia: WeChat issued every media_id that a producer got, to the same account, for the same type, and for bytes that
// the source held at some time.
func checkMedia(r *Records) {
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

func (r *Records) checkMedium(o *tasks.Outcome, holds map[string]string) {
	c, issued := r.issued[o.MediaID]
	held, kept := holds[o.MediaID]
	switch {
	case !issued:
		r.add(Media, o.ID, "%s has media_id %q, which WeChat never issued", o.ExternalID, o.MediaID)
	case c.AppID != scenario.AppIDs[o.Account] || c.Type != string(o.Type):
		r.add(Media, o.ID, "%s has a media_id that was issued to %s as %s", o.ExternalID, c.AppID, c.Type)
	case c.SHA256 != o.SHA256 || kept && held != o.SHA256:
		r.add(Media, o.ID, "%s says its bytes hash to %s, WeChat got %s", o.ExternalID, o.SHA256, c.SHA256)
	case !r.versions[o.Source][o.SHA256]:
		r.add(Media, o.ID, "%s went to WeChat with bytes that %s never held", o.ExternalID, o.Source)
	}
}

// UploadCalls calls do for each upload call that WeChat got.
func (r *Records) UploadCalls(do func(wechattest.Call)) {
	for _, c := range r.Calls {
		if strings.HasSuffix(c.Path, history.UploadPath) {
			do(c)
		}
	}
}

// checkDuplicates: the same content goes to an account twice only when a crash may have hidden the first call.
func checkDuplicates(r *Records) {
	found, bound := r.Duplicates()
	if found > bound {
		r.add(Duplicates, uuid.Nil, "%d uploads reached WeChat more than once; crashes and lost answers explain %d at most", found, bound)
	}
}

// Duplicates counts the duplicate calls, and how many there may be. WeChat may have accepted, unknown to the worker, every
// upload that ran in a worker that was killed, stopped, or cut off from the ledger or WeChat, and every upload whose answer
// was lost or late.
func (r *Records) Duplicates() (found, bound int) {
	times := map[string]int{}
	r.UploadCalls(func(c wechattest.Call) {
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
	inWorker := r.Run.Slots + r.Run.Slots/scenario.InteractiveShare
	for _, s := range r.Injections {
		switch {
		case s.Attack == "worker-kill" || s.Attack == "worker-stop":
			bound += inWorker
		case s.Attack == history.ClockAhead, s.Attack == history.ClockBack, s.Attack == "worker-roll", strings.HasPrefix(s.Attack, "net-wechat"), strings.HasPrefix(s.Attack, "net-ledger"), strings.HasPrefix(s.Attack, "ledger-"):
			bound += inWorker * r.Run.Workers
		}
	}
	return found, bound
}

// during reports whether that attack went on at that time.
func (r *Records) during(attack string, at time.Time) bool {
	return slices.ContainsFunc(r.Injections, func(s history.Injection) bool {
		return s.Attack == attack && !at.Before(s.Started) && !at.After(s.Ended)
	})
}

// checkQuota: the calls of the account with a daily limit stay within it, on each day of WeChat. The ledger's clock decides
// what a day is.
func checkQuota(r *Records) {
	calls, days := 0, map[int64]bool{}
	r.UploadCalls(func(c wechattest.Call) {
		if c.AppID == scenario.AppIDs[scenario.AccountSmall] {
			calls++
			days[chinaDay(c.Time)] = true
		}
	})
	for _, s := range r.Injections {
		if s.Attack == history.ClockAhead || s.Attack == history.ClockBack {
			days[chinaDay(s.Started.Add(s.Skew))] = true
		}
	}
	if limit := scenario.SmallLimit * len(days); calls > limit {
		r.add(Quota, uuid.Nil, "account %s was called %d times on %d days, its limit is %d", scenario.AccountSmall, calls, len(days), limit)
	}
}

func chinaDay(at time.Time) int64 {
	const offset, day = 8 * 60 * 60, 24 * 60 * 60
	return (at.Unix() + offset) / day
}
