package wire

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"
)

// inboxURL is where the workers ask this process for the files that were sent to it. Empty: they can't.
func (s *Stack) inboxURL(ctx context.Context, listening net.Addr) string {
	switch set := s.Config.HTTP.InboxURL; {
	case s.inboxes == nil:
		return ""
	case set != "":
		return strings.TrimSuffix(set, "/")
	case s.Config.TLS.CertFile != "": // only a setting can tell the name in the certificate
		return ""
	}
	host, port, err := net.SplitHostPort(listening.String())
	if err != nil {
		return ""
	}
	if ip, err := netip.ParseAddr(host); err != nil || ip.IsUnspecified() {
		host = s.ownAddress(ctx)
	}
	if host == "" {
		return ""
	}
	return "http://" + net.JoinHostPort(host, port)
}

// ownAddress is the address of this machine on the way to Redis, which the workers reach, too. Empty: it is not known.
func (s *Stack) ownAddress(ctx context.Context) string {
	o, err := s.Config.Redis()
	if err != nil || o.Universal == nil || len(o.Universal.Addrs) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if strings.HasPrefix(o.Universal.Addrs[0], "/") { // a socket: all are on this machine
		return "127.0.0.1"
	}
	conn, err := new(net.Dialer).DialContext(ctx, "udp", o.Universal.Addrs[0]) // sends nothing
	if err != nil {
		return ""
	}
	defer conn.Close()
	host, _, err := net.SplitHostPort(conn.LocalAddr().String())
	if err != nil {
		return ""
	}
	return host
}
