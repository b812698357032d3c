package wechat_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat"
)

// Every credential in these tests holds this word, so that one search finds any of them, whole or cut.
const sentinel = "SENTINEL"

const (
	sentinelToken  = "45_SENTINEL-0123456789_abcdefghijklmnopqrstuvwxyz/+=&x"
	sentinelSecret = "SENTINEL0123456789abcdef01234567"
)

// logbook is a log that tests may read while it is written.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logbook) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// telltale is a server that repeats all it was told, in the way that mode says.
func telltale(t *testing.T, mode string) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		headers := []string{r.Header.Get("Authorization"), r.Header.Get("Proxy-Authorization"), r.Header.Get("X-Key")}
		for _, h := range headers {
			headers = append(headers, hex.EncodeToString([]byte(h)), base64.StdEncoding.EncodeToString([]byte(h)), url.PathEscape(h))
		}
		all := strings.Join([]string{r.URL.String(), r.URL.Query().Get("access_token"), r.URL.Query().Get("secret"), string(body), user, password, sentinelToken, sentinelSecret}, " ")
		if n := strings.TrimPrefix(mode, "token "); n != "html" && n != "redirect" { // one line of a header or of JSON
			all = strings.Join(headers, " ") + " " + all
		}
		if strings.Contains(r.URL.Path, "token") && !strings.HasPrefix(mode, "token ") {
			fmt.Fprintf(w, `{"access_token":%q,"expires_in":7200}`, sentinelToken)
			return
		}
		switch strings.TrimPrefix(mode, "token ") {
		case "html":
			w.Header().Set("Content-Type", "text/html; note="+url.QueryEscape(all))
			fmt.Fprintf(w, "<html>%s</html>", all)
		case "502":
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprint(w, all)
		case "redirect":
			http.Redirect(w, r, "/elsewhere?"+r.URL.RawQuery, http.StatusFound)
		case "reset":
			hijack(t, w, "")
		case "malformed":
			hijack(t, w, r.Method+" "+all+"\r\n\r\n")
		case "header":
			hijack(t, w, "HTTP/1.1 200 OK\r\n"+all+"\r\n\r\n")
		case "status":
			hijack(t, w, "HTTP/1.1 abc "+all+"\r\n\r\n")
		case "slow":
			<-r.Context().Done()
		case "empty token":
			fmt.Fprintf(w, `{"token":%q}`, sentinelToken)
		default:
			fmt.Fprintf(w, `{"errcode":%s,"errmsg":%q}`, strings.TrimPrefix(mode, "token "), "hint: ["+all+"] rid: 6242d22c-258e8eb8-0dc4dadd")
		}
	}))
	t.Cleanup(srv.Close)
	return srv
}

func hijack(t *testing.T, w http.ResponseWriter, raw string) {
	t.Helper()
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	fmt.Fprint(conn, raw)
	if c, ok := conn.(*net.TCPConn); ok && raw == "" {
		_ = c.SetLinger(0)
	}
	conn.Close()
}

// texts is everything that can be seen of an error, its causes included.
func texts(err error) string {
	if err == nil {
		return ""
	}
	out := fmt.Sprintf("%v %+v %#v %T", err, err, err, err)
	if e, ok := errors.AsType[*tasks.Error](err); ok {
		out += fmt.Sprintf(" %+v %s", *e, e.Advice())
	}
	switch u := err.(type) { //nolint:errorlint // it walks the tree itself
	case interface{ Unwrap() error }:
		out += texts(u.Unwrap())
	case interface{ Unwrap() []error }:
		for _, e := range u.Unwrap() {
			out += texts(e)
		}
	}
	return out
}

func TestNotOurs_TokensInErrorsAndLogs(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho "+sentinelToken+" >&2; echo '<"+sentinelToken+">'; exit $1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	modes := []string{
		"html", "502", "redirect", "reset", "malformed", "header", "status", "slow", "40001", "42001", "-1", "45009", "45011", "40005", "41005", "40164", "99999",
		"token html", "token 502", "token redirect", "token reset", "token malformed", "token header", "token status", "token 40001", "token 40125", "token 45009", "token -1", "token empty token",
	}
	for _, mode := range modes {
		for _, source := range []wechat.TokenSource{wechat.StableToken, wechat.PlainToken, wechat.StaticToken, wechat.TokenURL, wechat.TokenCommand} {
			t.Run(mode+"/"+string(source), func(t *testing.T) {
				t.Parallel()
				srv := telltale(t, mode)
				a := wechat.Account{Name: "main", AppID: "wx1", Source: source, Secret: sentinelSecret, Static: sentinelToken,
					TokenURL: strings.Replace(srv.URL, "//", "//user:SENTINELpassword@", 1) + "/token?key=SENTINELkey", TokenHeader: "X-Key: SENTINELheader",
					Command: []string{script, fmt.Sprint(len(mode) % 2)}}
				log := &logbook{}
				cfg := config(srv.URL, nil)
				cfg.Log, cfg.BaseTimeout = log.logger(), 50*time.Millisecond
				if mode != "slow" {
					cfg.BaseTimeout = 20 * time.Second
				}
				c := newClient(t, cfg, a, nil)
				_, uploaded := upload(t, c)
				_, quota := c.Quota(t.Context(), "main")
				_, fetched := c.Fetch(t.Context(), "main", "MEDIA")
				probed := c.Probe(t.Context(), "main")
				if uploaded == nil && !strings.HasPrefix(mode, "token ") {
					t.Error("the upload succeeded: nothing was tested")
				}
				for what, seen := range map[string]string{
					"upload": texts(uploaded), "quota": texts(quota), "fetch": texts(fetched), "probe": texts(probed),
					"log": log.String(), "accounts": fmt.Sprintf("%+v", c.Accounts()), "account": fmt.Sprintf("%s%s", a.Secret, a.Static),
				} {
					if strings.Contains(seen, sentinel) || strings.Contains(seen, "45_") || encoded.MatchString(seen) {
						t.Errorf("%s shows a secret: %s", what, seen)
					}
				}
			})
		}
	}
}

// encoded finds the word SENTINEL in base64, wherever it begins within a group, and in hex.
var encoded = regexp.MustCompile("U0VOVElORU|NFTlRJTkV|TRU5USU5FT|(?i:" + hex.EncodeToString([]byte(sentinel)) + ")")

// An egress proxy that sends back what it was told, in the answer itself.
func TestProxyPasswordInAnswers(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"40005", "502", "html", "token 40125", "token 502", "header", "status", "malformed"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			proxy := telltale(t, mode)
			u, err := url.Parse(strings.Replace(proxy.URL, "//", "//user:SENTINELpassword@", 1))
			if err != nil {
				t.Fatal(err)
			}
			log := &logbook{}
			cfg := config("http://127.0.0.1:1", nil) // the proxy answers in its place
			cfg.Proxy, cfg.Log = u, log.logger()
			c := newClient(t, cfg, wechat.Account{Name: "main", AppID: "wx1", Secret: sentinelSecret}, nil)
			_, err = upload(t, c)
			if err == nil {
				t.Fatal("the upload succeeded: nothing was tested")
			}
			if seen := texts(err) + log.String(); strings.Contains(seen, sentinel) || encoded.MatchString(seen) {
				t.Errorf("it shows a secret: %s", seen)
			}
		})
	}
}

// Settings that are refused must not show a secret either.
func TestRefusedSettingsShowNoSecret(t *testing.T) {
	t.Parallel()
	_, err := wechat.New(wechat.Config{
		BaseURLs: []string{"http://user:SENTINEL@example.com/", "https://user:SENTINEL@example.com/", "://SENTINEL"},
		Proxy:    &url.URL{Scheme: "ftp", Host: "x", User: url.UserPassword("u", sentinel)},
	}, []wechat.Account{
		{Name: "a", Secret: sentinelSecret}, {Name: "b", Source: "other", Static: sentinelToken},
		{Name: "c", Source: wechat.TokenURL, TokenURL: "http://user:SENTINEL@example.com/?key=SENTINEL"},
		{Name: "d", Source: wechat.TokenURL, TokenURL: "http://%zzSENTINEL"},
	}, nil)
	if tasks.CodeOf(err) != tasks.Invalid || strings.Contains(texts(err), sentinel) {
		t.Errorf("got %v, want Invalid without the secret", err)
	}
}
