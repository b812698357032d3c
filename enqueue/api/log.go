package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// traced collects what the log line of a request says.
type traced struct {
	id      string
	who     string
	account string // in whose name a call was passed on
	err     error
	quiet   bool // it is asked every few seconds

	answer http.ResponseWriter
}

type traceKey struct{}

func trace(ctx context.Context) *traced {
	t, _ := ctx.Value(traceKey{}).(*traced)
	return t
}

func requestID(ctx context.Context) string {
	if t := trace(ctx); t != nil {
		return t.id
	}
	return ""
}

// named records the caller for the request's log line.
func named(r *http.Request, who string) {
	if t := trace(r.Context()); t != nil {
		t.who = who
	}
}

// quiet logs successful requests of h at level debug.
func quiet(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if t := trace(r.Context()); t != nil {
			t.quiet = true
		}
		h.ServeHTTP(w, r)
	})
}

// note records the error of a request for its log line.
func (s *Server) note(ctx context.Context, err error) {
	if t := trace(ctx); t != nil {
		t.err = err
	}
}

// wrap gives every request an ID, a log line, some headers, and an answer even if a handler panics. It logs the path, but
// never the query, in which WeChat's clients send tokens.
func (s *Server) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		out := &answer{ResponseWriter: w}
		t := &traced{id: uuid.NewString(), answer: out}
		r = r.WithContext(context.WithValue(r.Context(), traceKey{}, t))
		h := w.Header()
		h.Set("X-Request-Id", t.id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		defer func() {
			p := recover()
			s.recovered(out, r, p)
			s.log.LogAttrs(r.Context(), level(out.status, t.quiet), "request", attrs(r, t, out, time.Since(started))...)
			if aborts(p) {
				panic(p)
			}
		}()
		if s.setDeadlines(out, r) == nil { // otherwise the connection is gone
			next.ServeHTTP(out, r)
		}
	})
}

// aborts reports whether a panic asks net/http to cut the connection, since the answer can't be ended well.
func aborts(p any) bool {
	err, ok := p.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

func (s *Server) recovered(w *answer, r *http.Request, p any) {
	if p == nil || aborts(p) {
		return
	}
	s.log.ErrorContext(r.Context(), "panic while answering", "request_id", requestID(r.Context()), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	if w.status == 0 {
		writeProblem(w, r, &tasks.Error{Code: tasks.Internal, Op: "answer"})
	}
}
