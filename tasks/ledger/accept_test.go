package ledger

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

var acceptContract = []testCase{
	{"accept keeps all that was asked for", func(h *harness) {
		b := h.batch(tasks.Batch{})
		u := tasks.Upload{
			Producer: "crm", ExternalID: "e1", Batch: b.ID, Account: "shop", Type: tasks.Thumb, Source: "a/中.jpg", Filename: "x.jpg",
			CallbackURL: "https://crm.example/hook", Priority: tasks.Interactive, Metadata: json.RawMessage(`{"k": [1, 2]}`), NoReuse: true, Fix: true, Granted: "a/",
			KeepFreshUntil: h.today().Add(240 * time.Hour), ExpiresBy: h.today().Add(time.Hour),
		}
		u.ID = value(h, h.Accept)(h.Context(), []tasks.Upload{u})[0].ID
		c := h.again()
		same(h, "claimed upload", c.Upload, u)
		if u.ID.Version() != 7 {
			h.Errorf("the minted id %s is no UUIDv7", u.ID)
		}
	}},
	{"the same request has the same receipt", func(h *harness) {
		u := h.upload()
		first := value(h, h.Accept)(h.Context(), []tasks.Upload{u})
		second := value(h, h.Accept)(h.Context(), []tasks.Upload{u, u})
		want := tasks.Receipt{ID: first[0].ID, State: tasks.Queued}
		same(h, "receipts", second, []tasks.Receipt{want, want})
		if !first[0].Created {
			h.Error("the first one was not new")
		}
	}},
	{"another request under a used name is a conflict, and its neighbours are accepted", func(h *harness) {
		u := h.upload()
		value(h, h.Accept)(h.Context(), []tasks.Upload{u})
		other := u
		other.Source = "else.jpg"
		rs := value(h, h.Accept)(h.Context(), []tasks.Upload{h.upload(), other, h.upload()})
		wantCode(h, rs[1].Err, tasks.Conflict)
		if rs[0].Err != nil || rs[2].Err != nil || h.number("SELECT count(*) FROM uploads") != 3 {
			h.Errorf("the neighbours were not accepted: %+v", rs)
		}
	}},
	{"a conflict names the fields that differ", func(h *harness) {
		by := h.today().Add(time.Hour)
		u := h.upload(func(u *tasks.Upload) {
			u.Filename, u.CallbackURL, u.Metadata, u.ExpiresBy = "a.jpg", "https://crm.example/hook", []byte(`{"n": 1}`), by
		})
		id := value(h, h.Accept)(h.Context(), []tasks.Upload{u})[0].ID
		for want, change := range map[string]func(*tasks.Upload){
			"account":        func(u *tasks.Upload) { u.Account = "other" },
			"type":           func(u *tasks.Upload) { u.Type = tasks.Thumb },
			"source":         func(u *tasks.Upload) { u.Source = "else.jpg" },
			"filename":       func(u *tasks.Upload) { u.Filename = "" },
			"callback_url":   func(u *tasks.Upload) { u.CallbackURL = "" },
			"priority":       urgent,
			"metadata":       func(u *tasks.Upload) { u.Metadata = []byte(`{"n":2}`) },
			"no_reuse":       func(u *tasks.Upload) { u.NoReuse = true },
			"fix":            func(u *tasks.Upload) { u.Fix = true },
			"expires_by":     func(u *tasks.Upload) { u.ExpiresBy = by.Add(time.Second) },
			"type, metadata": func(u *tasks.Upload) { u.Type, u.Metadata = tasks.Thumb, nil },
			"":               func(u *tasks.Upload) { u.Metadata = []byte(`{"n":1}`) },
			"callback_url, priority": func(u *tasks.Upload) {
				u.CallbackURL, u.DefaultCallback, u.Priority = "", "https://crm.example/all", tasks.Interactive
			},
		} {
			other := u
			change(&other)
			r := value(h, h.Accept)(h.Context(), []tasks.Upload{other})[0]
			if r.ID != id || r.Created || (r.Err == nil) != (want == "") || r.Err != nil && !strings.HasSuffix(r.Err.Error(), "with another "+want) {
				h.Errorf("with another %q the receipt is %+v", want, r)
			}
		}
	}},
	{"a callback from the settings is kept, and makes no other request", func(h *harness) {
		u := h.upload(func(u *tasks.Upload) { u.DefaultCallback = "https://crm.example/all" })
		value(h, h.Accept)(h.Context(), []tasks.Upload{u})
		later, explicit := u, u
		later.DefaultCallback, explicit.CallbackURL = "https://crm.example/new", "https://crm.example/all"
		for _, r := range value(h, h.Accept)(h.Context(), []tasks.Upload{u, later, explicit}) {
			if r.Err != nil || r.Created {
				h.Errorf("receipt %+v", r)
			}
		}
		u.Source = "else.jpg"
		if err := value(h, h.Accept)(h.Context(), []tasks.Upload{u})[0].Err; err == nil || !strings.HasSuffix(err.Error(), "with another source") {
			h.Errorf("with another source alone: %v", err)
		}
		if c := h.again(); c.CallbackURL != "https://crm.example/all" {
			h.Errorf("the events go to %q", c.CallbackURL)
		}
	}},
	{"producers have names of their own", func(h *harness) {
		u := h.upload()
		v := u
		v.Producer, v.Source = "erp", "other.jpg"
		for _, r := range value(h, h.Accept)(h.Context(), []tasks.Upload{u, v}) {
			if r.Err != nil || !r.Created {
				h.Errorf("receipt %+v", r)
			}
		}
	}},
	{"an id that was chosen is kept, and can't be used for another request", func(h *harness) {
		u := h.upload()
		u.ID, u.ExternalID = uuid.Must(uuid.NewV7()), ""
		v := u
		v.Source = "other.jpg"
		rs := value(h, h.Accept)(h.Context(), []tasks.Upload{u, u, v})
		same(h, "receipts", rs[:2], []tasks.Receipt{{ID: u.ID, State: tasks.Queued, Created: true}, {ID: u.ID, State: tasks.Queued}})
		wantCode(h, rs[2].Err, tasks.Conflict)
	}},
	{"twenty at once accept the same request once", func(h *harness) {
		u := h.upload()
		other := h.another()
		ids := make([]uuid.UUID, 20)
		created := make([]bool, 20)
		together(20, func(i int) {
			l := h.Ledger
			if i%2 == 1 {
				l = other
			}
			rs, err := l.Accept(h.Context(), []tasks.Upload{u})
			if err != nil || rs[0].Err != nil {
				h.Error(err, rs)
				return
			}
			ids[i], created[i] = rs[0].ID, rs[0].Created
		})
		news := 0
		for i := range ids {
			if ids[i] != ids[0] {
				h.Errorf("receipt %d names %s, the first %s", i, ids[i], ids[0])
			}
			news += db.Flag(created[i])
		}
		if news != 1 {
			h.Errorf("%d receipts say that it is new, want 1", news)
		}
	}},
	{"receipts tell the state of what was accepted before", func(h *harness) {
		u := h.upload()
		value(h, h.Accept)(h.Context(), []tasks.Upload{u})
		c := h.again()
		must(h, h.Finish(h.Context(), c.Token, h.success("x")))
		rs := value(h, h.Accept)(h.Context(), []tasks.Upload{u})
		same(h, "receipt", rs[0], tasks.Receipt{ID: c.ID, State: tasks.Succeeded})
	}},
	{"nothing comes into a sealed or unknown batch", func(h *harness) {
		b := h.batch(tasks.Batch{})
		u := h.upload(in(b.ID))
		value(h, h.Accept)(h.Context(), []tasks.Upload{u})
		must(h, h.Seal(h.Context(), b.ID, false))
		rs := value(h, h.Accept)(h.Context(), []tasks.Upload{u, h.upload(in(b.ID)), h.upload(in(uuid.New())), h.upload()})
		if rs[0].Err != nil || rs[3].Err != nil {
			h.Errorf("what was accepted before, and a row without a batch: %v, %v", rs[0].Err, rs[3].Err)
		}
		wantCode(h, rs[1].Err, tasks.Conflict)
		wantCode(h, rs[2].Err, tasks.NotFound)
	}},
}

func TestCleanKeepsTextsSmallAndPlain(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":        "plain",
		"a\x00b\nc\t":  "a b c",
		"bad \xff utf": "bad � utf",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
	for _, part := range []string{"中", "a\xff", "\xff\x00", "ab", "é"} { // a bad byte becomes a sign of three
		for _, pad := range []string{"", "x", "xx"} {
			got := clean(pad + strings.Repeat(part, 3*maxText))
			if len(got) > maxText || len(got) < maxText-len("…") || !strings.HasSuffix(got, "…") || !utf8.ValidString(got) {
				t.Errorf("%q many times has %d bytes and ends in %q", part, len(got), got[len(got)-5:])
			}
		}
	}
	if fits := strings.Repeat("x", maxText); clean(fits) != fits {
		t.Error("a text that fits was cut")
	}
}
