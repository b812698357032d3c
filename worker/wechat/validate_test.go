package wechat_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat"
)

func TestNewListsAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := wechat.New(wechat.Config{
		BaseURLs: []string{"http://api.weixin.qq.com", "api.weixin.qq.com", "ftp://x", "https://u:p@x", "https://x?a=b", "https://x#f"},
		Proxy:    &url.URL{Scheme: "ftp", Host: "x"}, BaseTimeout: -1, ConnectTimeout: -1, MinRate: -1, MaxConns: -1, HostPause: -1,
		Errcodes: map[int]tasks.Code{1: "other", 2: tasks.Poison},
	}, []wechat.Account{
		{Name: "no secret", AppID: "wx1"}, {Name: "a", AppID: "wx1"}, {Name: "a", AppID: "wx 1", Secret: "s"}, {Name: "b", Source: "static"}, {Name: "c", Source: "url", TokenURL: "http://x/token"},
		{Name: "d", Source: "command"}, {Name: "e", Source: "odd"},
	}, nil)
	if tasks.CodeOf(err) != tasks.Invalid {
		t.Fatalf("got %v, want Invalid", err)
	}
	got := strings.Split(strings.TrimPrefix(err.Error(), "check wechat settings: "), "; ")
	codes := "[temporary token minute_limit daily_limit account egress rejected defect unknown]"
	want := []string{
		`base_timeout: must not be negative`,
		`base_urls[0]: must be https: plain http is taken for loopback hosts only`,
		`base_urls[1]: is not an absolute URL`,
		`base_urls[2]: has scheme "ftp", only https is taken`,
		`base_urls[3]: must not carry a user or a query`,
		`base_urls[4]: must not carry a user or a query`,
		`base_urls[5]: must not carry a fragment`,
		`connect_timeout: must not be negative`,
		`errcodes[1]: "other" is not one of ` + codes,
		`errcodes[2]: "poison" is not one of ` + codes,
		`host_pause: must not be negative`,
		`max_conns: must not be negative`,
		`min_rate: must not be negative`,
		`proxy: must be an http, https or socks5 URL`,
		`account "no secret": the name is not 1 to 64 of a-z A-Z 0-9 . _ -`,
		`account "no secret": stable_token needs the appid and the secret`,
		`account "a": stable_token needs the appid and the secret`,
		`account "a": the appid is not 1 to 64 of a-z A-Z 0-9 _ -`,
		`account "a": the name is used twice`,
		`account "b": static needs the access token`,
		`account "c": token_url: must be https: plain http is taken for loopback hosts only`,
		`account "d": command needs the program to run`,
		`account "e": source "odd" is not one of stable_token, token, static, url, command`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestZeroConfigIsTheRealWeChat(t *testing.T) {
	t.Parallel()
	c := newClient(t, wechat.Config{}, account(), nil)
	got := c.Accounts()
	got[0].Fingerprint = ""
	want := []tasks.Account{{Name: "main", Realm: "api.weixin.qq.com", AppID: account().AppID}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestLoopbackMayBePlainHTTP(t *testing.T) {
	t.Parallel()
	for host, ok := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9:8080": true, "localhost:80": true, "[::1]:80": true,
		"localhost.example.com": false, "127.0.0.1.example.com": false, "10.0.0.1": false, "[::]": false, "0.0.0.0": false,
	} {
		_, err := wechat.New(wechat.Config{BaseURLs: []string{"http://" + host}}, nil, nil)
		if (err == nil) != ok {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestFingerprintChangesWithTheCredentials(t *testing.T) {
	t.Parallel()
	of := func(base string, change func(*wechat.Account)) string {
		a := account()
		change(&a)
		return newClient(t, wechat.Config{BaseURLs: []string{base}}, a, nil).Accounts()[0].Fingerprint
	}
	const base = "https://api.weixin.qq.com"
	same := of(base, func(*wechat.Account) {})
	if again := of(base, func(a *wechat.Account) { a.Name = "renamed" }); again != same || same == "" {
		t.Errorf("got %q and %q for the same credentials", same, again)
	}
	if strings.Contains(same, string(account().Secret)) {
		t.Error("the fingerprint shows the secret")
	}
	seen := map[string]string{same: "unchanged"}
	for what, f := range map[string]string{
		"secret": of(base, func(a *wechat.Account) { a.Secret = "other" }),
		"appid":  of(base, func(a *wechat.Account) { a.AppID = "wx2" }),
		"source": of(base, func(a *wechat.Account) { a.Source = wechat.PlainToken }),
		"static": of(base, func(a *wechat.Account) { a.Source, a.Static = wechat.StaticToken, "t" }),
		"realm":  of("https://sh.api.weixin.qq.com", func(*wechat.Account) {}),
	} {
		if other, twice := seen[f]; twice {
			t.Errorf("%s and %s have the same fingerprint", what, other)
		}
		seen[f] = what
	}
}
