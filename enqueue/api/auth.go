package api

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

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
		next.ServeHTTP(w, r.WithContext(withIdentity(r.Context(), who)))
	})
}

func (s *Server) identify(r *http.Request) (Identity, error) {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	key = strings.TrimSpace(key)
	if !strings.EqualFold(scheme, "Bearer") || key == "" {
		return Identity{}, &tasks.Error{Code: tasks.Unauthorized, Op: "check key", Err: errors.New("no key was given")}
	}
	k, err := s.guard.check(r, func() (tasks.Key, bool, error) { return s.cfg.Keys.Find(r.Context(), tasks.Secret(key)) })
	return identityOf(k), err
}

// guard slows down attempts to guess a key: after some failures an address must wait.
type guard struct {
	now   func() time.Time
	mu    sync.Mutex
	tries map[string]*rate.Limiter
}

// An address may fail ten times at once, and then once in six seconds. At most maxGuarded addresses are remembered.
const (
	failBurst  = 10
	failEvery  = 6 * time.Second
	maxGuarded = 10_000
)

func newGuard(now func() time.Time) *guard {
	return &guard{now: now, tries: map[string]*rate.Limiter{}}
}

// check looks up a key, and counts a failure against the caller's address. A valid key is always accepted, also after
// failures from the same address.
func (g *guard) check(r *http.Request, find func() (tasks.Key, bool, error)) (tasks.Key, error) {
	k, ok, err := find()
	if err != nil {
		return tasks.Key{}, err
	}
	if ok {
		return k, nil
	}
	if wait := g.failed(address(r)); wait > 0 {
		return tasks.Key{}, &tasks.Error{Code: tasks.TooMany, Op: "check key", Err: errors.New("too many unknown keys came from this address"), RetryAfter: wait}
	}
	return tasks.Key{}, &tasks.Error{Code: tasks.Unauthorized, Op: "check key", Err: errors.New("the key is not known, or was revoked")}
}

// failed counts a failure, and returns how long the address should wait.
func (g *guard) failed(from string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if len(g.tries) >= maxGuarded {
		for a, l := range g.tries {
			if l.TokensAt(now) >= failBurst {
				delete(g.tries, a)
			}
		}
		if len(g.tries) >= maxGuarded {
			from = "" // all the rest together
		}
	}
	l, ok := g.tries[from]
	if !ok {
		l = rate.NewLimiter(rate.Every(failEvery), failBurst)
		g.tries[from] = l
	}
	if l.AllowN(now, 1) {
		return 0
	}
	return failEvery
}

func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
