package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

const limited = "limited-key-0123456789abcdef"

func withLimits(r tasks.Rights) func(*api.Config) {
	return func(c *api.Config) {
		k := key("limited", limited, tasks.RoleProducer)
		k.Rights = r
		c.Keys.Fixed = append(c.Keys.Fixed, k)
	}
}

func TestRatePerMinute(t *testing.T) {
	t.Parallel()
	p := newPlant(t, withLimits(tasks.Rights{RatePerMinute: 2}))
	p.submit(limited, one)
	p.submit(limited, one)
	r := p.call(limited, "POST", "/v1/uploads", one)
	p.refused(r, 429, tasks.TooMany, "of this minute are used up")
	if got := r.header.Get("Retry-After"); got != "30" {
		t.Errorf("Retry-After: %s", got)
	}
	p.submit(shop, one)
	p.pass(30 * time.Second)
	p.submit(limited, one)
	p.refused(p.call(limited, "POST", "/v1/media", one), 429, tasks.TooMany, "")
}

func TestDailyBudget(t *testing.T) {
	t.Parallel()
	p := newPlant(t, withLimits(tasks.Rights{DailyBudget: 6}))
	p.submit(limited, one)
	got := answered[api.BatchReceipt](t, p.post(limited, "", one+"\n{}\n"+one), http.StatusAccepted)
	if got.Accepted != 2 || got.Refused != 1 {
		t.Errorf("%+v", got)
	}
	for range 3 { // what is asked for again is no new upload
		p.call(limited, "POST", "/v1/uploads", `{"external_id":"same","type":"image","source":"a"}`)
	}
	if r := p.call(limited, "POST", "/v1/uploads", `{"external_id":"same","type":"image","source":"b"}`); r.status != 409 {
		t.Errorf("%d %s", r.status, r.body)
	}
	// A batch ends where the budget does, keeps what it had by then, and says so.
	p.refused(p.post(limited, "", strings.Repeat(one+"\n", 4), "Idempotency-Key", "k"), 429, tasks.TooMany, "today are used up")
	ended := answered[api.BatchPage](t, p.call(limited, "GET", "/v1/batches?q=k", ""), http.StatusOK).Batches[0]
	if ended.Ended != tasks.EndBudget || !ended.Truncated || ended.Counts.Total != 1 || ended.Counts.Refused != 0 {
		t.Errorf("%+v", ended)
	}
	p.refused(p.post(limited, "", ""), 429, tasks.TooMany, "today are used up") // an empty batch is a webhook, too
	r := p.call(limited, "POST", "/v1/uploads", one)
	p.refused(r, 429, tasks.TooMany, "today are used up")
	if r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	p.submit(shop, one)
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	submit := func(key, name, body string) reply {
		return p.call(key, "POST", "/v1/uploads", body, "Idempotency-Key", name)
	}
	first := answered[api.Receipt](t, submit(shop, "k1", one), http.StatusAccepted)
	again := answered[api.Receipt](t, submit(shop, "k1", ` { "source":"a/b.jpg", "type":"image" } `), http.StatusAccepted)
	if !first.Created || again.Created || again.ID != first.ID {
		t.Errorf("%+v, then %+v", first, again)
	}
	p.refused(submit(shop, "k1", `{"type":"thumb","source":"a/b.jpg"}`), 409, tasks.Conflict, "used for another request")
	for _, other := range []reply{submit(shop, "k2", one), submit(rival, "k1", one), p.call(shop, "POST", "/v1/uploads", one)} {
		if got := answered[api.Receipt](t, other, http.StatusAccepted); got.ID == first.ID || !got.Created {
			t.Errorf("%+v", got)
		}
	}
	named := `{"external_id":"e","type":"image","source":"x.jpg"}`
	r1 := answered[api.Receipt](t, submit(shop, "k3", named), http.StatusAccepted)
	r2 := answered[api.Receipt](t, submit(shop, "k4", named), http.StatusAccepted)
	r3 := answered[api.Receipt](t, submit(shop, "k4", named), http.StatusAccepted)
	if r2.ID != r1.ID || r3.ID != r1.ID {
		t.Errorf("%+v %+v %+v", r1, r2, r3)
	}
	p.refused(p.call(shop, "POST", "/v1/uploads", `{"external_id":"e","type":"image","source":"y.jpg"}`), 409, tasks.Conflict, "with another source")
	// By every route the same request is the same upload, and another one is a conflict that says in what.
	want := api.Receipt{ID: r1.ID, State: tasks.Queued}
	if got := p.submit(shop, named); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	other := strings.Replace(named, "}", `,"callback_url":"https://shop.example/x"}`, 1)
	for _, batch := range []reply{p.post(shop, "", named+"\n"+other), p.call(shop, "POST", "/v1/batches", "["+named+","+other+"]")} {
		got := answered[api.BatchReceipt](t, batch, http.StatusAccepted)
		if got.Existing != 1 || got.Refused != 1 || got.First[0].Line != 2 || got.First[0].Code != tasks.Conflict || !strings.HasSuffix(got.First[0].Reason, "with another callback_url") {
			t.Errorf("%+v", got)
		}
	}
	p.refused(p.call(shop, "POST", "/v1/media", other), 409, tasks.Conflict, "with another callback_url, priority")
}
