package worker

import (
	"cmp"
	"time"
)

// Retry says how often and how far apart an upload is tried. Every zero value means the default given with it.
type Retry struct {
	Attempts int           // tries in one round; default 12, which last through ten minutes as a rule
	Base     time.Duration // the first pause is at most so long; default 1 s
	Cap      time.Duration // no pause is longer; default 5 min

	UnknownAttempts int           // tries after an errcode that no table knows; default 3
	UnknownPause    time.Duration // between them; default 10 min
}

func (r Retry) withDefaults() Retry {
	r.Attempts = cmp.Or(r.Attempts, 12)
	r.Base = cmp.Or(r.Base, time.Second)
	r.Cap = cmp.Or(r.Cap, 5*time.Minute)
	r.UnknownAttempts = cmp.Or(r.UnknownAttempts, 3)
	r.UnknownPause = cmp.Or(r.UnknownPause, 10*time.Minute)
	return r
}

// pause is the wait after the given number of failed attempts (from 1): full jitter, that is a random share, from 0
// up to 1, of a limit which doubles with each attempt. It spreads a crowd that failed together over the whole span.
// A longer wait that the other side asked for wins.
func (r Retry) pause(failed int, random float64, asked time.Duration) time.Duration {
	limit := r.Cap
	if shift := failed - 1; shift < 32 {
		if d := r.Base << shift; d>>shift == r.Base && d < limit {
			limit = d
		}
	}
	return max(time.Duration(random*float64(limit)), asked)
}
