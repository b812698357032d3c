package webhook

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Attempts is the default of Config.Attempts.
const Attempts = 10

// schedule has the pauses before the second attempt, the third and so on, as the Standard Webhooks specification recommends
// them. They last 75 h 35 min in all, so that a receiver that breaks on Friday evening and is mended on Monday gets
// everything. Further attempts repeat the last pause.
var schedule = []time.Duration{
	5 * time.Second,
	5 * time.Minute,
	30 * time.Minute,
	2 * time.Hour,
	5 * time.Hour,
	10 * time.Hour,
	14 * time.Hour,
	20 * time.Hour,
	24 * time.Hour,
}

// MaxRetryAfter bounds the pause that a receiver can ask for with Retry-After. It is the longest pause of the schedule.
const MaxRetryAfter = 24 * time.Hour

// jitter changes a pause by up to a tenth, so that deliveries that failed together do not come back together.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()*2-1)*float64(d)/10)
}

// pause returns the pause after that many attempts (at least 1). The receiver can lengthen it, but not shorten it: an
// endpoint that always asks for one second would use up all attempts in ten seconds.
func pause(attempts int, asked time.Duration) time.Duration {
	return max(jitter(schedule[min(max(attempts, 1), len(schedule))-1]), asked)
}

// retryAfter reads the header in both of its forms, seconds and HTTP date. It returns 0 for a missing, past or malformed one.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, MaxRetryAfter)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), MaxRetryAfter)
}
