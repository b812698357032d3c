package webhook

import (
	"crypto/x509"
	"log/slog"
	"time"
)

// Config has the settings of a Sender. The zero value delivers to public addresses with the defaults.
type Config struct {
	// Timeout bounds one request, from DNS to the end of the answer. Zero: 15 s.
	Timeout time.Duration
	// MaxResponse bounds the bytes that are read of an answer. Zero: 64 KiB.
	MaxResponse int64
	// Attempts is the number of requests after which a delivery is given up. Zero: 10, which the schedule spreads over 75
	// hours.
	Attempts int
	// Allow returns the hosts, addresses and CIDRs that may be called for a producer although they are not public. A host
	// may resolve to any address. Nil: only public addresses. It is called concurrently, for each attempt.
	Allow func(producer string) []string
	// LocalLoopback lets events of what a person submitted at this machine's command line (tasks.Event.Local) go to
	// loopback addresses, where everything runs in one process.
	LocalLoopback bool
	// RootCAs verify receivers. Nil: the system's.
	RootCAs *x509.CertPool
	// UserAgent is the header of that name. Empty: mediaferry.
	UserAgent string
	// Now is the clock of signatures, Retry-After dates and breakers. Nil: time.Now.
	Now func() time.Time
	// Log gets a line when a breaker opens. Nil: no lines.
	Log *slog.Logger
}
