package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// rights gives the user "ferry" of a Redis what print redis-acl says, and then changes.
func rights(g *clitest.Ground, r *redistest.Server, changes ...any) {
	g.T.Helper()
	printed := g.Run("print", "redis-acl", "--user", "ferry")
	if printed.Code != tasks.ExitOK {
		g.T.Fatal(printed.Err)
	}
	var rules []any
	for _, rule := range strings.Fields(printed.Out) {
		rules = append(rules, rule)
	}
	if err := r.Client().Do(g.T.Context(), append(append(rules, ">let-me-in"), changes...)...).Err(); err != nil {
		g.T.Fatal(err)
	}
}

// A fleet works with the rights that print redis-acl names, and asks for no other.
func TestTheRightsThatArePrintedAreEnoughForAFleet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		parameters string // of redis_url
		changes    []any  // of the rights
		refused    string // the only command that Redis refuses
	}{
		"all of them":                  {},
		"RESP2, and INFO is forbidden": {"?protocol=2", []any{"-info"}, "info"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := clitest.New(t, wechattest.Config{})
			r := fleet(g)
			g.Set("MEDIAFERRY_INBOX__PRODUCER", "shop")
			g.Set("MEDIAFERRY_PRODUCERS__SHOP__KEY", "key-of-the-shop-0000")
			rights(g, r, c.changes...)
			g.Set("MEDIAFERRY_REDIS_URL", "redis://ferry:let-me-in@"+r.Addr()+"/0"+c.parameters)
			g.Set("MEDIAFERRY_METRICS__LISTEN", "127.0.0.1:0")
			l := g.Ledger()
			worker := g.Start("worker")
			g.Start("serve")
			joined(t, l, 2)
			pictures(g, l, "default", 6)
			succeed(t, l, "default", 6)
			g.Write("by-hand.jpg", mediatest.Distinct(7, tasks.Image, 800))
			if up := g.Run("upload", filepath.Join(g.Media, "by-hand.jpg")); up.Code != tasks.ExitOK {
				t.Fatal(up.Err)
			}
			inbox(t, g, r)
			succeed(t, l, "default", 8)
			for _, command := range []string{"doctor", "verify", "status"} {
				if out := g.Run(command); strings.Contains(out.Out+out.Err, "NOPERM") {
					t.Errorf("%s: %s%s", command, out.Out, out.Err)
				}
			}
			taskstest.Until(t, "figures of Redis are shown", func() bool { return worker.Figures().Of("mediaferry_redis_duration_seconds_count") > 0 })
			log, err := r.Client().ACLLog(t.Context(), 100).Result()
			if err != nil {
				t.Fatal(err)
			}
			for _, entry := range log {
				if entry.Object != c.refused {
					t.Errorf("Redis refused %s %q: %+v", entry.Reason, entry.Object, entry)
				}
			}
			if c.refused != "" && len(log) == 0 {
				t.Errorf("Redis refused nothing, %s should be", c.refused)
			}
		})
	}
}

// inbox sends an upload through Redis, as a producer without a ledger does.
func inbox(t *testing.T, g *clitest.Ground, r *redistest.Server) {
	t.Helper()
	g.Write("by-queue.jpg", mediatest.Distinct(8, tasks.Image, 800))
	task, err := tasks.NewUploadTask(tasks.Upload{ExternalID: "by-queue", Account: "default", Type: tasks.Image, Source: "by-queue.jpg"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := asynq.NewClientFromRedisClient(r.Client()).Enqueue(task, asynq.Queue(tasks.QueueInbox)); err != nil {
		t.Fatal(err)
	}
}

// A Redis that only a private authority vouches for, and that wants a certificate of its clients.
func TestRedisWithAPrivateAuthority(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	file := func(name string) string { return filepath.Join(g.Dir, name) }
	signCertificates(t, file)
	r := redistest.StartTLS(t, file("server.pem"), file("server.key"), file("ca.pem"))
	g.Set("MEDIAFERRY_REDIS_URL", "rediss://"+r.Addr())
	g.Set("MEDIAFERRY_LEDGER_URL", ledgertest.Postgres(t))
	g.Set("MEDIAFERRY_TOKEN_KEY", strings.Repeat("0123456789abcdef", 4))
	finds(g, "redis", "is not trusted")
	g.Set("MEDIAFERRY_REDIS_TLS__CA_FILE", file("ca.pem"))
	finds(g, "redis", "Redis refuses this process")
	g.Set("MEDIAFERRY_REDIS_TLS__CERT_FILE", file("client.pem"))
	g.Set("MEDIAFERRY_REDIS_TLS__KEY_FILE", file("client.key"))
	l := g.Ledger()
	g.Start("worker")
	joined(t, l, 1)
	pictures(g, l, "default", 3)
	succeed(t, l, "default", 3)
	found := findings(g)
	if text := found["redis certificate"]; !strings.Contains(text, "it ends on") {
		t.Errorf("of a client certificate that ends in an hour the doctor finds %q", text)
	}
	if text, is := found["redis"]; is {
		t.Errorf("of a Redis that serves the doctor finds %q", text)
	}
}

// signCertificates makes an authority (ca.pem), and what it signs for a server on loopback and for a client.
func signCertificates(t *testing.T, file func(string) string) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	write := func(name, kind string, der []byte) {
		must(os.WriteFile(file(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	newKey := func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(err)
		return key
	}
	template := func(n int64) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(n), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}
	}
	authority, authorityKey := template(1), newKey()
	authority.Subject.CommonName = "authority of a test"
	authority.IsCA, authority.BasicConstraintsValid, authority.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, &authorityKey.PublicKey, authorityKey)
	must(err)
	write("ca.pem", "CERTIFICATE", der)
	for i, name := range []string{"server", "client"} {
		key := newKey()
		der, err := x509.CreateCertificate(rand.Reader, template(int64(2+i)), authority, &key.PublicKey, authorityKey)
		must(err)
		write(name+".pem", "CERTIFICATE", der)
		der, err = x509.MarshalECPrivateKey(key)
		must(err)
		write(name+".key", "EC PRIVATE KEY", der)
	}
}

// A Redis whose memory is full takes no uploads: they stand still, the log and the doctor say why, and all goes on once it
// has more.
func TestAFullRedisIsToldAndGoesOnWithMoreMemory(t *testing.T) {
	t.Parallel()
	taskstest.Full(t)
	g := clitest.New(t, wechattest.Config{})
	r := fleet(g)
	l := g.Ledger()
	worker := g.Start("worker")
	joined(t, l, 1)
	pictures(g, l, "default", 2)
	succeed(t, l, "default", 2)
	client := r.Client()
	if err := client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	pictures(g, l, "default", 20)
	worker.Until("OOM")
	finds(g, "redis", "of its maxmemory")
	if n := number(t, l, in(tasks.Succeeded, "default")); n != 2 {
		t.Errorf("%d uploads have succeeded without room in Redis, 2 had before", n)
	}
	if err := client.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	succeed(t, l, "default", 22)
	outcomes(g, l, 22)
}

// A Redis that comes back from an old dump offers tasks that have long been done, and lacks those that are due.
func TestRedisIsBackFromAnOldDump(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	r := fleet(g)
	g.Set("MEDIAFERRY_WORKER__CONCURRENCY", "1")
	g.Sandbox.Rate(wechattest.Fault{Kind: wechattest.Slow, Path: "media/upload", Delay: 100 * time.Millisecond}, 1)
	l := g.Ledger()
	g.Start("worker")
	joined(t, l, 1)
	pictures(g, l, "default", 20)
	client := r.Client()
	taskstest.Until(t, "uploads are on the belt", func() bool { return client.LLen(t.Context(), bulkKey).Val() > 0 })
	if err := client.Save(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	succeed(t, l, "default", 20)
	pictures(g, l, "default", 20)
	r.Restart() // it reads the dump
	succeed(t, l, "default", 40)
	outcomes(g, l, 40)
	if good := accepted(g.Sandbox); good != 40 {
		t.Errorf("%d media were made for 40 uploads", good)
	}
}

// outcomes fails the test unless n uploads have one outcome each, and verify finds nothing.
func outcomes(g *clitest.Ground, l *ledger.Ledger, n int) {
	g.T.Helper()
	if got := g.CountOutcomes(l); got != n {
		g.T.Errorf("%d outcomes of %d uploads", got, n)
	}
	var r clitest.Result
	taskstest.Until(g.T, "the database answers verify in time", func() bool {
		r = g.Run("verify")
		return !strings.Contains(r.Err, "did not answer in time")
	})
	if r.Code != tasks.ExitOK {
		g.T.Errorf("verify exits %d: %s%s", r.Code, r.Out, r.Err)
	}
}
