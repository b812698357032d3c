package ledger

import (
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

const margin = 2 * time.Hour

// asked is what is known of the request u.
func (h *harness) asked(u tasks.Upload) tasks.AskedMedia {
	h.Helper()
	a, err := h.AskedMedia(h.Context(), u.Producer, u.ExternalID, margin)
	must(h, err)
	if !a.Asks(u) {
		h.Errorf("%s is said to be another request", u.ExternalID)
	}
	return a
}

var askedContract = []testCase{
	{"what was asked for is known with the media of its content", func(h *harness) {
		h.limit(func(*tasks.Account) {})
		_, err := h.AskedMedia(h.Context(), "crm", "none", margin)
		wantCode(h, err, tasks.NotFound)
		c := h.running()
		if a := h.asked(c.Upload); a.State != tasks.Running || a.Live.ID != "" || a.Age != 0 {
			h.Errorf("under way: %+v", a)
		}
		res := h.success("x")
		res.Read = tasks.KnownContent{Hash: res.Key.Hash, Identity: "look 1"}
		must(h, h.Finish(h.Context(), c.Token, res))
		if a := h.asked(c.Upload); a.ID != c.ID || a.State != tasks.Succeeded || a.Live != res.Media || a.Identity != "look 1" {
			h.Errorf("with its outcome: %+v", a)
		}
		another := c.Upload
		another.Source = "b.jpg"
		if h.asked(c.Upload).Asks(another) {
			h.Error("another request is taken for it")
		}
		_, err = h.AskedMedia(h.Context(), "erp", c.ExternalID, margin)
		wantCode(h, err, tasks.NotFound)

		newer := h.media("newer")
		newer.ExpiresAt = newer.ExpiresAt.Add(time.Hour)
		must(h, h.KeepMedia(h.Context(), res.Key, newer))
		if a := h.asked(c.Upload); a.Live != newer || a.MediaID != res.Media.ID {
			h.Errorf("with a newer media: %+v", a)
		}
		must(h, h.Forget(h.Context(), "newer", nil, ""))
		if a := h.asked(c.Upload); a.Live.ID != "" {
			h.Errorf("forgotten: %+v", a.Live)
		}
	}},
	{"a media that is about to expire is no answer", func(h *harness) {
		h.limit(func(*tasks.Account) {})
		c := h.running()
		must(h, h.Finish(h.Context(), c.Token, h.success("x")))
		h.pass(70*time.Hour - time.Minute)
		if a := h.asked(c.Upload); a.Live.ID == "" || a.Age < 69*time.Hour || a.Age > 71*time.Hour {
			h.Errorf("%v after its end: %+v", a.Age, a.Live)
		}
		h.pass(2 * time.Minute)
		if a := h.asked(c.Upload); a.Live.ID != "" {
			h.Errorf("%v after its end: %+v", a.Age, a.Live)
		}
	}},
	{"a media of another account, type or producer is no answer", func(h *harness) {
		other := tasks.Account{Name: "other", Realm: account.Realm, AppID: "wx2", Fingerprint: "f"}
		must(h, h.Join(h.Context(), tasks.Process{Name: "test", Role: tasks.RoleRun}, []tasks.Account{account, other}))
		c := h.running()
		must(h, h.Finish(h.Context(), c.Token, h.success("x")))
		must(h, h.Forget(h.Context(), "media-x", nil, ""))
		for name, change := range map[string]func(*tasks.MediaKey){
			"account": func(k *tasks.MediaKey) { k.AppID = other.AppID }, "realm": func(k *tasks.MediaKey) { k.Realm = "elsewhere" },
			"type": func(k *tasks.MediaKey) { k.Type = tasks.Thumb }, "producer": func(k *tasks.MediaKey) { k.Producer = "erp" },
		} {
			k := key("x")
			change(&k)
			must(h, h.KeepMedia(h.Context(), k, h.media("of another "+name)))
		}
		if a := h.asked(c.Upload); a.Live.ID != "" {
			h.Errorf("it got that %s", a.Live.ID)
		}
		own := key("x")
		own.Producer = "crm"
		must(h, h.KeepMedia(h.Context(), own, h.media("own")))
		if a := h.asked(c.Upload); a.Live.ID != "own" {
			h.Errorf("it got %q", a.Live.ID)
		}
	}},
	{"those that are awaited are read at once, as far as they exist", func(h *harness) {
		ids := h.submit(3)
		found, err := h.Awaited(h.Context(), append([]uuid.UUID{uuid.New()}, ids...))
		must(h, err)
		got := map[uuid.UUID]tasks.State{}
		for _, o := range found {
			got[o.ID] = o.State
		}
		same(h, "uploads", got, map[uuid.UUID]tasks.State{ids[0]: tasks.Queued, ids[1]: tasks.Queued, ids[2]: tasks.Queued})
	}},
}
