package webhook_test

import (
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/webhook"
	"github.com/mediaferry/mediaferry/worker/webhook/webhooktest"
)

// Nothing listens at these; what matters is that the refusal comes before a connection is tried.
func TestGuardRefuses(t *testing.T) {
	t.Parallel()
	sender := webhook.New(webhook.Config{LocalLoopback: true}, webhooktest.Secrets(known))
	t.Cleanup(sender.Close)
	for _, host := range []string{
		"127.0.0.1", "127.9.9.9", "localhost", "0.0.0.0", // this machine
		"10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1", // private
		"169.254.169.254", "169.254.170.2", "168.63.129.16", // link-local, and what clouds tell their machines
		"100.64.0.1", "100.127.255.254", "100.100.100.200", // CGNAT, and Alibaba's metadata
		"192.0.0.192", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", // special
		"[::]", "[::1]", // this machine
		"[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", // link-local, private, and Amazon's metadata
		"[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[::ffff:a9fe:a9fe]", // IPv4 in IPv6
		"[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[2001:db8::1]", "[ff02::1]", // translated and special
	} {
		r := sender.Deliver(t.Context(), delivery("http://"+host+":9/"))
		if r.State != tasks.Pending || !strings.HasSuffix(r.Reason, "there is no such host, or its address is not public; an operator may allow it (webhook.allow)") {
			t.Errorf("%s: %+v", host, r)
		}
	}
	// A name that does not exist is told from none of them.
	if r := sender.Deliver(t.Context(), delivery("http://name.invalid/")); !strings.HasSuffix(r.Reason, "there is no such host, or its address is not public; an operator may allow it (webhook.allow)") {
		t.Errorf("%+v", r)
	}
	// Odd spellings of 127.0.0.1 are no addresses to Go: they are looked up as names, and those lead nowhere.
	for _, host := range []string{"0x7f.1", "2130706433", "0177.0.0.1", "127.1"} {
		if r := sender.Deliver(t.Context(), delivery("http://"+host+":9/")); r.State == tasks.Delivered || strings.Contains(r.Reason, "refused or could not be made") {
			t.Errorf("%s: %+v", host, r)
		}
	}
}

func TestGuardAllows(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	port := b.url[strings.LastIndexByte(b.url, ':'):]
	v6 := listen6(t, b)
	for _, c := range []struct {
		name, url, producer string
		local               bool
		allow               []string
		want                tasks.DeliveryState
	}{
		{"an address", b.url, "shop", false, []string{"127.0.0.1"}, tasks.Delivered},
		{"a CIDR", b.url, "shop", false, []string{"127.0.0.0/8"}, tasks.Delivered},
		{"an address mapped into IPv6", b.url, "shop", false, []string{"::ffff:127.0.0.1"}, tasks.Delivered},
		{"another CIDR", b.url, "shop", false, []string{"10.0.0.0/8", "::1"}, tasks.Pending},
		{"a host", "http://localhost" + port, "shop", false, []string{"LOCALHOST"}, tasks.Delivered},
		{"a host with its root dot", "http://localhost" + port, "shop", false, []string{"localhost."}, tasks.Delivered},
		{"another host", "http://localhost" + port, "shop", false, []string{"receiver.internal"}, tasks.Pending},
		{"its name does not allow its address", b.url, "shop", false, []string{"localhost"}, tasks.Pending},
		{"IPv6", v6, "shop", false, []string{"::1/128"}, tasks.Delivered},
		{"the person here", b.url, "local", true, nil, tasks.Delivered},
		{"a key of that name", b.url, "local", false, nil, tasks.Pending},
		{"the person here, by name", "http://localhost" + port, "local", true, nil, tasks.Delivered},
		{"a private address, for the person here", "http://10.0.0.1:9", "local", true, nil, tasks.Pending},
		{"somebody else", b.url, "shop", false, nil, tasks.Pending},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sender := webhook.New(webhook.Config{Now: b.clock.now, LocalLoopback: true, Allow: func(string) []string { return c.allow }},
				webhooktest.Secrets(b.secret))
			t.Cleanup(sender.Close)
			d := delivery(c.url)
			d.Event.Producer, d.Event.Local = c.producer, c.local
			if r := sender.Deliver(t.Context(), d); r.State != c.want {
				t.Errorf("%+v", r)
			}
		})
	}
}

// A connection that was made for one producer is not there for another.
func TestGuardOfOneProducer(t *testing.T) {
	t.Parallel()
	b := setup(t, func(cfg *webhook.Config) {
		cfg.Allow = func(producer string) []string { return map[string][]string{"shop": {"127.0.0.1"}}[producer] }
	})
	for producer, want := range map[string]tasks.DeliveryState{"shop": tasks.Delivered, "other": tasks.Pending, "local": tasks.Pending} {
		d := delivery(b.url)
		d.Event.Producer = "shop"
		b.sender.Deliver(t.Context(), d)
		d.Event.Producer = producer
		if r := b.sender.Deliver(t.Context(), d); r.State != want {
			t.Errorf("%s: %+v", producer, r)
		}
	}
}

// listen6 serves the receiver on ::1 too; every Linux has it unless IPv6 is switched off, and then 127.0.0.1 stands in.
func listen6(t *testing.T, b *bundle) string {
	t.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return b.url
	}
	server := httptest.NewUnstartedServer(b.receiver)
	server.Listener.Close()
	server.Listener = l
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}
