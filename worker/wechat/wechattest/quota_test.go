package wechattest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func quotaRequest(token, path string) string {
	return post("/cgi-bin/openapi/quota/get?access_token="+token, "application/json", `{"cgi_path":"`+path+`"}`)
}

func clearRequest(token, appid string) string {
	return post("/cgi-bin/clear_quota?access_token="+token, "application/json", `{"appid":"`+appid+`"}`)
}

func account(a wechattest.Account) wechattest.Config {
	a.AppID, a.Secret = wechattest.DefaultAppID, wechattest.DefaultSecret
	return frozen(wechattest.Config{Accounts: []wechattest.Account{a}})
}

func TestDailyLimit(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, account(wechattest.Account{DailyLimit: 3}))
	token := srv.Token(wechattest.DefaultAppID)
	jpg := sample(t, "photo.jpg")
	good := func() {
		t.Helper()
		if r := upload(t, srv, token, "image", "a.jpg", jpg); r.text("media_id") == "" {
			t.Fatalf("answered %s", r.body)
		}
	}
	good()
	wantErrcode(t, upload(t, srv, token, "image", "a.jpg", ""), 44001) // counts all the same
	wantErrcode(t, upload(t, srv, "wrong", "image", "a.jpg", jpg), 40014)
	good()
	wantErrcode(t, upload(t, srv, token, "image", "a.jpg", jpg), 45009)
	wantGood(t, srv, token) // other calls have limits of their own

	var got any = raw(t, srv, quotaRequest(token, "/cgi-bin/media/upload")).json
	want := any(map[string]any{"errcode": 0.0, "errmsg": "ok", "quota": map[string]any{"daily_limit": 3.0, "used": 3.0, "remain": 0.0}})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("quota/get (-want +got):\n%s", diff)
	}

	srv.Advance(8*time.Hour - time.Second) // a second before midnight in China
	token = srv.Token(wechattest.DefaultAppID)
	wantErrcode(t, upload(t, srv, token, "image", "a.jpg", jpg), 45009)
	srv.Advance(time.Second)
	good()
}

func TestMinuteLimit(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, account(wechattest.Account{MinuteLimit: 2}))
	token := srv.Token(wechattest.DefaultAppID)
	jpg := sample(t, "photo.jpg")
	for range 2 {
		if r := upload(t, srv, token, "image", "a.jpg", jpg); r.text("media_id") == "" {
			t.Fatalf("answered %s", r.body)
		}
	}
	wantErrcode(t, upload(t, srv, token, "image", "a.jpg", jpg), 45011)
	var got any = raw(t, srv, quotaRequest(token, "/cgi-bin/media/upload")).json
	want := any(map[string]any{
		"errcode": 0.0, "errmsg": "ok", "quota": map[string]any{"daily_limit": 100000.0, "used": 2.0, "remain": 99998.0},
		"rate_limit": map[string]any{"call_count": 2.0, "refresh_second": 60.0},
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("quota/get (-want +got):\n%s", diff)
	}
	srv.Advance(time.Minute)
	if r := upload(t, srv, token, "image", "a.jpg", jpg); r.text("media_id") == "" {
		t.Errorf("the next minute it is answered %s", r.body)
	}
}

func TestTokenLimit(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, account(wechattest.Account{TokenLimit: 2}))
	const appid, secret = wechattest.DefaultAppID, wechattest.DefaultSecret
	plainToken(t, srv)
	wantErrcode(t, raw(t, srv, get(tokenPath(appid, "wrong"))), 40001) // doesn't count
	plainToken(t, srv)
	wantErrcode(t, raw(t, srv, get(tokenPath(appid, secret))), 45009)
	stableToken(t, srv, false) // is another call
	srv.Advance(8 * time.Hour)
	plainToken(t, srv)
}

func TestStableTokenMinuteLimit(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, account(wechattest.Account{}))
	keep := dial(t, srv)
	request := stableRequest(wechattest.DefaultAppID, wechattest.DefaultSecret, false)
	for i := range 10_000 {
		if r := keep(request); r.text("access_token") == "" {
			t.Fatalf("call %d is answered %s", i+1, r.body)
		}
	}
	wantErrcode(t, keep(request), 45011)
	srv.Advance(time.Minute)
	stableToken(t, srv, false)
}

func TestNoQuota(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, account(wechattest.Account{DailyLimit: 1, MinuteLimit: 1, TokenLimit: 1, NoQuota: true}))
	for range 22 {
		stableToken(t, srv, true)
		plainToken(t, srv)
		token := srv.Token(wechattest.DefaultAppID)
		if r := upload(t, srv, token, "image", "a.jpg", sample(t, "photo.jpg")); r.text("media_id") == "" {
			t.Fatalf("answered %s", r.body)
		}
	}
}

func TestClearQuota(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, account(wechattest.Account{DailyLimit: 1}))
	token := srv.Token(wechattest.DefaultAppID)
	jpg := sample(t, "photo.jpg")
	for range 10 {
		if r := upload(t, srv, token, "image", "a.jpg", jpg); r.text("media_id") == "" {
			t.Fatalf("answered %s", r.body)
		}
		wantErrcode(t, upload(t, srv, token, "image", "a.jpg", jpg), 45009)
		if r := raw(t, srv, clearRequest(token, wechattest.DefaultAppID)); r.text("errmsg") != "ok" {
			t.Fatalf("clear_quota answered %s", r.body)
		}
	}
	wantErrcode(t, raw(t, srv, clearRequest(token, wechattest.DefaultAppID)), 48006)
	srv.Advance(9 * 24 * time.Hour) // from 22 November to 1 December
	token = srv.Token(wechattest.DefaultAppID)
	if r := raw(t, srv, clearRequest(token, wechattest.DefaultAppID)); r.text("errmsg") != "ok" {
		t.Errorf("the next month clear_quota answered %s", r.body)
	}
}

func TestQuotaCallsRefuseBadRequests(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	token := srv.Token(wechattest.DefaultAppID)
	for _, tt := range []struct {
		name, request string
		want          int
	}{
		{"quota of an unknown path", quotaRequest(token, "/cgi-bin/nothing"), 76021},
		{"quota without JSON", strings.Replace(quotaRequest(token, "x"), "{", "[", 1), 47001},
		{"quota without token", quotaRequest("", "/cgi-bin/media/upload"), 41001},
		{"quota by GET", get("/cgi-bin/openapi/quota/get?access_token=" + token), 43002},
		{"clear without JSON", strings.Replace(clearRequest(token, "x"), "{", "[", 1), 47001},
		{"clear of another account", clearRequest(token, "wx0"), 40013},
		{"clear without token", clearRequest("", wechattest.DefaultAppID), 41001},
		{"clear by GET", get("/cgi-bin/clear_quota?access_token=" + token), 43002},
		{"upload by GET", get(uploadPath(token, "image")), 43002},
		{"an unknown call", get("/cgi-bin/nothing?access_token=" + token), 40066},
		{"an unknown path", get("/"), 40066},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantErrcode(t, raw(t, srv, tt.request), tt.want)
		})
	}
}
