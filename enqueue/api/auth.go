package api

import (
	"net"
	"net/http"
	"strings"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// authenticate refuses callers without a valid key. It keeps the caller's identity in the context.
func (s *Server) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := s.identify(r)
		if err != nil {
			s.note(r.Context(), err)
			writeProblem(w, r, err)
			return
		}
		named(r, who.Name)
		next.ServeHTTP(w, r.WithContext(withCaller(r.Context(), who)))
	})
}

func (s *Server) identify(r *http.Request) (enqueue.Caller, error) {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	key = strings.TrimSpace(key)
	if !strings.EqualFold(scheme, "Bearer") || key == "" {
		return enqueue.Caller{}, &tasks.Error{Code: tasks.Unauthorized, Op: "check key", Err: tasks.Textf("no key was given")}
	}
	k, err := s.guard.Check(address(r), func() (tasks.Key, bool, error) { return s.cfg.Keys.Find(r.Context(), tasks.Secret(key)) })
	return enqueue.CallerOf(k), err
}

func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
