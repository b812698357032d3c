package wechat_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// kinds are one file of each kind that WeChat takes.
var kinds = map[string]tasks.Content{
	"photo.jpg": {Type: tasks.Image, Ext: ".jpg", ContentType: "image/jpeg"},
	"shot.png":  {Type: tasks.Image, Ext: ".png", ContentType: "image/png"},
	"move.gif":  {Type: tasks.Image, Ext: ".gif", ContentType: "image/gif"},
	"tone.mp3":  {Type: tasks.Voice, Ext: ".mp3", ContentType: "audio/mpeg"},
	"tone.amr":  {Type: tasks.Voice, Ext: ".amr", ContentType: "audio/amr"},
	"clip.mp4":  {Type: tasks.Video, Ext: ".mp4", ContentType: "video/mp4"},
	"thumb":     {Type: tasks.Thumb, Ext: ".jpg", ContentType: "image/jpeg"},
}

func TestEveryKindOfFileComesBackAsItWas(t *testing.T) {
	t.Parallel()
	now := newClock()
	srv := wechattest.NewServer(t, wechattest.Config{Now: now.Now})
	c := newClient(t, config(srv.URL, now.Now), account(), nil)
	for name, content := range kinds {
		file := "wechattest/testdata/" + name
		if name == "thumb" {
			file = "wechattest/testdata/photo.jpg"
		}
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := c.Upload(t.Context(), "main", tasks.Payload{Content: content, Body: body})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !m.IssuedAt.Equal(now.Now()) || !m.ExpiresAt.Equal(now.Now().Add(72*time.Hour)) {
			t.Errorf("%s: issued %v, expires %v", name, m.IssuedAt, m.ExpiresAt)
		}
		switch got, err := c.Fetch(t.Context(), "main", m.ID); {
		case content.Type == tasks.Video && tasks.CodeOf(err) == tasks.Unsupported: // there is a link only
		case err != nil, !bytes.Equal(got, body):
			t.Errorf("%s: got back %d bytes, %v", name, len(got), err)
		}
	}
	if n := srv.Count("stable_token"); n != 1 {
		t.Errorf("fetched %d tokens, want 1", n)
	}
}

func TestFetch(t *testing.T) {
	t.Parallel()
	now := newClock()
	srv := wechattest.NewServer(t, wechattest.Config{Now: now.Now})
	c := newClient(t, config(srv.URL, now.Now), account(), nil)
	m, err := upload(t, c)
	if err != nil {
		t.Fatal(err)
	}
	srv.Revoke(wechattest.DefaultAppID)
	if got, err := c.Fetch(t.Context(), "main", m.ID); err != nil || !bytes.Equal(got, payload().Body) {
		t.Errorf("with a revoked token: %d bytes, %v", len(got), err)
	}
	now.Advance(73 * time.Hour)
	for _, id := range []string{m.ID, "no-such-media", "", "a b", "../x"} {
		_, err := c.Fetch(t.Context(), "main", id)
		if code := tasks.CodeOf(err); code != tasks.NotFound {
			t.Errorf("%q: got %s (%v), want not_found", id, code, err)
		}
	}
}

func TestFetchOfWhatIsNoMedia(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]tasks.Code{
		`{"video_url":"http://example.com/x"}`: tasks.Unsupported,
		`{}`:                                   tasks.Temporary,
		``:                                     tasks.Temporary,
		`{"errcode":-1}`:                       tasks.Temporary,
	} {
		_, err := newClient(t, config(serve(t, answers(body)).URL, nil), account(), nil).Fetch(t.Context(), "main", "MEDIA")
		if code := tasks.CodeOf(err); code != want {
			t.Errorf("%s: got %s (%v), want %s", body, code, err, want)
		}
	}
}

func TestQuota(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{Accounts: []wechattest.Account{{
		AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret, DailyLimit: 500, MinuteLimit: 100,
	}}})
	c := newClient(t, config(srv.URL, nil), account(), nil)
	for range 3 {
		if _, err := upload(t, c); err != nil {
			t.Fatal(err)
		}
	}
	got, err := c.Quota(t.Context(), "main")
	want := wechat.Quota{DailyLimit: 500, Used: 3, Remain: 497, CallCount: 100, Refresh: time.Minute}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v %s", err, d)
	}
	if got.PerMinute() != 100 {
		t.Errorf("PerMinute is %d, want 100", got.PerMinute())
	}
	if n := srv.Count("media/upload"); n != 3 {
		t.Errorf("the quota cost upload calls: %d were made, want 3", n)
	}
}

func TestQuotaAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want wechat.Quota
		code tasks.Code
	}{
		"strings":   {`{"quota":{"daily_limit":"5","used":"2"},"rate_limit":{"call_count":"3","refresh_second":"1"}}`, wechat.Quota{DailyLimit: 5, Used: 2, Remain: 3, CallCount: 3, Refresh: time.Second}, ""},
		"no rate":   {`{"quota":{"daily_limit":5,"used":2,"remain":3}}`, wechat.Quota{DailyLimit: 5, Used: 2, Remain: 3}, ""},
		"no quota":  {`{"errcode":0}`, wechat.Quota{}, tasks.Temporary},
		"odd quota": {`{"quota":7}`, wechat.Quota{}, tasks.Temporary},
		"no limit":  {`{"quota":{}}`, wechat.Quota{}, tasks.Temporary},
		"no right":  {`{"errcode":48001}`, wechat.Quota{}, tasks.AccountHeld},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := newClient(t, config(serve(t, answers(c.body)).URL, nil), account(), nil).Quota(t.Context(), "main")
			if d := cmp.Diff(c.want, got); d != "" || tasks.CodeOf(err) != c.code {
				t.Errorf("%v %s", err, d)
			}
		})
	}
}

func TestQuotaTellsTheRate(t *testing.T) {
	t.Parallel()
	for says, want := range map[int]int{0: 0, 100: 100} {
		srv := wechattest.NewServer(t, wechattest.Config{Accounts: []wechattest.Account{{
			AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret, MinuteLimit: says,
		}}})
		q, err := newClient(t, config(srv.URL, nil), account(), nil).Quota(t.Context(), "main")
		if got := q.PerMinute(); err != nil || got != want {
			t.Errorf("got %d, %v, want %d", got, err, want)
		}
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	now := newClock()
	srv := wechattest.NewServer(t, wechattest.Config{Now: now.Now, Accounts: []wechattest.Account{{
		AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret, DailyLimit: 2,
	}}})
	c := newClient(t, config(srv.URL, now.Now), account(), nil)
	probe := func(code tasks.Code, when string) {
		t.Helper()
		if err := c.Probe(t.Context(), "main"); tasks.CodeOf(err) != code {
			t.Errorf("%s: got %v, want code %q", when, err, code)
		}
	}
	probe("", "at the start")
	for range 2 {
		if _, err := upload(t, c); err != nil {
			t.Fatal(err)
		}
	}
	probe(tasks.DailyLimit, "with no calls left")
	now.Advance(24 * time.Hour)
	probe("", "on the next day")
	srv.SetSecret(wechattest.DefaultAppID, "another")
	probe(tasks.AccountHeld, "with a wrong secret, although a token is at hand")
	srv.SetSecret(wechattest.DefaultAppID, wechattest.DefaultSecret)
	probe("", "with the right one again")
	srv.Revoke(wechattest.DefaultAppID)
	probe("", "with a revoked token")
	if n := srv.Count("media/upload"); n != 2 {
		t.Errorf("probes made %d upload calls", n-2)
	}
}

func TestUnknownAccountIsNobodysOutcome(t *testing.T) {
	t.Parallel()
	c := newClient(t, config("http://127.0.0.1:1", nil), account(), nil)
	_, uploaded := c.Upload(t.Context(), "other", payload())
	_, quota := c.Quota(t.Context(), "other")
	_, fetched := c.Fetch(t.Context(), "other", "MEDIA")
	for _, err := range []error{uploaded, quota, fetched, c.Probe(t.Context(), "other")} {
		wantCode(t, err, tasks.NoWork, 0)
	}
}

func TestEmptyFileIsNotSent(t *testing.T) {
	t.Parallel()
	p := payload()
	p.Body = nil
	_, err := newClient(t, config("http://127.0.0.1:1", nil), account(), nil).Upload(t.Context(), "main", p)
	wantCode(t, err, tasks.Empty, 0)
}
