package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

// ways are the routes by which an upload comes in. Each returns what refused the request, or "" where it was accepted.
func (p *plant) ways() map[string]func(key, fields string) string {
	problem := func(r reply) string {
		if r.status == http.StatusAccepted || r.status == http.StatusOK {
			return ""
		}
		var got api.Problem
		must(p.T, json.Unmarshal([]byte(r.body), &got))
		return string(got.Code) + ": " + got.Detail
	}
	row := func(r reply) string {
		if r.status != http.StatusAccepted {
			return problem(r)
		}
		got := answered[api.BatchReceipt](p.T, r, http.StatusAccepted)
		if got.Accepted+got.Existing == 1 {
			return ""
		}
		return string(got.First[0].Code) + ": " + got.First[0].Reason
	}
	object := func(fields string) string { return `{"type":"image",` + fields + `}` }
	return map[string]func(key, fields string) string{
		"one": func(key, fields string) string { return problem(p.call(key, "POST", "/v1/uploads", object(fields))) },
		"named": func(key, fields string) string {
			return problem(p.call(key, "POST", "/v1/uploads", object(fields), "Idempotency-Key", fields))
		},
		"an array": func(key, fields string) string {
			return row(p.call(key, "POST", "/v1/batches", "["+object(fields)+"]"))
		},
		"a stream": func(key, fields string) string { return row(p.post(key, "", object(fields))) },
		"media": func(key, fields string) string {
			return problem(p.call(key, "POST", "/v1/media", object(fields+`,"wait":0`)))
		},
	}
}

// Each right holds by every way in.
func TestEveryWayInHoldsTheRights(t *testing.T) {
	t.Parallel()
	const secret = "narrow-key-0123456789abcdef"
	p := newPlant(t, func(c *api.Config) {
		k := key("narrow", secret, tasks.RoleProducer)
		k.Rights = tasks.Rights{Accounts: []string{"a1"}, Sources: []string{"in/"}, CallbackHosts: []string{"hooks.example.com"}, BulkOnly: true}
		c.Keys.Fixed = append(c.Keys.Fixed, k)
	})
	for name, submit := range p.ways() {
		for fields, want := range map[string]string{
			`"account":"a1","source":"in/a.jpg","callback_url":"https://hooks.example.com/x"`: "",
			`"account":"a2","source":"in/a.jpg"`:                                              `may not submit to "a2"`,
			`"source":"in/a.jpg"`:                                                             `may not submit to "default"`,
			`"account":"a1","source":"out/a.jpg"`:                                             "may not submit from there",
			`"account":"a1","source":"s3://media/a.jpg"`:                                      "may not submit from there",
			`"account":"a1","source":"in/a.jpg","callback_url":"https://example.com/x"`:       "may not name the host",
			`"account":"a1","source":"in/a.jpg","priority":"interactive"`:                     "bulk uploads only",
		} {
			got := submit(secret, fields)
			if (got == "") != (want == "") || want != "" && (!strings.Contains(got, want) || !strings.HasPrefix(got, "denied: ")) {
				t.Errorf("%s: %s is answered %q, want %q", name, fields, got, want)
			}
		}
	}
	// What is asked for now goes ahead of the bulk, but not for a key that may not.
	page := answered[api.OutcomePage](t, p.call(secret, "GET", "/v1/uploads", ""), http.StatusOK)
	ds, err := p.Dispatch(t.Context(), tasks.Window{Bulk: 100, Interactive: 100})
	must(t, err)
	for _, d := range ds {
		if d.Priority != tasks.Bulk {
			t.Errorf("%s is %s", d.Task, d.Priority)
		}
	}
	if len(ds) != len(p.ways()) || len(page.Uploads) != len(ds) {
		t.Errorf("%d were dispatched and %d are listed, want one for each way", len(ds), len(page.Uploads))
	}
}

// What a key may submit in a day holds by every way in, the one that looks like WeChat's included.
func TestEveryWayInHoldsTheBudget(t *testing.T) {
	t.Parallel()
	const limit = 2
	p := newPlant(t, withInbox(t), withLimits(tasks.Rights{DailyBudget: limit}), func(c *api.Config) { c.Wait = 1 })
	n := 0
	next := func() string { n++; return fmt.Sprintf(`"source":"%d.jpg"`, n) }
	for range limit {
		if got := p.ways()["one"](limited, next()); got != "" {
			t.Fatal(got)
		}
	}
	for name, submit := range p.ways() {
		if got := submit(limited, next()); !strings.Contains(got, "today are used up") {
			t.Errorf("%s: over the budget it is answered %q", name, got)
		}
	}
	errcode(t, p.wxUpload(p.token("limited", limited), "image", "a.jpg", "a"), 45009)
	if page := answered[api.OutcomePage](t, p.call(limited, "GET", "/v1/uploads", ""), http.StatusOK); len(page.Uploads) != limit {
		t.Errorf("%d uploads are there, want %d", len(page.Uploads), limit)
	}
}

// How many uploads a key may submit in a minute holds by every way in; a batch is read at that pace.
func TestEveryWayInHoldsTheRate(t *testing.T) {
	t.Parallel()
	p := newPlant(t, withInbox(t), withLimits(tasks.Rights{RatePerMinute: 1}), func(c *api.Config) { c.Wait = 1 })
	p.submit(limited, one)
	for _, way := range []string{"one", "named", "media"} {
		if got := p.ways()[way](limited, `"source":"a.jpg"`); !strings.Contains(got, "of this minute are used up") {
			t.Errorf("%s: over the rate it is answered %q", way, got)
		}
	}
	errcode(t, p.wxUpload(p.token("limited", limited), "image", "a.jpg", "a"), 45011)
}

// A page goes on where the last one ended, however many rows come in between: nothing twice, nothing left out.
func TestPagesAreStable(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	const rows = 7
	for _, list := range []struct {
		path string
		add  func() string
	}{
		{"/v1/uploads", func() string { return p.submit(shop, one).ID.String() }},
		{"/v1/batches", func() string {
			return answered[api.BatchReceipt](t, p.call(shop, "POST", "/v1/batches", "[]"), http.StatusAccepted).ID.String()
		}},
	} {
		var want, got []string
		for range rows {
			want = append([]string{list.add()}, want...) // the newest first
		}
		for cursor := ""; ; {
			page := answered[struct {
				Uploads, Batches []struct{ ID string }
				Next             string
			}](t, p.call(shop, "GET", list.path+"?limit=2&cursor="+cursor, ""), http.StatusOK)
			for _, r := range append(page.Uploads, page.Batches...) {
				got = append(got, r.ID)
			}
			list.add()
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: the pages have %v, want %v", list.path, got, want)
		}
		p.refused(p.call(shop, "GET", list.path+"?cursor=forged", ""), 422, tasks.Invalid, "cursor")
	}
}
