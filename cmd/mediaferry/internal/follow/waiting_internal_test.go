package follow

import (
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestWaitingNote(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 20, 0, 0, 0, time.FixedZone("", 8*3600))
	waits := func(code tasks.Code, reason string, in time.Duration) tasks.Outcome {
		o := tasks.Outcome{State: tasks.Waiting, Code: code, Reason: reason}
		if in != 0 {
			o.Until = now.Add(in).UTC()
		}
		return o
	}
	const refused = "get access token: dial tcp 192.0.2.1:443: connect: connection refused"
	for want, outcomes := range map[string][]tasks.Outcome{
		"": {{State: tasks.Running}, {State: tasks.Succeeded}, {State: tasks.Queued}},
		"3 wait: connection refused, next try in 4 s": {
			waits(tasks.Unreachable, refused, 9*time.Second), waits(tasks.Unreachable, refused, 3100*time.Millisecond), waits(tasks.Unreachable, refused, 0), {State: tasks.Running},
		},
		"1 waits: connection refused, next try now":                                     {waits(tasks.Unreachable, refused, -time.Second)},
		"1 waits: the source is still being written, next try in 2 s":                   {waits(tasks.Unstable, "", 2*time.Second)},
		"3 wait, 2 of them: connection refused, next try in 1 s":                        {waits(tasks.Busy, "", time.Minute), waits(tasks.Unreachable, refused, time.Second), waits(tasks.Unreachable, refused, time.Second)},
		"1 waits: WeChat says: enough for today, next try on 2026-11-28 00:00 +08:00":   {waits(tasks.DailyLimit, "WeChat says: enough for today", 4*time.Hour)},
		"1 waits: the account's calls of this minute are used up, next try at 20:03:00": {waits(tasks.MinuteLimit, "", 3*time.Minute)},
		"1 waits: errcode 40125: invalid appsecret":                                     {waits(tasks.AccountHeld, "errcode 40125: invalid appsecret", time.Hour)},
	} {
		if got := waitingNote(nil, outcomes, now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
