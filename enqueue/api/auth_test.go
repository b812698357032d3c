package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

// Who tries keys is slowed down, while those who have one are not; and no key gets into the log.
func TestUnknownKeysAreSlowedDown(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	for range 10 {
		r := p.call(nobody, "GET", "/v1/uploads", "")
		p.refused(r, 401, tasks.Unauthorized, "not known")
		if r.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%v", r.header)
		}
	}
	r := p.call(nobody, "GET", "/v1/uploads", "")
	p.refused(r, 429, tasks.TooMany, "too many unknown keys")
	if r.header.Get("Retry-After") != "6" {
		t.Errorf("%v", r.header)
	}
	if r := p.call(shop, "GET", "/v1/uploads", ""); r.status != 200 {
		t.Errorf("a good key from the same address is answered %d", r.status)
	}
	p.pass(6 * time.Second)
	p.refused(p.call(nobody, "GET", "/v1/uploads", ""), 401, tasks.Unauthorized, "")
	for _, header := range []string{"", "Basic " + shop, shop, "Bearer", "Bearer  "} {
		r := p.call("", "GET", "/v1/uploads", "", "Authorization", header)
		p.refused(r, 401, tasks.Unauthorized, "no key was given")
	}
	log := p.log.String()
	if strings.Contains(log, nobody) || strings.Contains(log, shop) || !strings.Contains(log, "too many unknown keys") {
		t.Errorf("the log:\n%s", log)
	}
}

// A query holds tokens and names: the log has the path alone, and who asked.
func TestLogLine(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	r := p.call(shop, "GET", "/v1/uploads?q=private-name", "")
	p.call(boss, "GET", "/cgi-bin/token?grant_type=client_credential&appid=shop&secret="+shop, "")
	p.call("", "POST", "/cgi-bin/media/upload?access_token=some-token&type=image", "")
	log := p.log.String()
	for _, want := range []string{"request_id=" + r.header.Get("X-Request-Id"), "path=/v1/uploads", "status=200", "producer=shop", "method=GET"} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in the log:\n%s", want, log)
		}
	}
	for _, never := range []string{"private-name", shop, "some-token", "secret="} {
		if strings.Contains(log, never) {
			t.Errorf("%q is in the log:\n%s", never, log)
		}
	}
}

// Keys of the ledger come and go while the server runs.
func TestKeysOfTheLedger(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	const secret = "added-key-0123456789abcdef"
	k := key("extra", secret, tasks.RoleProducer)
	k.Accounts = []string{"default"}
	p.refused(p.call(secret, "GET", "/v1/uploads", ""), 401, tasks.Unauthorized, "")
	must(t, p.AddKey(t.Context(), k))
	p.pass(2 * time.Second)
	p.submit(secret, one)
	p.refused(p.call(secret, "POST", "/v1/uploads", `{"type":"image","source":"a","account":"other"}`), 422, tasks.Denied, `may not submit to "other"`)
	if _, err := p.RevokeKeys(t.Context(), "extra"); err != nil {
		t.Fatal(err)
	}
	p.pass(2 * time.Second)
	p.refused(p.call(secret, "GET", "/v1/uploads", ""), 401, tasks.Unauthorized, "was revoked")
}

// While the ledger is away, keys that were seen go on to be known: the answer is that the ledger is away.
func TestLedgerAway(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	const secret = "added-key-0123456789abcdef"
	must(t, p.AddKey(t.Context(), key("extra", secret, tasks.RoleProducer)))
	if r := p.call(secret, "GET", "/v1/uploads", ""); r.status != 200 {
		t.Fatal(r.body)
	}
	must(t, p.Close())
	p.pass(time.Minute)
	for _, key := range []string{secret, shop} {
		r := p.call(key, "POST", "/v1/uploads", one)
		p.refused(r, 503, tasks.Unavailable, "")
		if r.header.Get("Retry-After") == "" {
			t.Errorf("no Retry-After: %v", r.header)
		}
	}
	fresh := newPlant(t)
	must(t, fresh.Close())
	fresh.refused(fresh.call(secret, "GET", "/v1/uploads", ""), 503, tasks.Unavailable, "")
}

func TestRights(t *testing.T) {
	t.Parallel()
	const secret = "narrow-key-0123456789abcdef"
	p := newPlant(t, func(c *api.Config) {
		k := key("narrow", secret, tasks.RoleProducer)
		k.Rights = tasks.Rights{
			Accounts: []string{"a1", "a2"}, Sources: []string{"in/", "one.jpg", "s3://media/2026", "s3://open"},
			CallbackHosts: []string{"hooks.example.com", "*.example.org"}, BulkOnly: true,
		}
		c.Keys.Fixed = append(c.Keys.Fixed, k)
	})
	for _, tc := range []struct{ fields, refused string }{
		{`"source":"in/a.jpg"`, ""},
		{`"source":"./in/b/../a.jpg"`, `has ".."`},
		{`"source":"one.jpg"`, ""},
		{`"source":"in"`, ""},
		{`"source":"inner/a.jpg"`, "may not submit from there"},
		{`"source":"a.jpg"`, "may not submit from there"},
		{`"source":"file:in/a%FF.jpg"`, ""},
		{`"source":"file:out/a%FF.jpg"`, "may not submit from there"},
		{`"source":"s3://media/2026/a.jpg"`, ""},
		{`"source":"s3://media/2026x/a.jpg"`, "may not submit from there"},
		{`"source":"s3://media/a.jpg"`, "may not submit from there"},
		{`"source":"s3://open/deep/a.jpg"`, ""},
		{`"source":"s3://opener/a.jpg"`, "may not submit from there"},
		{`"source":"in/a.jpg","callback_url":"https://hooks.example.com/x"`, ""},
		{`"source":"in/a.jpg","callback_url":"https://HOOKS.example.com:8443/x"`, ""},
		{`"source":"in/a.jpg","callback_url":"https://a.b.example.org/x"`, ""},
		{`"source":"in/a.jpg","callback_url":"https://example.org/x"`, "may not name the host"},
		{`"source":"in/a.jpg","callback_url":"https://evilexample.org/x"`, "may not name the host"},
		{`"source":"in/a.jpg","callback_url":"https://example.com/x"`, "may not name the host"},
		{`"source":"in/a.jpg","priority":"interactive"`, "bulk uploads only"},
		{`"source":"in/a.jpg","account":"a3"`, `may not submit to "a3"`},
	} {
		body := `{"type":"image",` + tc.fields + `}`
		if !strings.Contains(body, `"account"`) {
			body = `{"account":"a1",` + body[1:]
		}
		r := p.call(secret, "POST", "/v1/uploads", body)
		if tc.refused == "" && r.status != http.StatusAccepted {
			t.Errorf("%s is answered %d %s", body, r.status, r.body)
		} else if tc.refused != "" {
			p.refused(r, 422, tasks.Denied, tc.refused)
		}
		// The same holds for a row of a batch, which is refused alone.
		got := answered[api.BatchReceipt](t, p.post(secret, "", body), http.StatusAccepted)
		if (got.Accepted == 1) != (tc.refused == "") || tc.refused != "" && !strings.Contains(got.First[0].Reason, tc.refused) {
			t.Errorf("as a row %s is answered %+v", body, got)
		}
	}
	// A key without rights of its own may read the whole storage root, and no bucket.
	p.submit(shop, `{"type":"image","source":"anywhere/a.jpg"}`)
	p.refused(p.call(shop, "POST", "/v1/uploads", `{"type":"image","source":"s3://media/a.jpg"}`), 422, tasks.Denied, "")
	p.refused(p.post(secret, "?callback_url=https://example.com/x", one), 422, tasks.Denied, "may not name the host")
	accounts := answered[api.AccountList](t, p.call(secret, "GET", "/v1/accounts", ""), http.StatusOK)
	if len(accounts.Accounts) != 0 {
		t.Errorf("%+v", accounts)
	}
}
