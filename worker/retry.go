package worker

import (
	"cmp"
	"time"
)

// Retry says how often an upload is tried, and after which pauses. A zero value means the default beside it.
type Retry struct {
	Attempts int           // tries in one round; default 12, which usually last ten minutes
	Base     time.Duration // the limit of the first pause; default 1 s
	Cap      time.Duration // the limit of all pauses; default 5 min

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

// pause returns the pause after that many failed attempts (from 1), with full jitter: a random share, from 0 up to 1, of a
// limit which doubles with each attempt. So uploads that failed together spread over the whole time. A longer pause that
// WeChat asked for wins.
func (r Retry) pause(failed int, random float64, asked time.Duration) time.Duration {
	limit := r.Cap
	if shift := failed - 1; shift < 32 {
		if d := r.Base << shift; d>>shift == r.Base && d < limit {
			limit = d
		}
	}
	return max(time.Duration(random*float64(limit)), asked)
}
