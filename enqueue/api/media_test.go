package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

// works finishes everything that is submitted, as f says, until the test ends.
func (p *plant) works(f func(tasks.Claim) tasks.Result) {
	p.Helper()
	ctx, stop := context.WithCancel(p.Context())
	done := make(chan struct{})
	p.Cleanup(func() { stop(); <-done })
	go func() {
		defer close(done)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			ds, err := p.Dispatch(ctx, tasks.Window{Bulk: 10, Interactive: 10})
			for _, d := range ds {
				claims, errClaim := p.Claim(ctx, tasks.NewBids(d.Runs), "test", time.Minute)
				for _, c := range claims {
					errClaim = errors.Join(errClaim, p.Finish(ctx, c.Token, f(c)))
				}
				if errClaim != nil {
					err = errClaim
				}
			}
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				p.Error(err)
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
}

// looks is a storage whose sources look as it says.
type looks struct {
	mu  sync.Mutex
	now map[string]string // identity by source
	err error
}

func (l *looks) Stat(_ context.Context, source string) (tasks.Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return tasks.Entry{Source: source, Identity: l.now[source]}, l.err
}

// becomes changes what there is to see of a.jpg.
func (l *looks) becomes(identity string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now, l.err = map[string]string{"a.jpg": identity}, err
}

// A source that may hold other bytes by now is read in a new round, and no other.
func TestMediaOfAChangedSource(t *testing.T) {
	t.Parallel()
	storage := &looks{}
	storage.becomes("1", nil)
	p := newPlant(t, func(c *api.Config) { c.Sources = storage })
	p.works(func(c tasks.Claim) tasks.Result {
		r := success("M" + strconv.Itoa(c.Round))
		e, _ := storage.Stat(t.Context(), c.Source)
		r.Read = tasks.KnownContent{Hash: r.Key.Hash, Identity: e.Identity}
		return r
	})
	ask := func(round int, more string) {
		t.Helper()
		o := answered[tasks.Outcome](t, p.call(shop, "POST", "/v1/media", `{"type":"image","source":"a.jpg","external_id":"e1"`+more+`}`), http.StatusOK)
		if o.Round != round || o.State != tasks.Succeeded || o.MediaID != "M"+strconv.Itoa(round) {
			t.Errorf("%+v, want round %d", o, round)
		}
	}
	ask(1, "")
	ask(1, "")
	storage.becomes("2", nil)
	ask(2, "")
	ask(2, "")
	ask(3, `,"checksum":true`)
	ask(3, `,"checksum":false`)
	storage.becomes("", nil) // it can't be told
	ask(4, "")
	storage.becomes("2", &tasks.Error{Code: tasks.Storage})
	ask(5, "")
	storage.becomes("3", &tasks.Error{Code: tasks.Missing}) // no other bytes are there
	ask(5, "")
}

// An answer says until when it is good, and where a worker had to look.
func TestMediaSaysHowLongItIsGood(t *testing.T) {
	t.Parallel()
	storage := &looks{}
	storage.becomes("1", nil)
	p := newPlant(t, func(c *api.Config) { c.Sources = storage })
	p.works(func(c tasks.Claim) tasks.Result {
		if c.Source == "bad.jpg" {
			return failure(tasks.Corrupt, 0)
		}
		r := success("M-" + c.Source)
		r.Read = tasks.KnownContent{Hash: r.Key.Hash, Identity: "1"}
		return r
	})
	const request = `{"type":"image","source":"a.jpg"}`
	first := p.call(shop, "POST", "/v1/media", request)
	o := answered[api.MediaAnswer](t, first, http.StatusOK)
	var age int
	if _, err := fmt.Sscanf(first.header.Get("Cache-Control"), "private, max-age=%d", &age); err != nil || age > 71*3600 || age < 69*3600 {
		t.Errorf("%q, %v", first.header.Get("Cache-Control"), err)
	}
	tag := first.header.Get("ETag")
	for header, status := range map[string]int{tag: 304, `"x", ` + tag: 304, strings.TrimPrefix(tag, "W/"): 304, "*": 304, `W/"x"`: 200, strings.Repeat(",", 9000): 200} {
		again := p.call(shop, "POST", "/v1/media", request, "If-None-Match", header)
		if again.status != status || again.header.Get("ETag") != tag || (again.body == "") != (status == 304) {
			t.Errorf("If-None-Match %.20q: %d %q %s", header, again.status, again.header.Get("ETag"), again.body)
		}
	}
	if again := answered[api.MediaAnswer](t, p.call(shop, "POST", "/v1/media", request), http.StatusOK); again.ID != o.ID || again.Round != 1 || again.Note != "" {
		t.Errorf("%+v", again)
	}
	if rivals := answered[api.MediaAnswer](t, p.call(rival, "POST", "/v1/media", request), http.StatusOK); rivals.ID == o.ID || rivals.Producer != "rival" {
		t.Errorf("another producer got the upload %+v", rivals)
	}
	storage.becomes("", &tasks.Error{Code: tasks.Storage, Op: "stat source", Err: errors.New("this process has no storage root"), Hint: "set it"})
	if blind := answered[api.MediaAnswer](t, p.call(shop, "POST", "/v1/media", request), http.StatusOK); blind.Round != 2 || !strings.Contains(blind.Note, "no storage root: set it") {
		t.Errorf("%+v", blind)
	}
	bad := p.call(shop, "POST", "/v1/media", `{"type":"image","source":"bad.jpg"}`)
	if bad.status != http.StatusOK || bad.header.Get("ETag") != "" || bad.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", bad.status, bad.header)
	}
}

func TestMediaNow(t *testing.T) {
	t.Parallel()
	p := newPlant(t, func(c *api.Config) { c.Sources = &looks{err: &tasks.Error{Code: tasks.Missing}} })
	p.works(func(c tasks.Claim) tasks.Result {
		if c.Priority != tasks.Interactive {
			t.Errorf("it came as %s", c.Priority)
		}
		if c.Source == "bad.jpg" {
			return failure(tasks.Corrupt, 0)
		}
		r := success("M-" + c.Source)
		if c.Source == "short.jpg" {
			r.Media.ExpiresAt = r.Media.IssuedAt.Add(time.Hour) // which is less than the margin
		}
		return r
	})
	ask := func(body string) reply { return p.call(shop, "POST", "/v1/media", body) }
	o := answered[tasks.Outcome](t, ask(`{"type":"image","source":"a.jpg","external_id":"e1"}`), http.StatusOK)
	if o.State != tasks.Succeeded || o.MediaID != "M-a.jpg" {
		t.Errorf("%+v", o)
	}
	again := answered[tasks.Outcome](t, ask(`{"type":"image","source":"a.jpg","external_id":"e1","wait":3}`), http.StatusOK)
	if again.ID != o.ID || again.Round != 1 {
		t.Errorf("%+v", again)
	}
	for round := 1; round <= 2; round++ {
		o := answered[tasks.Outcome](t, ask(`{"type":"image","source":"short.jpg"}`), http.StatusOK)
		if o.Round != round || o.State != tasks.Succeeded {
			t.Errorf("%+v, want round %d", o, round)
		}
	}
	if o := answered[tasks.Outcome](t, ask(`{"type":"image","source":"bad.jpg"}`), http.StatusOK); o.State != tasks.Failed || o.Code != tasks.Corrupt {
		t.Errorf("%+v", o)
	}
	p.refused(ask(`{"type":"image","source":"a.jpg","wait":-1}`), 422, tasks.Invalid, "body.wait")
}

func TestMediaLater(t *testing.T) {
	t.Parallel()
	p := newPlant(t, func(c *api.Config) { c.Wait = 20 * time.Millisecond })
	o := answered[tasks.Outcome](t, p.call(shop, "POST", "/v1/media", `{"type":"image","source":"a.jpg","wait":600}`), http.StatusAccepted)
	if o.State != tasks.Queued {
		t.Errorf("%+v", o)
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	const other = "other-key-0123456789abcdef"
	p := newPlant(t, func(c *api.Config) {
		k := key("other", other, tasks.RoleProducer)
		k.Accounts = []string{"elsewhere"}
		c.Keys.Fixed = append(c.Keys.Fixed, k)
	})
	p.finish(p.submit(shop, one).ID, success("M1"))
	k := success("M1").Key
	known := func() bool {
		_, err := p.Media(t.Context(), k, time.Hour)
		return err == nil
	}
	p.refused(p.call(other, "DELETE", "/v1/media/M1", ""), 404, tasks.NotFound, "")
	if !known() {
		t.Fatal("a key of another account made it forgotten")
	}
	if r := p.call(shop, "DELETE", "/v1/media/M1", ""); r.status != 204 || known() {
		t.Errorf("%d %s, known %v", r.status, r.body, known())
	}
	p.refused(p.call(shop, "DELETE", "/v1/media/M1", ""), 404, tasks.NotFound, "")
}

// What a path names as a media_id never reaches further than it may.
func TestOddMediaIDs(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	for _, id := range []string{"%00", "a%00b", "%F0%9F%9A%A2", "%ff", "a%20b", strings.Repeat("x", 256)} {
		for _, call := range []struct{ method, path string }{{"POST", "/renew"}, {"POST", "/invalid"}, {"DELETE", ""}} {
			if r := p.call(shop, call.method, "/v1/media/"+id+call.path, ""); r.status != http.StatusUnprocessableEntity && r.status != http.StatusNotFound {
				t.Errorf("%s %.20s%s is answered %d %s", call.method, id, call.path, r.status, r.body)
			}
		}
	}
}

func TestReportedMedia(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.finish(p.submit(shop, one).ID, success("M1"))
	page := answered[api.MediaPage](t, p.call(shop, "GET", "/v1/media?q=M1", ""), http.StatusOK)
	if len(page.Media) != 1 || page.Media[0].MediaID != "M1" || page.Media[0].Producer != "shop" {
		t.Errorf("%+v", page)
	}
	if foreign := answered[api.MediaPage](t, p.call(rival, "GET", "/v1/media?producer=shop", ""), http.StatusOK); len(foreign.Media) != 0 {
		t.Errorf("a rival sees %+v", foreign)
	}
	p.refused(p.call(shop, "GET", "/v1/media?cursor=x", ""), 422, tasks.Invalid, "cursor")
	o := answered[tasks.Outcome](t, p.call(rival, "POST", "/v1/media/M1/renew?wait=0", ""), http.StatusAccepted)
	if o.State != tasks.Queued || o.Source != "" || o.Filename != "" {
		t.Errorf("%+v", o)
	}
	if told := answered[api.InvalidMedia](t, p.call(shop, "POST", "/v1/media/M1/invalid", ""), http.StatusOK); !told.Renewing { // it is being renewed just now
		t.Errorf("%+v", told)
	}
	p.refused(p.call(shop, "POST", "/v1/media/M2/invalid", ""), 404, tasks.NotFound, "")
}

// What has to do with an upload's media is told to those whose uploads that is, and one media to those who could reuse it.
func TestMediaIsShown(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	must(t, p.Join(t.Context(), tasks.Process{Name: "test", Role: tasks.RoleRun}, []tasks.Account{account}))
	again := success("M1")
	again.Reused, again.Attempt = true, nil
	ids := map[string]string{}
	for _, u := range []struct{ name, key, body string }{
		{"first", shop, `{"type":"image","source":"first.jpg"}`}, {"second", shop, `{"type":"image","source":"second.jpg"}`}, {"third", rival, `{"type":"image","source":"third.jpg"}`},
	} {
		id := p.submit(u.key, u.body).ID
		if len(ids) == 0 {
			p.finish(id, success("M1"))
		} else {
			p.finish(id, again)
		}
		ids[u.name] = id.String()
	}
	for _, c := range []struct{ key, of, from, by string }{
		{shop, "first", "", "second.jpg"}, {shop, "second", "first.jpg", ""}, {boss, "first", "", "third.jpg second.jpg"}, {rival, "third", "", ""}, {eye, "third", "first.jpg", ""},
	} {
		o := answered[tasks.Outcome](t, p.call(c.key, "GET", "/v1/uploads/"+ids[c.of], ""), http.StatusOK)
		var from string
		var by []string
		if o.Reuse != nil && o.Reuse.From != nil {
			from = o.Reuse.From.Source
		}
		if o.Reuse != nil {
			for _, u := range o.Reuse.By {
				by = append(by, u.Source)
			}
		}
		if from != c.from || strings.Join(by, " ") != c.by {
			t.Errorf("%s is told of %s: from %q, by %q", c.key, c.of, from, by)
		}
	}
	for key, source := range map[string]string{shop: "first.jpg", boss: "first.jpg", rival: ""} {
		m := answered[tasks.KnownMedia](t, p.call(key, "GET", "/v1/media/M1", ""), http.StatusOK)
		if m.MediaID != "M1" || m.Source != source || (m.Upload.String() == ids["first"]) != (source != "") {
			t.Errorf("%s is shown %+v", key, m)
		}
	}
	p.refused(p.call(boss, "GET", "/v1/media/M2", ""), http.StatusNotFound, tasks.NotFound, "no such media")
	for query, want := range map[string]int{"": 1, "?unkept=true": 1, "?kept=true": 0, "?within=60": 0, "?within=2592000": 1} {
		if page := answered[api.MediaPage](t, p.call(boss, "GET", "/v1/media"+query, ""), http.StatusOK); len(page.Media) != want {
			t.Errorf("%q: %d media", query, len(page.Media))
		}
	}
}
