package console

import (
	"crypto/rand"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

const (
	// idleTime is how long a session lives that nobody uses.
	idleTime = 12 * time.Hour
	// extendAfter is how much of it may pass before it is written down again.
	extendAfter = 5 * time.Minute
	// LinkLife is how long a link is good that signs in.
	LinkLife = time.Minute

	sessionCookie = "mediaferry_session"
)

// NewSecret makes the secret of a session or of a link: 256 random bits.
func NewSecret() tasks.Secret {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return tasks.Secret(base64.RawURLEncoding.EncodeToString(b[:]))
}

// LinkPath is where a link signs in, relative to the console's address.
func LinkPath(link tasks.Secret) string {
	return "/sign-in/link?" + url.Values{"link": {link.Reveal()}}.Encode()
}

func (c *Console) signInRoutes() {
	c.open("GET /sign-in", c.signInPage)
	c.open("POST /sign-in", c.signIn)
	c.open("GET /sign-in/link", c.linkPage)
	c.open("POST /sign-in/link", c.useLink)
	c.open("POST /sign-out", c.signOut)
	c.open("POST /preferences", c.prefer)
}

// identify finds the session of a visit. It returns errSignIn if there is none, or its key is not valid any more.
func (c *Console) identify(v *visit) error {
	cookie, err := v.Cookie(sessionCookie)
	if err != nil {
		return errSignIn
	}
	hash := tasks.KeyHash(tasks.Secret(cookie.Value))
	s, err := c.cfg.Ledger.Session(v.Context(), hash)
	if tasks.CodeOf(err) == tasks.NotFound {
		return errSignIn
	}
	if err != nil {
		return err
	}
	if v.who, err = c.callerOf(v, s.Key); err != nil {
		return err
	}
	v.session = hash
	if idleTime-s.Ends.Sub(c.now()) > extendAfter {
		return c.cfg.Ledger.ExtendSession(v.Context(), hash, idleTime)
	}
	return nil
}

// callerOf returns who a session speaks for.
func (c *Console) callerOf(v *visit, key tasks.Hash) (enqueue.Caller, error) {
	if key == (tasks.Hash{}) {
		return enqueue.Caller{Name: tasks.LocalProducer, Role: tasks.RoleOperator}, nil
	}
	k, ok, err := c.cfg.Keys.ByHash(v.Context(), key)
	if err == nil && !ok {
		err = errSignIn
	}
	return enqueue.CallerOf(k), err
}

// signInData is what the page to sign in shows.
type signInData struct {
	Next, Link string
	Refused    string // why not
}

func (c *Console) signInPage(v *visit) (answer, error) {
	next := ownPath(v.FormValue("next"))
	if v.session != (tasks.Hash{}) {
		return seeOther(next), nil
	}
	return page{name: "signin", title: v.t("signin.title"), data: signInData{Next: next}}, nil
}

func (c *Console) signIn(v *visit) (answer, error) {
	next := ownPath(v.FormValue("next"))
	secret := tasks.Secret(strings.TrimSpace(v.FormValue("key")))
	k, err := c.guard.Check(address(v.Request), func() (tasks.Key, bool, error) { return c.cfg.Keys.Find(v.Context(), secret) })
	switch tasks.CodeOf(err) {
	case "":
	case tasks.Unauthorized:
		return page{name: "signin", title: v.t("signin.title"), status: http.StatusUnauthorized, data: signInData{Next: next, Refused: v.t("signin.unknown")}}, nil
	case tasks.TooMany:
		return page{name: "signin", title: v.t("signin.title"), status: http.StatusTooManyRequests, data: signInData{Next: next, Refused: v.t("signin.too_many")}}, nil
	default:
		return nil, err
	}
	fresh := NewSecret()
	if err := c.cfg.Ledger.AddSession(v.Context(), tasks.Session{Hash: tasks.KeyHash(fresh), Key: k.Hash}, idleTime); err != nil {
		return nil, err
	}
	c.keep(v, fresh)
	return seeOther(next), nil
}

// linkPage asks before it uses the link, so that a program that looks at links does not use it up.
func (c *Console) linkPage(v *visit) (answer, error) {
	return page{name: "signin", title: v.t("signin.title"), data: signInData{Next: "/", Link: v.FormValue("link")}}, nil
}

func (c *Console) useLink(v *visit) (answer, error) {
	fresh := NewSecret()
	_, err := c.guard.Check(address(v.Request), func() (tasks.Key, bool, error) {
		_, err := c.cfg.Ledger.UseLink(v.Context(), tasks.KeyHash(tasks.Secret(v.FormValue("link"))), tasks.KeyHash(fresh), idleTime)
		if tasks.CodeOf(err) == tasks.NotFound {
			return tasks.Key{}, false, nil
		}
		return tasks.Key{}, err == nil, err
	})
	switch tasks.CodeOf(err) {
	case "":
	case tasks.Unauthorized:
		return page{name: "signin", title: v.t("signin.title"), status: http.StatusUnauthorized, data: signInData{Next: "/", Refused: v.t("signin.link_used")}}, nil
	case tasks.TooMany:
		return page{name: "signin", title: v.t("signin.title"), status: http.StatusTooManyRequests, data: signInData{Next: "/", Refused: v.t("signin.too_many")}}, nil
	default:
		return nil, err
	}
	c.keep(v, fresh)
	return seeOther("/"), nil
}

func (c *Console) signOut(v *visit) (answer, error) {
	if v.session != (tasks.Hash{}) {
		if err := c.cfg.Ledger.EndSession(v.Context(), v.session); err != nil {
			return nil, err
		}
	}
	http.SetCookie(v.w, &http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: c.secure(v.Request)})
	return seeOther("/sign-in"), nil
}

// keep gives the browser the secret of its session.
func (c *Console) keep(v *visit, secret tasks.Secret) {
	http.SetCookie(v.w, &http.Cookie{
		Name: sessionCookie, Value: secret.Reveal(), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: c.secure(v.Request),
	})
}

func (c *Console) secure(r *http.Request) bool { return c.cfg.Secure || r.TLS != nil }

// ownPath returns a place of ours to go on to. Anything else becomes the first page.
func ownPath(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(s, "//") || strings.Contains(s, `\`) {
		return "/"
	}
	return u.RequestURI()
}

func escape(s string) string { return url.QueryEscape(s) }

func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func parseID(s string) (uuid.UUID, error) {
	id, err := uuid.Parse(s)
	if err != nil {
		return id, tasks.Textf("it is not an id")
	}
	return id, nil
}
