package ledger

import (
	"fmt"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// issue uploads content for an upload of a producer, and returns its media_id.
func (h *harness) issue(content string, change ...func(*tasks.Upload)) tasks.Claim {
	h.Helper()
	c := h.running(change...)
	a, err := h.Admit(h.Context(), c.Token, key(content), tasks.AdmitOptions{NoReuse: c.NoReuse})
	must(h, err)
	r := h.success(content)
	if a.Verdict == tasks.Reuse {
		r.Media, r.Reused = a.Media, true
	}
	must(h, h.Finish(h.Context(), c.Token, r))
	return c
}

// live lists the sources of the live media that a filter chooses, page by page.
func (h *harness) live(f tasks.MediaFilter) string {
	h.Helper()
	var all []string
	for {
		page, next, err := h.LiveMedia(h.Context(), f)
		must(h, err)
		for _, m := range page {
			all = append(all, fmt.Sprintf("%s of %s", m.MediaID, m.Source))
		}
		if f.Cursor = next; next == "" {
			return strings.Join(all, ", ")
		}
	}
}

func from(source string) func(*tasks.Upload) { return func(u *tasks.Upload) { u.Source = source } }

func by(producer string) func(*tasks.Upload) { return func(u *tasks.Upload) { u.Producer = producer } }

func until(t time.Time) func(*tasks.Upload) { return func(u *tasks.Upload) { u.KeepFreshUntil = t } }

var liveContract = []testCase{
	{"live media are listed by their end, with where they come from", func(h *harness) {
		h.limit(func(*tasks.Account) {})
		h.issue("x", from("x.jpg"))
		h.pass(time.Hour)
		kept := h.issue("y", from("y.jpg"), by("erp"), until(h.today().Add(30*24*time.Hour)))
		h.issue("x", from("again.jpg")) // reuses x
		must(h, h.KeepMedia(h.Context(), key("z"), h.media("media-z")))
		sum := key("y").Hash.String()
		for _, c := range []struct {
			f    tasks.MediaFilter
			want string
		}{
			{tasks.MediaFilter{}, "media-x of x.jpg, media-y of y.jpg, media-z of "},
			{tasks.MediaFilter{Limit: 1}, "media-x of x.jpg, media-y of y.jpg, media-z of "},
			{tasks.MediaFilter{Producer: "erp"}, "media-y of y.jpg"}, {tasks.MediaFilter{Producer: "crm"}, "media-x of x.jpg"},
			{tasks.MediaFilter{Kept: true}, "media-y of y.jpg"}, {tasks.MediaFilter{Unkept: true, Query: ".jpg"}, "media-x of x.jpg"},
			{tasks.MediaFilter{Within: 71*time.Hour + 30*time.Minute}, "media-x of x.jpg"}, {tasks.MediaFilter{Query: "Y.J"}, "media-y of y.jpg"}, {tasks.MediaFilter{Query: sum}, "media-y of y.jpg"},
			{tasks.MediaFilter{Query: "media-x"}, "media-x of x.jpg"}, {tasks.MediaFilter{Type: tasks.Voice}, ""}, {tasks.MediaFilter{Account: "other"}, ""},
			{tasks.MediaFilter{Accounts: []string{"other"}}, ""}, {tasks.MediaFilter{Account: account.Name, Accounts: []string{account.Name}, Type: tasks.Image, Query: "x.jpg"}, "media-x of x.jpg"},
		} {
			if got := h.live(c.f); got != c.want && (strings.Count(c.want, ",") != 2 || len(got) != len(c.want)) {
				h.Errorf("%+v: %s, want %s", c.f, got, c.want)
			}
		}
		m, err := h.KnownMedia(h.Context(), "media-y", nil, "erp")
		must(h, err)
		if m.Upload != kept.ID || m.Account != account.Name || m.SHA256 != sum || m.Kept.Before(h.today().Add(29*24*time.Hour)) || m.Due.IsZero() || m.Producer != "erp" {
			h.Errorf("%+v", m)
		}
		_, err = h.KnownMedia(h.Context(), "media-y", []string{"other"}, "")
		wantCode(h, err, tasks.NotFound)
		_, _, err = h.LiveMedia(h.Context(), tasks.MediaFilter{Cursor: "no cursor"})
		wantCode(h, err, tasks.Invalid)
		h.pass(71*time.Hour + time.Minute)
		if got := h.live(tasks.MediaFilter{Query: "x.jpg"}); got != "" {
			h.Errorf("after its end %s is listed", got)
		}
	}},
	{"it is known what was answered from what", func(h *harness) {
		h.limit(func(*tasks.Account) {})
		first := h.issue("x", from("x.jpg"))
		second := h.issue("x", from("b.jpg"), by("erp"))
		r, err := h.MediaReuse(h.Context(), first.ID, "")
		must(h, err)
		if len(r.By) != 1 || r.By[0].ID != second.ID || r.From != nil || r.More {
			h.Errorf("%+v", r)
		}
		r, err = h.MediaReuse(h.Context(), second.ID, "")
		must(h, err)
		if r.From == nil || r.From.ID != first.ID || len(r.By) != 0 {
			h.Errorf("%+v", r)
		}
		if r, err = h.MediaReuse(h.Context(), second.ID, "erp"); err != nil || r.From != nil {
			h.Errorf("a producer sees another's upload: %+v, %v", r, err)
		}
	}},
	{"a media that is not kept alive is renewed once, from its source", func(h *harness) {
		ctx := h.Context()
		h.limit(func(*tasks.Account) {})
		c := h.issue("x", from("x.jpg"))
		_, err := h.RenewMedia(ctx, "none", nil, "")
		wantCode(h, err, tasks.NotFound)
		_, err = h.RenewMedia(ctx, "media-x", []string{"other"}, "")
		wantCode(h, err, tasks.NotFound)
		must(h, h.KeepMedia(ctx, key("z"), h.media("media-z")))
		_, err = h.RenewMedia(ctx, "media-z", nil, "")
		wantCode(h, err, tasks.Conflict)
		id, err := h.RenewMedia(ctx, "media-x", []string{account.Name}, "crm")
		must(h, err)
		if again, err := h.RenewMedia(ctx, "media-x", nil, ""); err != nil || again != id {
			h.Errorf("asked twice: %s and %s, %v", id, again, err)
		}
		r := h.again()
		if r.ID != id || r.Source != "x.jpg" || !r.NoReuse || r.Wants != key("x").Hash || r.Priority != tasks.Interactive {
			h.Fatalf("%+v", r)
		}
		if a, err := h.Admit(ctx, r.Token, key("x"), tasks.AdmitOptions{NoReuse: true}); err != nil || a.Verdict != tasks.Proceed {
			h.Fatal(a, err)
		}
		res := h.success("x")
		res.Media.ID, res.Media.ExpiresAt = "newer", res.Media.ExpiresAt.Add(time.Minute)
		must(h, h.Finish(ctx, r.Token, res))
		if a := h.asked(c.Upload); a.Live.ID != "newer" || a.MediaID != "media-x" {
			h.Errorf("%+v", a)
		}
		if n := h.number("SELECT COUNT(*) FROM kept"); n != 0 {
			h.Errorf("%d media are kept alive, for nobody", n)
		}
		for _, f := range []tasks.MediaFilter{{Query: "x.jpg"}, {Query: "x.jpg", Producer: "crm"}} {
			if got := h.live(f); got != "newer of x.jpg" {
				h.Errorf("%+v: %q", f, got)
			}
		}
		if id, err = h.RenewMedia(ctx, "newer", nil, ""); err != nil {
			h.Fatal(err)
		}
		r = h.again()
		must(h, h.Finish(ctx, r.Token, failure(tasks.Missing)))
		if o := h.outcome(id); o.State != tasks.Failed || h.number("SELECT COUNT(*) FROM kept") != 0 {
			h.Errorf("%+v", o)
		}
		if a := h.asked(c.Upload); a.Live.ID != "newer" {
			h.Errorf("after a renewal that failed: %+v", a.Live)
		}
	}},
	{"a media that WeChat does not know is no answer, and renewed where it is kept alive", func(h *harness) {
		ctx := h.Context()
		h.limit(func(*tasks.Account) {})
		plain := h.issue("x", from("x.jpg"))
		kept := h.issue("y", from("y.jpg"), until(h.today().Add(30*24*time.Hour)))
		_, err := h.Invalid(ctx, "none", nil, "")
		wantCode(h, err, tasks.NotFound)
		_, err = h.Invalid(ctx, "media-x", []string{"other"}, "")
		wantCode(h, err, tasks.NotFound)
		if renewing, err := h.Invalid(ctx, "media-x", nil, "erp"); err != nil || renewing {
			h.Errorf("%v, %v", renewing, err)
		}
		_, err = h.Invalid(ctx, "media-x", nil, "")
		wantCode(h, err, tasks.NotFound)
		if a := h.asked(plain.Upload); a.Live.ID != "" || !h.sources(plain.ExternalID)[plain.ExternalID].Forgotten {
			h.Errorf("%+v", a)
		}
		if renewing, err := h.Invalid(ctx, "media-y", nil, ""); err != nil || !renewing {
			h.Errorf("%v, %v", renewing, err)
		}
		if o := h.outcome(kept.ID); o.Current != nil {
			h.Errorf("it is shown as the current one: %+v", o.Current)
		}
		r := h.again()
		if r.Source != "y.jpg" || r.Priority != tasks.Interactive {
			h.Fatalf("%+v", r)
		}
		res := h.success("y")
		res.Media.ID, res.Media.ExpiresAt = "newer", res.Media.ExpiresAt.Add(time.Minute)
		must(h, h.Finish(ctx, r.Token, res))
		if a := h.asked(kept.Upload); a.Live.ID != "newer" {
			h.Errorf("%+v", a)
		}
		if ts := h.eventTypes(); ts[len(ts)-1] != tasks.MediaRenewed {
			h.Errorf("%v", ts)
		}
	}},
}
