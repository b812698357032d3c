package wechattest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func tokenPath(appid, secret string) string {
	return "/cgi-bin/token?grant_type=client_credential&appid=" + appid + "&secret=" + secret
}

// plainToken fetches a token from /cgi-bin/token.
func plainToken(t *testing.T, srv *wechattest.Server) string {
	t.Helper()
	r := raw(t, srv, get(tokenPath(wechattest.DefaultAppID, wechattest.DefaultSecret)))
	if r.text("access_token") == "" {
		t.Fatalf("token answered %s", r.body)
	}
	return r.text("access_token")
}

func stableRequest(appid, secret string, force bool) string {
	return post("/cgi-bin/stable_token", "application/json", fmt.Sprintf(
		`{"grant_type":"client_credential","appid":%q,"secret":%q,"force_refresh":%v}`, appid, secret, force))
}

// stableToken fetches a token from /cgi-bin/stable_token, and how many seconds it has left.
func stableToken(t *testing.T, srv *wechattest.Server, force bool) (string, int) {
	t.Helper()
	r := raw(t, srv, stableRequest(wechattest.DefaultAppID, wechattest.DefaultSecret, force))
	seconds, _ := r.json["expires_in"].(float64)
	if r.text("access_token") == "" {
		t.Fatalf("stable_token answered %s", r.body)
	}
	return r.text("access_token"), int(seconds)
}

// use makes a call that needs a token.
func use(t *testing.T, srv *wechattest.Server, token string) reply {
	t.Helper()
	return raw(t, srv, get("/cgi-bin/media/get?media_id=x&access_token="+token))
}

// wantGood and wantBad say what becomes of a call with token; 40007 is what a good token meets in use.
func wantGood(t *testing.T, srv *wechattest.Server, token string) {
	t.Helper()
	wantErrcode(t, use(t, srv, token), 40007)
}

func wantBad(t *testing.T, srv *wechattest.Server, token string, errcode int) {
	t.Helper()
	wantErrcode(t, use(t, srv, token), errcode)
}

// frozen is a sandbox whose time passes only by Advance.
func frozen(cfg wechattest.Config) wechattest.Config {
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	cfg.Now = func() time.Time { return now }
	return cfg
}

func TestTokenRetiresTheOneBeforeAfterFiveMinutes(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, frozen(wechattest.Config{}))
	first := plainToken(t, srv)
	second := plainToken(t, srv)
	if first == second {
		t.Fatal("the second call gave the same token")
	}
	srv.Advance(5*time.Minute - time.Second)
	wantGood(t, srv, first)
	wantGood(t, srv, second)
	srv.Advance(time.Second)
	wantBad(t, srv, first, 40001)
	wantGood(t, srv, second)
	srv.Advance(2*time.Hour - 5*time.Minute)
	wantBad(t, srv, second, 42001)
}

func TestStableTokenStays(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, frozen(wechattest.Config{}))
	first, left := stableToken(t, srv, false)
	if left != 7200 {
		t.Errorf("expires_in is %d, want 7200", left)
	}
	srv.Advance(30 * time.Minute)
	if again, left := stableToken(t, srv, false); again != first || left != 5400 {
		t.Errorf("after 30 minutes: same token %v, expires_in %d; want the same, 5400", again == first, left)
	}
	srv.Advance(84*time.Minute + 59*time.Second)
	if again, left := stableToken(t, srv, false); again != first || left != 301 {
		t.Errorf("just before the last five minutes: same token %v, expires_in %d; want the same, 301", again == first, left)
	}
	srv.Advance(time.Second)
	second, left := stableToken(t, srv, false)
	if second == first || left != 7200 {
		t.Errorf("in the last five minutes: same token %v, expires_in %d; want a new one, 7200", second == first, left)
	}
	wantGood(t, srv, first)
	srv.Advance(5 * time.Minute)
	wantBad(t, srv, first, 42001)
	wantGood(t, srv, second)
}

func TestTheTwoTokenCallsDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, frozen(wechattest.Config{}))
	stable, _ := stableToken(t, srv, false)
	plain := plainToken(t, srv)
	plainToken(t, srv) // retires plain, not stable
	srv.Advance(5 * time.Minute)
	wantGood(t, srv, stable)
	wantBad(t, srv, plain, 40001)
	newest := plainToken(t, srv)
	stableToken(t, srv, true)
	wantBad(t, srv, stable, 40001)
	wantGood(t, srv, newest)
}

func TestForceRefresh(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, frozen(wechattest.Config{}))
	old, _ := stableToken(t, srv, false)
	forced := stableRequest(wechattest.DefaultAppID, wechattest.DefaultSecret, true)
	for i := range 20 {
		token, left := stableToken(t, srv, true)
		if token == old || left != 7200 {
			t.Fatalf("force_refresh %d: same token %v, expires_in %d", i+1, token == old, left)
		}
		wantBad(t, srv, old, 40001)
		srv.Advance(29 * time.Second)
		wantErrcode(t, raw(t, srv, forced), 45011)
		wantGood(t, srv, token)
		srv.Advance(time.Second)
		old = token
	}
	wantErrcode(t, raw(t, srv, forced), 45009)
	wantGood(t, srv, old)
	srv.Advance(8 * time.Hour) // past midnight in China
	if token, _ := stableToken(t, srv, true); token == old {
		t.Error("the next day force_refresh gave the same token")
	}
}

func TestTokenCallsRefuseBadCredentials(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	const appid, secret = wechattest.DefaultAppID, wechattest.DefaultSecret
	wrongGrant := strings.Replace(tokenPath(appid, secret), "client_credential", "password", 1)
	for _, tt := range []struct {
		name, request string
		want          int
	}{
		{"token: wrong secret", get(tokenPath(appid, "wrong")), 40001},
		{"token: unknown appid", get(tokenPath("wx0", secret)), 40013},
		{"token: no appid", get(tokenPath("", secret)), 41002},
		{"token: no secret", get(tokenPath(appid, "")), 41004},
		{"token: wrong grant_type", get(wrongGrant), 40002},
		{"token: POST", post(tokenPath(appid, secret), "text/plain", ""), 43001},
		{"stable_token: wrong secret", stableRequest(appid, "wrong", false), 40001},
		{"stable_token: unknown appid", stableRequest("wx0", secret, false), 40013},
		{"stable_token: no appid", stableRequest("", secret, false), 41002},
		{"stable_token: no secret", stableRequest(appid, "", false), 41004},
		{"stable_token: no grant_type", post("/cgi-bin/stable_token", "application/json", `{}`), 40002},
		{"stable_token: no JSON", post("/cgi-bin/stable_token", "application/json", `appid=wx0`), 47001},
		{"stable_token: GET", get("/cgi-bin/stable_token"), 43002},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantErrcode(t, raw(t, srv, tt.request), tt.want)
		})
	}
}

func TestCallsRefuseBadTokens(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, frozen(wechattest.Config{TokenTTL: time.Hour}))
	other := wechattest.NewServer(t, wechattest.Config{})
	expired := srv.Token(wechattest.DefaultAppID)
	srv.Advance(time.Hour)
	forgotten := srv.Token(wechattest.DefaultAppID)
	jpg := sample(t, "photo.jpg")
	for _, tt := range []struct {
		name, token string
		want        int
	}{
		{"none", "", 41001},
		{"no token at all", "hello", 40014},
		{"ACCESS_TOKEN", "ACCESS_TOKEN", 40014},
		{"characters that no token has", strings.Repeat("%2B", 100), 40014},
		{"another WeChat's", other.Token(wechattest.DefaultAppID), 40001},
		{"expired", expired, 42001},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantErrcode(t, upload(t, srv, tt.token, "image", "a.jpg", jpg), tt.want)
			wantBad(t, srv, tt.token, tt.want)
		})
	}
	srv.Advance(26 * time.Hour)
	srv.Token(wechattest.DefaultAppID)
	wantBad(t, srv, forgotten, 40001)
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{Accounts: []wechattest.Account{
		{AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret, Token: "a-token-of-ones-own"}, {AppID: "wx2", Secret: "s2"},
	}})
	stable, _ := stableToken(t, srv, false)
	plain := plainToken(t, srv)
	other := srv.Token("wx2")
	wantGood(t, srv, "a-token-of-ones-own")
	if !srv.Revoke(wechattest.DefaultAppID) || srv.Revoke("wx0") {
		t.Error("Revoke doesn't tell known accounts from others")
	}
	wantBad(t, srv, stable, 40001)
	wantBad(t, srv, plain, 40001)
	wantBad(t, srv, "a-token-of-ones-own", 40001)
	wantGood(t, srv, other)
	if again, _ := stableToken(t, srv, false); again == stable {
		t.Error("stable_token gives the revoked token again")
	}
}

func TestAGivenTokenNeverExpires(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{Accounts: []wechattest.Account{{AppID: "wx1", Token: "given"}}})
	srv.Advance(1000 * time.Hour)
	srv.Token("wx1")
	wantGood(t, srv, "given")
}

func TestSetSecret(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	token := srv.Token(wechattest.DefaultAppID)
	if !srv.SetSecret(wechattest.DefaultAppID, "new") || srv.SetSecret("wx0", "new") {
		t.Error("SetSecret doesn't tell known accounts from others")
	}
	wantErrcode(t, raw(t, srv, get(tokenPath(wechattest.DefaultAppID, wechattest.DefaultSecret))), 40001)
	wantGood(t, srv, token)
	if r := raw(t, srv, get(tokenPath(wechattest.DefaultAppID, "new"))); r.text("access_token") == "" {
		t.Errorf("the new secret is answered %s", r.body)
	}
}

func TestMediaBelongsToItsAccountAndExpires(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, frozen(wechattest.Config{TokenTTL: 100 * time.Hour, Accounts: []wechattest.Account{{AppID: "wx1"}, {AppID: "wx2"}}}))
	one, two := srv.Token("wx1"), srv.Token("wx2")
	jpg := sample(t, "photo.jpg")
	id := upload(t, srv, one, "image", "a.jpg", jpg).text("media_id")
	read := func(token, id string) reply {
		return raw(t, srv, get("/cgi-bin/media/get?access_token="+token+"&media_id="+id))
	}
	wantErrcode(t, read(two, id), 40007)
	wantErrcode(t, read(one, ""), 41006)
	wantErrcode(t, read(one, strings.Repeat("x", 64)), 40007)
	wantErrcode(t, raw(t, srv, post("/cgi-bin/media/get?access_token="+one+"&media_id="+id, "text/plain", "")), 43001)
	srv.Advance(72*time.Hour - time.Second)
	if r := read(one, id); r.body != jpg {
		t.Errorf("just before three days it is answered %s", r.body)
	}
	srv.Advance(time.Second)
	wantErrcode(t, read(one, id), 40007)
	if _, found := srv.Media(id); found {
		t.Error("Media finds what has expired")
	}
}

func TestTheOldestBytesAreForgottenFirst(t *testing.T) {
	t.Parallel()
	jpg := sample(t, "photo.jpg")
	srv := wechattest.NewServer(t, frozen(wechattest.Config{KeepBytes: 2 * int64(len(jpg)), MediaTTL: time.Hour}))
	var ids []string
	add := func() {
		ids = append(ids, upload(t, srv, srv.Token(wechattest.DefaultAppID), "image", "a.jpg", jpg).text("media_id"))
	}
	found := func() (s string) {
		for _, id := range ids {
			if _, kept := srv.Media(id); kept {
				s += "+"
			} else {
				s += "-"
			}
		}
		return s
	}
	add()
	add()
	add()
	if got := found(); got != "-++" {
		t.Errorf("kept %s, want -++", got)
	}
	srv.Advance(time.Hour)
	add()
	add()
	if got := found(); got != "---++" {
		t.Errorf("an hour later: kept %s, want ---++", got)
	}
	add()
	if got := found(); got != "----++" {
		t.Errorf("after one more: kept %s, want ----++", got)
	}
}
