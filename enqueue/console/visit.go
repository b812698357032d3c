package console

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// visit is one request of somebody who is signed in, or is about to be.
type visit struct {
	*http.Request
	w       http.ResponseWriter
	c       *Console
	who     enqueue.Caller
	session tasks.Hash
	lang    string
	theme   string
}

// answer is what a visit gets.
type answer interface{ write(v *visit) error }

// handler answers a visit. Its error is shown as a page.
type handler func(v *visit) (answer, error)

// seeOther sends the browser to another page of ours.
type seeOther string

func (to seeOther) write(v *visit) error {
	http.Redirect(v.w, v.Request, string(to), http.StatusSeeOther)
	return nil
}

// open registers a page for everybody.
func (c *Console) open(pattern string, h handler) { c.handle(pattern, "", h) }

// page registers a page for those who have the access.
func (c *Console) page(pattern string, a enqueue.Access, h handler) { c.handle(pattern, a, h) }

// maxVisits is how many pages and buttons one key may ask for at once: all share a few connections to the ledger, and each
// file that is sent is in memory while it is judged.
const maxVisits = 6

// maxForm bounds the body of a form without files.
const maxForm = 1 << 20

func (c *Console) handle(pattern string, a enqueue.Access, h handler) {
	c.patterns = append(c.patterns, pattern)
	c.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		v := &visit{Request: r, w: w, c: c, lang: c.language(r), theme: themeOf(r)}
		headers(w.Header())
		if err := c.admit(v, a); err != nil {
			c.refuse(v, err)
			return
		}
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		}
		if a != "" && r.URL.Path != livePath {
			leave, ok := c.visits.Enter(v.who.Name, maxVisits)
			if !ok {
				c.refuse(v, &tasks.Error{Code: tasks.TooMany, Op: "show page", Err: tasks.Textf("too much is asked for with this key at once"), RetryAfter: time.Second})
				return
			}
			defer leave()
		}
		out, err := h(v)
		if err == nil {
			err = out.write(v)
		}
		if err != nil {
			c.refuse(v, err)
		}
	})
}

// headers keep what a page may do as small as it can be.
func headers(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
}

// errSignIn says that nobody is signed in.
var errSignIn = tasks.Textf("nobody is signed in")

// admit finds out who visits, and whether they may.
func (c *Console) admit(v *visit, a enqueue.Access) error {
	if !c.ours(v.Host) {
		return &tasks.Error{Code: tasks.Forbidden, Op: "check host", Err: tasks.Textf("the console does not answer to this name"),
			Hint: "open it by the address that it listens on, or set console.url"}
	}
	if err := c.origins.Check(v.Request); err != nil {
		return &tasks.Error{Code: tasks.Forbidden, Op: "check origin", Err: tasks.Textf("another site asked for this")}
	}
	if err := c.identify(v); err != nil && (a != "" || !errors.Is(err, errSignIn)) {
		return err
	}
	if a != "" && !a.Admits(v.who.Role) {
		return &tasks.Error{Code: tasks.Forbidden, Op: "check rights", Err: tasks.Textf("a key of the role %s may not do that", v.who.Role)}
	}
	return nil
}

// ours reports whether the console answers to a Host header. On loopback only its own names are, lest a page of another
// site reaches it by a name that it made to mean this machine.
func (c *Console) ours(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	return len(c.cfg.Hosts) == 0 || slices.Contains(c.cfg.Hosts, strings.ToLower(name))
}

// may reports whether the visitor may press what has the access.
func (v *visit) may(a enqueue.Access) bool { return a.Admits(v.who.Role) }

// refuse shows what went wrong.
func (c *Console) refuse(v *visit, err error) {
	if errors.Is(err, errSignIn) {
		to := "/sign-in"
		if v.Method == http.MethodGet && v.URL.Path != "/" && v.URL.Path != livePath {
			to += "?next=" + escape(v.URL.RequestURI())
		}
		http.Redirect(v.w, v.Request, to, http.StatusSeeOther)
		return
	}
	if v.Context().Err() != nil {
		return
	}
	e := tasks.AsError(err)
	if e.Code == tasks.Internal || e.Code == tasks.Unavailable {
		c.log.LogAttrs(v.Context(), slog.LevelWarn, "console", slog.String("path", v.URL.Path), slog.Any("error", err))
	}
	reason := ""
	if e.Code != tasks.Internal { // its text may have anything
		reason = c.reason(v.lang, e.Code, e.Errcode, e.Error(), e.Values())
	}
	p := page{name: "problem", title: v.meaning(e.Code, 0), status: e.Code.Status(), data: problem{e.Code, e.Code.Status(), v.meaning(e.Code, 0), c.remedy(v.lang, e.Code, 0, e.Hint, e.Values()), reason}}
	if err := p.write(v); err != nil {
		c.log.LogAttrs(v.Context(), slog.LevelWarn, "console", slog.String("path", v.URL.Path), slog.Any("error", err))
	}
}

// problem is what the page of an error shows.
type problem struct {
	Code            tasks.Code
	Status          int
	Meaning, Remedy string
	Reason          string
}

func notFound(what string) error {
	return &tasks.Error{Code: tasks.NotFound, Op: "look up " + what, Err: tasks.Textf("there is no such %s", what)}
}

func invalid(format string, args ...any) error {
	return &tasks.Error{Code: tasks.Invalid, Op: "read form", Err: tasks.Textf(format, args...)}
}

// nudge wakes the dispatcher.
func (c *Console) nudge() {
	if c.cfg.Nudge != nil {
		c.cfg.Nudge()
	}
}

// own returns an upload if it exists for the visitor.
func (v *visit) own(ctx context.Context) (tasks.Outcome, error) {
	id, err := parseID(v.PathValue("id"))
	if err != nil {
		return tasks.Outcome{}, notFound("upload")
	}
	o, err := v.c.cfg.Ledger.Outcome(ctx, id)
	if err == nil && !v.who.Owns(o.Producer) {
		err = notFound("upload")
	}
	return o, err
}
