package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"golang.org/x/sys/unix"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// findings are what the doctor finds wrong, by the check.
func findings(g *clitest.Ground) map[string]string {
	g.T.Helper()
	r := g.Run("doctor", "--output", "json")
	if r.Code != tasks.ExitOK && r.Code != tasks.ExitFailed {
		g.T.Fatalf("doctor exits %d: %s", r.Code, r.Err)
	}
	found := map[string]string{}
	for d := json.NewDecoder(strings.NewReader(r.Out)); d.More(); {
		var f struct {
			Check, Says, Hint string
			OK                bool
		}
		if err := d.Decode(&f); err != nil {
			g.T.Fatal(err)
		}
		if !f.OK {
			found[f.Check] += f.Says + " → " + f.Hint + "\n"
		}
	}
	return found
}

// finds fails where the doctor does not find this, and something to do about it.
func finds(g *clitest.Ground, check, what string) {
	g.T.Helper()
	found := findings(g)
	if text := found[check]; !strings.Contains(text, what) || check != "redis" && strings.Contains(text, "→ \n") {
		g.T.Errorf("the doctor finds of %s %q, want %q and what to do; all: %v", check, text, what, found)
	}
}

// What goes wrong in a fleet is found by the doctor, which finds nothing before.
func TestDoctorFindsTheTroublesOfAFleet(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	r := fleet(g)
	g.Write("a.jpg", mediatest.Distinct(1, tasks.Image, 800))
	l := g.Ledger()
	worker := g.Start("worker")
	joined(t, l, 1)
	pictures(g, l, "default", 1)
	succeed(t, l, "default", 1)
	if found := findings(g); len(found) > 0 {
		t.Fatalf("of a sound fleet it finds %v", found)
	}

	inspector := asynq.NewInspectorFromRedisClient(r.Client())
	if err := inspector.PauseQueue("mediaferry:bulk"); err != nil {
		t.Fatal(err)
	}
	finds(g, "queues", "somebody paused mediaferry:bulk")
	if err := inspector.UnpauseQueue("mediaferry:bulk"); err != nil {
		t.Fatal(err)
	}

	redis := r.Client()
	for what, setting := range map[string][2]string{
		"maxmemory-policy":   {"maxmemory-policy", "allkeys-lru"},
		"% of its maxmemory": {"maxmemory", "1100000"},
	} {
		before := redis.ConfigGet(t.Context(), setting[0]).Val()[setting[0]]
		if err := redis.ConfigSet(t.Context(), setting[0], setting[1]).Err(); err != nil {
			t.Fatal(err)
		}
		finds(g, "redis", what)
		if err := redis.ConfigSet(t.Context(), setting[0], before).Err(); err != nil {
			t.Fatal(err)
		}
	}

	other := *g
	other.Env = append(g.Env[:len(g.Env):len(g.Env)], "MEDIAFERRY_WECHAT_SECRET=another-secret-0000000000000")
	other.Start("worker")
	joined(t, l, 2)
	finds(g, "fleet", "accounts.default.credentials differs")
	worker.Signal(unix.SIGTERM)

	g.Set("MEDIAFERRY_TOKEN_KEY", strings.Repeat("fedcba9876543210", 4))
	finds(g, "token key", "token_key is not the key of this ledger")
}

// What goes wrong on one machine is found, too.
func TestDoctorFindsTheTroublesOfAMachine(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{Accounts: []wechattest.Account{{AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret, DailyLimit: 1}}})
	g.Write("a.jpg", mediatest.Distinct(1, tasks.Image, 800))
	g.Set("MEDIAFERRY_TLS__CERT_FILE", filepath.Join(g.Dir, "cert.pem"))
	g.Set("MEDIAFERRY_TLS__KEY_FILE", filepath.Join(g.Dir, "key.pem"))
	certificate(g, 90*24*time.Hour)
	if found := findings(g); len(found) > 0 {
		t.Fatalf("of a sound machine it finds %v", found)
	}
	certificate(g, 5*24*time.Hour)
	finds(g, "certificate", "it ends on")
	certificate(g, -time.Hour)
	finds(g, "certificate", "it ended on")
	certificate(g, 90*24*time.Hour)

	g.Sandbox.Script(wechattest.Fault{Kind: wechattest.Errcode, Path: "stable_token", Errcode: 40164})
	finds(g, "account default", "40164")
	late := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(-10*time.Minute).UTC().Format(http.TimeFormat))
		g.Sandbox.ServeHTTP(w, r)
	}))
	defer late.Close()
	onTime := g.Env
	g.Set("MEDIAFERRY_WECHAT_BASE_URL", late.URL)
	finds(g, "clock", "clock is 10m")
	g.Env = onTime

	if r := g.Run("upload", g.Media); r.Code != tasks.ExitOK {
		t.Fatal(r.Err)
	}
	finds(g, "account default", "the quota of today has no calls left")

	full := filepath.Join(g.Dir, "full")
	if err := os.Mkdir(full, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("mediaferry-test", full, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=1048576,mode=700"); err != nil {
		t.Logf("no disk of its own here: %v", err)
		return
	}
	t.Cleanup(func() { _ = unix.Unmount(full, unix.MNT_DETACH) })
	g.Set("MEDIAFERRY_DATA_DIR", full)
	finds(g, "disk", "MiB are free where")
}

// certificate writes a certificate that ends then, and its key.
func certificate(g *clitest.Ground, ends time.Duration) {
	g.T.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		g.T.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-100 * 24 * time.Hour), NotAfter: now.Add(ends)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		g.T.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		g.T.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(g.Dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			g.T.Fatal(err)
		}
	}
}
