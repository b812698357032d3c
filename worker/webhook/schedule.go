package webhook

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Attempts is how many requests a delivery is worth by default.
const Attempts = 10

// schedule is the pause before the second attempt, the third and so on: the one that the Standard Webhooks
// specification recommends, 75 h 35 min in all, so that a receiver that breaks on Friday evening and is mended on
// Monday still gets everything. Further attempts repeat the last pause.
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

// MaxRetryAfter bounds what a receiver can ask for with Retry-After: the longest pause of the schedule.
const MaxRetryAfter = 24 * time.Hour

// jitter spreads a pause by up to a tenth to either side, so that what failed together does not come back together.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()*2-1)*float64(d)/10)
}

// pause is how long to wait after so many attempts (at least 1). The receiver can lengthen it and not shorten it:
// an endpoint that always asks for one second would use up all attempts in ten.
func pause(attempts int, asked time.Duration) time.Duration {
	return max(jitter(schedule[min(max(attempts, 1), len(schedule))-1]), asked)
}

// retryAfter reads the header in both of its forms, seconds and HTTP date; 0 where it is absent, past or nonsense.
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
