package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

// wx makes one call as a client of WeChat's does, without a header of ours, and decodes the answer.
func (p *plant) wx(method, path, body string, headers ...string) map[string]any {
	p.Helper()
	r := p.call("", method, path, body, headers...)
	var v map[string]any
	kind := r.header.Get("Content-Type") // which wechat-api compares letter by letter
	if err := json.Unmarshal([]byte(r.body), &v); err != nil || r.status != http.StatusOK || kind != "application/json" || strings.HasSuffix(r.body, "\n") {
		p.Fatalf("%s is answered %d %s %q", path, r.status, kind, r.body)
	}
	return v
}

func (p *plant) token(name, key string) string {
	p.Helper()
	v := p.wx("POST", "/cgi-bin/stable_token", `{"grant_type":"client_credential","appid":"`+name+`","secret":"`+key+`","force_refresh":false}`)
	token, _ := v["access_token"].(string)
	if token == "" || v["expires_in"] != 7200.0 {
		p.Fatalf("%v", v)
	}
	return token
}

// wxUpload uploads a file as the document has it.
func (p *plant) wxUpload(token, kind, filename, content string) map[string]any {
	p.Helper()
	return p.wx("POST", "/cgi-bin/media/upload?access_token="+token+"&type="+kind, formOf(filename, content), "Content-Type", "multipart/form-data; boundary=B")
}

func errcode(t *testing.T, v map[string]any, want float64) {
	t.Helper()
	if v["errcode"] != want || v["errmsg"] == "" || !strings.Contains(v["errmsg"].(string), " rid: ") {
		t.Errorf("answered %v, want %v", v, want)
	}
}

// Outcomes become the answers of WeChat, by their code or by the errcode that WeChat itself said.
func TestDropInAnswers(t *testing.T) {
	t.Parallel()
	p := newPlant(t, withInbox(t))
	issued := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	p.works(func(c tasks.Claim) tasks.Result {
		if c.Priority != tasks.Interactive || c.Producer != "shop" || c.Account != "default" {
			t.Errorf("%+v", c)
		}
		if code, ok := strings.CutSuffix(c.Filename, ".code"); ok {
			return failure(tasks.Code(code), 0)
		}
		if c.Filename == "wechat" {
			r := failure(tasks.Rejected, 87014)
			r.Cause.RID = "the-rid"
			return r
		}
		r := success("M")
		r.Media.IssuedAt = issued
		return r
	})
	token := p.token("shop", shop)
	want := map[string]any{"type": "image", "media_id": "M", "created_at": float64(issued.Unix()), "item": []any{}}
	if diff := cmp.Diff(want, p.wxUpload(token, "image", "a.jpg", "a")); diff != "" {
		t.Error(diff)
	}
	want = map[string]any{"type": "thumb", "thumb_media_id": "M", "created_at": float64(issued.Unix()), "item": []any{}}
	if diff := cmp.Diff(want, p.wxUpload(token, "thumb", "a.jpg", "a")); diff != "" {
		t.Error(diff)
	}
	for code, want := range map[tasks.Code]float64{
		tasks.Unsupported: 40005, tasks.TooLarge: 40009, tasks.TooLong: 45007, tasks.Corrupt: 40137, tasks.Empty: 44001, tasks.Denied: 48001, tasks.Poison: -1,
	} {
		errcode(t, p.wxUpload(token, "image", string(code)+".code", "a"), want)
	}
	for kind, want := range map[string]float64{"voice": 40010, "video": 40011, "thumb": 40012} {
		errcode(t, p.wxUpload(token, kind, "too_large.code", "a"), want)
	}
	for kind, want := range map[string]float64{"voice": 40113, "video": 40113, "thumb": 40137} { // none of these but a thumb is an image
		v := p.wxUpload(token, kind, "corrupt.code", "a")
		errcode(t, v, want)
		if !strings.Contains(v["errmsg"].(string), " hints: [ ") {
			t.Errorf("a corrupt %s is answered %v", kind, v)
		}
	}
	v := p.wxUpload(token, "image", "wechat", "a")
	errcode(t, v, 87014)
	if !strings.HasSuffix(v["errmsg"].(string), "rid: the-rid") {
		t.Errorf("%v", v)
	}
	errcode(t, p.wxUpload(token, "image", "a.jpg", strings.Repeat("x", 10<<20+1)), 40009)
	errcode(t, p.wxUpload(token, "IMAGE", "a.jpg", "a"), 40004)
	form := []string{"Content-Type", "multipart/form-data; boundary=B"}
	path := "/cgi-bin/media/upload?type=image&access_token=" + token
	errcode(t, p.wx("POST", path, strings.Replace(formOf("a", "a"), `name="media"`, `name="file"`, 1), form...), 41005)
	errcode(t, p.wx("POST", path, strings.Replace(formOf("a", "a"), `; filename="a"`, ``, 1), form...), 41005)
	errcode(t, p.wx("POST", path, "hello"), 41005)
	endless := strings.Replace(formOf("a", strings.Repeat("x", 12<<20)), `; filename="a"`, ``, 1) // not even a file
	req := httptest.NewRequestWithContext(t.Context(), "POST", path, strings.NewReader(endless))
	req.Header.Set(form[0], form[1])
	w := httptest.NewRecorder()
	p.api.ServeHTTP(w, req)
	if !strings.Contains(w.Body.String(), `"errcode":40009`) {
		t.Error(w.Body)
	}
	errcode(t, p.wx("GET", path, ""), 48001)
	errcode(t, p.wx("GET", "/cgi-bin/media/get?access_token="+token, ""), 41006)
}

// What takes too long is answered as WeChat answers when it is busy; the upload goes on.
func TestDropInIsBusy(t *testing.T) {
	t.Parallel()
	p := newPlant(t, withInbox(t), withLimits(tasks.Rights{RatePerMinute: 1, Accounts: []string{"second", "third"}}), func(c *api.Config) { c.Wait = 10 * time.Millisecond })
	errcode(t, p.wxUpload(p.token("shop", shop), "image", "a.jpg", "a"), -1)
	if o := answered[api.OutcomePage](t, p.call(shop, "GET", "/v1/uploads", ""), 200).Uploads[0]; o.State != tasks.Queued {
		t.Errorf("%+v", o)
	}
	token := p.token("limited", limited)
	errcode(t, p.wxUpload(token, "image", "a.jpg", "a"), -1)
	if o := answered[api.OutcomePage](t, p.call(limited, "GET", "/v1/uploads", ""), 200).Uploads[0]; o.Account != "second" {
		t.Errorf("%+v", o)
	}
	errcode(t, p.wxUpload(token, "image", "a.jpg", "a"), 45011)
}

func TestDropInTokens(t *testing.T) {
	t.Parallel()
	p := newPlant(t, withInbox(t), func(c *api.Config) { c.Wait = time.Millisecond })
	const secret = "added-key-0123456789abcdef"
	must(t, p.AddKey(t.Context(), key("extra", secret, tasks.RoleProducer)))
	upload := func(token string) map[string]any { return p.wxUpload(token, "image", "a.jpg", "a") }
	query := func(grant, name, key string) map[string]any {
		return p.wx("GET", "/cgi-bin/token?grant_type="+grant+"&appid="+name+"&secret="+key, "")
	}
	extra := p.token("extra", secret)
	errcode(t, upload(extra), -1) // nobody works, but it was let in
	errcode(t, query("password", "extra", secret), 40002)
	errcode(t, query("client_credential", "shop", secret), 40125) // another's key
	errcode(t, query("client_credential", "shop", ""), 40125)
	errcode(t, p.wx("POST", "/cgi-bin/stable_token", "{"), 40002)
	errcode(t, upload(p.token("eye", eye)), 48001)
	errcode(t, upload(""), 41001)
	errcode(t, upload(secret), 40001)
	other := []byte(extra)
	other[30] ^= 1
	errcode(t, upload(string(other)), 40001)
	p.refused(p.call(extra, "GET", "/v1/uploads", ""), 401, tasks.Unauthorized, "") // good for nothing else
	p.pass(2*time.Hour - time.Second)
	errcode(t, upload(extra), -1)
	p.pass(time.Second)
	errcode(t, upload(extra), 42001)
	fresh := p.token("extra", secret)
	if _, err := p.RevokeKeys(t.Context(), "extra"); err != nil {
		t.Fatal(err)
	}
	p.pass(2 * time.Second)
	errcode(t, upload(fresh), 40001)
	for range 10 {
		query("client_credential", "shop", "wrong")
	}
	errcode(t, query("client_credential", "shop", "wrong"), 45011)
	p.token("shop", shop)
}
