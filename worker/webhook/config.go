package webhook

import (
	"crypto/x509"
	"log/slog"
	"time"
)

// Config is how a Sender behaves. The zero value delivers to public addresses with the defaults.
type Config struct {
	// Timeout is for one request, from DNS to the end of the answer. Zero: 15 s.
	Timeout time.Duration
	// MaxResponse is how many bytes of an answer are read. Zero: 64 KiB.
	MaxResponse int64
	// Attempts is how many requests a delivery is worth. Zero: 10, which the schedule spreads over 75 hours.
	Attempts int
	// Allow lists the hosts, addresses and CIDRs that may be called for a producer although they are not public.
	// A host is trusted wherever its name leads. Nil: none. It is called concurrently, for each attempt.
	Allow func(producer string) []string
	// LocalLoopback lets the producer "local" call loopback addresses: the person at the command line, where
	// everything runs in one process.
	LocalLoopback bool
	// RootCAs verify receivers; nil: the system's.
	RootCAs *x509.CertPool
	// UserAgent; empty: mediaferry.
	UserAgent string
	// Now is the clock of signatures, Retry-After dates and breakers. Nil: time.Now.
	Now func() time.Time
	// Log gets a line when an endpoint is left alone. Nil: none.
	Log *slog.Logger
}
