package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/mediaferry/mediaferry/tasks"
)

// maxClients bounds how many sets of allowed addresses have connections of their own.
const maxClients = 64

// clients keeps one HTTP client for each set of allowed addresses. A connection that one producer is allowed must not be
// reused for another, and a pool tells connections by their host only.
type clients struct {
	cfg   Config
	byKey *lru.Cache[string, *http.Client]
}

func newClients(cfg Config) *clients {
	// The size is a positive constant, which is all that NewWithEvict can refuse.
	cache, _ := lru.NewWithEvict(maxClients, func(_ string, c *http.Client) { c.CloseIdleConnections() })
	return &clients{cfg: cfg, byKey: cache}
}

// of returns the client for a set. If two callers make it at once, one of the two clients serves a single request.
func (c *clients) of(allow []string) *http.Client {
	key := strings.Join(allow, "\n")
	if client, ok := c.byKey.Get(key); ok {
		return client
	}
	client := newClient(newGuard(allow), c.cfg)
	if kept, found, _ := c.byKey.PeekOrAdd(key, client); found {
		return kept
	}
	return client
}

func (c *clients) close() { c.byKey.Purge() }

// allowed is where an event may go besides public addresses, in an order of its own.
func (s *Sender) allowed(e tasks.Event) []string {
	var allow []string
	if s.cfg.Allow != nil {
		allow = slices.Clone(s.cfg.Allow(e.Producer))
	}
	if s.cfg.LocalLoopback && e.Local {
		allow = append(allow, loopback...)
	}
	slices.Sort(allow)
	return slices.Compact(allow)
}

func newClient(g *guard, cfg Config) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would connect in our place, past the guard
			DialContext:            g.dial,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.RootCAs},
			TLSHandshakeTimeout:    connectTimeout,
			ForceAttemptHTTP2:      true,
			MaxIdleConns:           256,
			MaxIdleConnsPerHost:    16, // as many as a process has deliveries at once
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: cfg.MaxResponse,
		},
	}
}

// explain says in our own words why no answer came. The client's error would print the URL, and text of the receiver.
func (s *Sender) explain(err error) string {
	var unknown x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case unreachable(err):
		return noPublicHost
	case isTimeout(err):
		return "no answer within " + s.cfg.Timeout.String()
	case errors.As(err, &unknown), errors.As(err, &hostname), errors.As(err, &invalid):
		return "its certificate is not valid for it"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "it does not speak TLS"
	case isDial(err):
		return "the connection was refused or could not be made"
	}
	return "the connection broke before the answer"
}

// noPublicHost is said of every host that was not connected to. Who may choose callback URLs can't find out by it which
// names and addresses there are in the operator's own network.
const noPublicHost = "there is no such host, or its address is not public; an operator may allow it (webhook.allow)"

// unreachable reports whether err says that nothing was connected to: the name leads nowhere, or where it must not.
func unreachable(err error) bool {
	var dns *net.DNSError
	return refused(err) || errors.As(err, &dns)
}

// verdictOf: a name that leads nowhere, and what the guard refuses, say nothing about the endpoint.
func verdictOf(err error) verdict {
	if unreachable(err) {
		return unproven
	}
	return down
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || (errors.As(err, &ne) && ne.Timeout())
}

func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
