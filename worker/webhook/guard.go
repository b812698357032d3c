package webhook

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"code.dny.dev/ssrf"
)

// connectTimeout bounds DNS and TCP together. TLS has as much again, within the timeout of the request.
const connectTimeout = 10 * time.Second

var loopback = []string{"127.0.0.0/8", "::1/128"}

// azureHost is where every machine in Azure reaches what runs it. It looks public.
var azureHost = netip.MustParsePrefix("168.63.129.16/32")

// guard decides which addresses may be connected to.
type guard struct {
	hosts  []string // names that may resolve to any address, lower case
	safe   *ssrf.Guardian
	dialer net.Dialer
}

// newGuard allows public addresses, and the hosts, addresses and CIDRs of the list. A malformed entry allows nothing.
func newGuard(allow []string) *guard {
	var g guard
	var v4, v6 []netip.Prefix
	for _, entry := range allow {
		prefix, ok := prefixOf(entry)
		switch {
		case !ok:
			g.hosts = append(g.hosts, canonicalHost(entry))
		case prefix.Addr().Is4():
			v4 = append(v4, prefix)
		default:
			v6 = append(v6, prefix)
		}
	}
	g.safe = ssrf.New(ssrf.WithAnyPort(), ssrf.WithDeniedV4Prefixes(azureHost), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
	g.dialer = net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}
	return &g
}

// dial connects to "host:port". It checks the very address that it connects to, so that a name which resolves to another
// address the second time gains nothing.
func (g *guard) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	d := g.dialer
	if !slices.Contains(g.hosts, canonicalHost(host)) {
		d.Control = g.safe.Safe
	}
	return d.DialContext(ctx, network, addr)
}

// refused reports whether err is a refusal by the guard.
func refused(err error) bool {
	return errors.Is(err, ssrf.ErrProhibitedIP) || errors.Is(err, ssrf.ErrProhibitedNetwork)
}

// prefixOf reads a CIDR or a single address.
func prefixOf(entry string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(entry); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(entry)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), true
}

func canonicalHost(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }
