package api_test

import (
	"context"
	"errors"
	"net/http"
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

func TestMediaNow(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.works(func(c tasks.Claim) tasks.Result {
		if c.Priority != tasks.Interactive {
			t.Errorf("it came as %s", c.Priority)
		}
		if c.Source == "bad.jpg" {
			return failure(tasks.Corrupt, 0)
		}
		return success("M-" + c.Source)
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
	p.pass(71 * time.Hour) // it lives an hour more, which is less than the margin
	again = answered[tasks.Outcome](t, ask(`{"type":"image","source":"a.jpg","external_id":"e1"}`), http.StatusOK)
	if again.ID != o.ID || again.Round != 2 || again.State != tasks.Succeeded {
		t.Errorf("%+v", again)
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
