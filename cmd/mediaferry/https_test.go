package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// certify writes a certificate for the loopback address, and returns who trusts it.
func certify(t *testing.T, certFile, keyFile string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(cert)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}

// With certificate files the listener speaks HTTPS and nothing else, and nobody holds a connection by sending its
// header slowly, or without an end.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	cert, key := filepath.Join(g.Dir, "cert.pem"), filepath.Join(g.Dir, "key.pem")
	trust := certify(t, cert, key)
	g.Env = append(g.Env, "MEDIAFERRY_TLS__CERT_FILE="+cert, "MEDIAFERRY_TLS__KEY_FILE="+key)
	s := g.Serve()
	address := strings.TrimPrefix(s.URL, "http://")
	began := time.Now()
	slow, err := (&tls.Dialer{Config: &tls.Config{RootCAs: trust}}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	fmt.Fprintf(slow, "GET /v1/uploads HTTP/1.1\r\nHost: x\r\n")

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	ask := func(c *http.Client, url, header string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/uploads", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.Key)
		req.Header.Set("X-Long", header)
		res, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, string(body)
	}
	if res, body := ask(client, "https://"+address, ""); res.StatusCode != http.StatusOK || res.TLS == nil || res.ProtoMajor != 2 {
		t.Errorf("it is answered %s %s %s", res.Proto, res.Status, body)
	}
	if res, body := ask(http.DefaultClient, s.URL, ""); res.StatusCode != http.StatusBadRequest || !strings.Contains(body, "HTTPS") {
		t.Errorf("without TLS it is answered %s %s", res.Status, body)
	}
	long := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust}}}
	defer long.CloseIdleConnections()
	if res, _ := ask(long, "https://"+address, strings.Repeat("x", 64<<10)); res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of 64 KiB is answered %s", res.Status)
	}

	if _, err := io.Copy(io.Discard, bufio.NewReader(slow)); err != nil { // until the server hangs up
		t.Error(err)
	}
	if held := time.Since(began); held < 10*time.Second { // the server waits so long for a header
		t.Errorf("the slow one was cut off after %v", held)
	}
}

// Thousands of connections that say nothing keep nobody out, and are cut off.
func TestManyConnections(t *testing.T) {
	t.Parallel()
	s := clitest.New(t, wechattest.Config{}).Serve()
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	silent := make([]net.Conn, min(2000, int(files.Cur/4))) // as many as neither side runs out of files by
	for i := range silent {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Fatal(i, err)
		}
		defer conn.Close()
		silent[i] = conn
	}
	var page struct{ Uploads []any }
	if status := s.Ask("GET", "/v1/uploads", "", &page); status != http.StatusOK {
		t.Errorf("beside %d connections it is answered %d", len(silent), status)
	}
	for i, conn := range silent {
		if _, err := io.Copy(io.Discard, conn); err != nil && !errors.Is(err, syscall.ECONNRESET) { // until the server hangs up
			t.Fatal(i, err)
		}
	}
}
