package wechat_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

const givenToken = "45_given-by-somebody-else"

// withToken is a sandbox that accepts givenToken.
func withToken(t *testing.T) *wechattest.Server {
	t.Helper()
	return wechattest.NewServer(t, wechattest.Config{Accounts: []wechattest.Account{{AppID: "wx1", Secret: "s", Token: givenToken}}})
}

func TestStaticToken(t *testing.T) {
	t.Parallel()
	srv := withToken(t)
	c := newClient(t, config(srv.URL, nil), wechat.Account{Name: "main", AppID: "wx1", Source: wechat.StaticToken, Static: givenToken}, nil)
	if _, err := upload(t, c); err != nil {
		t.Fatal(err)
	}
	srv.Revoke("wx1")
	_, err := upload(t, c)
	wantCode(t, err, tasks.AccountHeld, 40001) // nobody but an operator can renew it
	wantText(t, err, "nobody here can renew it")
	if e := tasks.AsError(err); e.RID == "" || e.RetryAfter != 10*time.Minute {
		t.Errorf("got rid %q, RetryAfter %v", e.RID, e.RetryAfter)
	}
	if n := srv.Count("media/upload"); n != 2 {
		t.Errorf("made %d upload calls, want 2", n)
	}
}

func TestTokenFromURL(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		code   tasks.Code // "": success
	}{
		"JSON":               {200, `{"access_token":"` + givenToken + `","expires_in":7200}`, ""},
		"JSON, no expiry":    {200, `{"access_token":"` + givenToken + `"}`, ""},
		"string expiry":      {200, `{"access_token":"` + givenToken + `","expires_in":"7200"}`, ""},
		"bare":               {200, givenToken + "\n", ""},
		"with BOM":           {200, "\ufeff" + `{"access_token":"` + givenToken + `"}`, ""},
		"page":               {200, "<html>", tasks.Temporary},
		"empty":              {200, "", tasks.Temporary},
		"several words":      {200, "no token here", tasks.Temporary},
		"token with newline": {200, `{"access_token":"a\nb"}`, tasks.Temporary},
		"down":               {503, "down", tasks.Temporary},
		"unauthorized":       {401, "", tasks.AccountHeld},
		"forbidden":          {403, "", tasks.AccountHeld},
		"redirect":           {302, "", tasks.Temporary},
		"WeChat's refusal":   {200, `{"errcode":40125,"errmsg":"invalid appsecret"}`, tasks.AccountHeld},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := withToken(t)
			tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if user, password, _ := r.BasicAuth(); user != "me" || password != "pass" || r.Method != http.MethodGet {
					t.Errorf("got %s by %s", r.Method, user)
				}
				w.Header().Set("Location", srv.URL)
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			}))
			defer tokens.Close()
			a := wechat.Account{Name: "main", AppID: "wx1", Source: wechat.TokenURL, TokenURL: strings.Replace(tokens.URL, "//", "//me:pass@", 1) + "/token"}
			_, err := upload(t, newClient(t, config(srv.URL, nil), a, nil))
			if code := tasks.CodeOf(err); code != c.code {
				t.Errorf("got code %q (%v), want %q", code, err, c.code)
			}
		})
	}
}

// Two accounts fetch their tokens from one server, each with a header of its own.
func TestTokenHeader(t *testing.T) {
	t.Parallel()
	srv := withToken(t)
	var mu sync.Mutex
	keys := map[string]string{}
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		keys[r.URL.Path] = r.Header.Get("X-Key")
		fmt.Fprint(w, givenToken)
	}))
	defer tokens.Close()
	from := func(name string, header tasks.Secret) wechat.Account {
		return wechat.Account{Name: name, AppID: "wx-" + name, Source: wechat.TokenURL, TokenURL: tokens.URL + "/" + name, TokenHeader: header}
	}
	c, err := wechat.New(config(srv.URL, nil), []wechat.Account{from("a", "X-Key: key of a"), from("b", "x-key:b"), from("none", "")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range c.Accounts() {
		if _, err := c.Upload(t.Context(), a.Name, payload()); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(map[string]string{"/a": "key of a", "/b": "b", "/none": ""}, keys); diff != "" {
		t.Error(diff)
	}
	if as := c.Accounts(); as[0].Fingerprint == as[2].Fingerprint {
		t.Error("another header is another credential, but the fingerprint is the same")
	}
	for _, bad := range []tasks.Secret{"no header", ": v", "a b: v", "K: ", "K: a\r\nB: c"} {
		_, err := wechat.New(config(srv.URL, nil), []wechat.Account{from("a", bad)}, nil)
		wantText(t, err, "token_header is not a header")
	}
}

func TestTokenFromCommand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script string
		code   tasks.Code // "": success
	}{
		"JSON":     {`echo '{"access_token":"` + givenToken + `","expires_in":7200}'`, ""},
		"bare":     {`echo ` + givenToken, ""},
		"stderr":   {`echo noise >&2; echo ` + givenToken, ""},
		"silent":   {`true`, tasks.Temporary},
		"fails":    {`echo ` + givenToken + `; exit 3`, tasks.Temporary},
		"too long": {`head -c 100000 /dev/zero | tr '\0' x`, tasks.Temporary},
		"refusal":  {`echo '{"errcode":40013,"errmsg":"invalid appid"}'`, tasks.AccountHeld},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := withToken(t)
			a := wechat.Account{Name: "main", AppID: "wx1", Source: wechat.TokenCommand, Command: []string{"/bin/sh", "-c", c.script}}
			_, err := upload(t, newClient(t, config(srv.URL, nil), a, nil))
			if code := tasks.CodeOf(err); code != c.code {
				t.Errorf("got code %q (%v), want %q", code, err, c.code)
			}
		})
	}
}

func TestCommandThatCantRunHoldsTheAccount(t *testing.T) {
	t.Parallel()
	srv := withToken(t)
	noRight := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(noRight, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"/no/such/program", "no-such-program-on-the-path", noRight} {
		a := wechat.Account{Name: "main", AppID: "wx1", Source: wechat.TokenCommand, Command: []string{command}}
		_, err := upload(t, newClient(t, config(srv.URL, nil), a, nil))
		wantCode(t, err, tasks.AccountHeld, 0)
		if !strings.Contains(tasks.AsError(err).Advice(), "command") {
			t.Errorf("%s: the advice is %q", command, tasks.AsError(err).Advice())
		}
	}
}
