package wechat

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/tasks"
)

// FuzzAnswer feeds whatever a server may send to all that reads answers.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		`{"type":"image","media_id":"MEDIA_ID","created_at":1626271092,"item":[]}`,
		`{"type":"thumb","thumb_media_id":"-abc","created_at":"1626271092","errcode":0,"errmsg":"ok"}`,
		`{"errcode":40001,"errmsg":"invalid credential, access_token is invalid or not latest rid: 6242d22c-258e8eb8-0dc4dadd"}`,
		"\xef\xbb\xbf{\"errcode\":\"-1\"}\x00\x1f", `{"errcode":null}`, `{"errcode":1e99}`, `{"errcode":99999999999}`, `[]`, `null`, `"x"`, ``,
		`{"access_token":"x","expires_in":-1}`, `{"quota":{"daily_limit":1},"rate_limit":{"call_count":"x","refresh_second":9e9}}`,
		`{"errmsg":"` + strings.Repeat("长", 300) + `","errcode":7}`, `{"media_id":"a","media_id":7}`, "<html>", `{"created_at":-62135596801,"media_id":"x"}`,
	} {
		f.Add([]byte(body), 200)
	}
	c, err := New(Config{}, nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	now := time.Now()
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		r := reply{status: status, header: http.Header{"Retry-After": {string(body)}, "Content-Type": {string(body)}}, body: body}
		for _, api := range []API{APIUpload, APIToken, APIGet} {
			o, err := c.judge(api, request{op: "test"}, r)
			if err != nil {
				checkText(t, err)
				continue
			}
			if m, err := o.media(now); err == nil && (!isMediaID(m.ID) || m.ExpiresAt.After(now.Add(mediaLife)) || m.ExpiresAt.Before(now)) {
				t.Errorf("got media %+v", m)
			}
			if g, err := grantIn(o); err == nil && (g.life < 0 || g.life > maxLife || !looksLikeToken(g.value.Reveal())) {
				t.Errorf("got a token that lives %v", g.life)
			}
			if q, ok := o.quota(); ok && (q.Refresh < 0 || q.PerMinute() < 0) {
				t.Errorf("got quota %+v", q)
			}
		}
		_, _ = c.foreignGrant(request{op: "test"}, r)
	})
}

// checkText fails the test unless err can be logged, stored and shown as it is.
func checkText(t *testing.T, err error) {
	t.Helper()
	e := tasks.AsError(err)
	text := err.Error()
	if len(text) > 600 || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || len(e.RID) > 64 || e.RetryAfter < 0 {
		t.Errorf("got %d bytes: %q, rid %q, RetryAfter %v", len(text), text, e.RID, e.RetryAfter)
	}
	if e.Code == tasks.Internal {
		t.Errorf("got %v, want a code that somebody chose", err)
	}
}

func TestScrub(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"plain":        {"invalid media type", "invalid media type"},
		"controls":     {"a\x00b\r\nc\u200bd\u202ee", "a b c d e"},
		"known secret": {"got s3cr3t&x=s3%2Fr", "got ***&x=***"},
		"token param":  {"GET /x?access_token=abc&type=image", "GET /x?access_token=***&type=image"},
		"token json":   {`{"access_token": "abc", "secret":'x'}`, `{"access_token": "***", "secret":'***'}`},
		"long word":    {"45_" + strings.Repeat("aB3-", 30), "***"},
		"long name":    {"access_clientip_is_not_registered", "access_clientip_is_not_registered"},
		"rid":          {"rid: 6242d22c-258e8eb8-0dc4dadd", "rid: 6242d22c-258e8eb8-0dc4dadd"},
		"address":      {"invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist", "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist"},
		"long text":    {strings.Repeat("长", 200), strings.Repeat("长", 80) + "…"},
		"not UTF-8":    {"a\xff\xfeb", "a b"},
	} {
		if got := scrub(c.in, "s3cr3t", "s3/r", ""); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
