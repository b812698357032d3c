package enqueue

import (
	"log/slog"
	"time"
)

// outage notices when a server goes away and when it is back, and logs each once. It belongs to one goroutine.
type outage struct {
	what  string
	log   *slog.Logger
	since time.Time // zero: it is there
	wait  time.Duration
}

const (
	firstBackoff = 250 * time.Millisecond
	lastBackoff  = 2 * time.Second
)

// note records the result of one call.
func (o *outage) note(err error) {
	switch {
	case err != nil && o.since.IsZero():
		o.since, o.wait = time.Now(), firstBackoff
		o.log.Warn(o.what+" is away: waiting for it", "error", err)
	case err != nil:
		o.wait = min(2*o.wait, lastBackoff)
	case !o.since.IsZero():
		o.log.Info(o.what+" is back", "took", time.Since(o.since).Round(time.Millisecond))
		o.since = time.Time{}
	}
}

func (o *outage) away() bool { return !o.since.IsZero() }

// backoff returns the time to wait before the next call.
func (o *outage) backoff() time.Duration { return o.wait }
