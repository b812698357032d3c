package api

import (
	"log/slog"
	"net/http"
	"time"
)

// answer remembers what was answered.
type answer struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach deadlines and flushing.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func level(status int, quiet bool) slog.Level {
	switch {
	case status >= http.StatusInternalServerError:
		return slog.LevelWarn
	case quiet:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// attrs are the fields of a request's log line: no query, no header, no body.
func attrs(r *http.Request, t *traced, out *answer, took time.Duration) []slog.Attr {
	as := []slog.Attr{
		slog.String("request_id", t.id), slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", out.status), slog.Int64("bytes", out.bytes), slog.Duration("took", took),
		slog.String("remote", address(r)),
	}
	if t.who != "" {
		as = append(as, slog.String("producer", t.who))
	}
	if t.account != "" {
		as = append(as, slog.String("account", t.account))
	}
	if t.err != nil {
		as = append(as, slog.String("error", t.err.Error()))
	}
	return as
}
