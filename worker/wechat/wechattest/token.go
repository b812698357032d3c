package wechattest

import (
	"encoding/json"
	"io"
	"time"
)

const (
	// overlap is how long the token before the newest goes on being good.
	overlap = 5 * time.Minute
	// remembered is how long an expired token is told from one that never was (42001, not 40001).
	remembered = 24 * time.Hour
	// forceFloor and forceDaily bound force_refresh.
	forceFloor = 30 * time.Second
	forceDaily = 20
	// stableMinute and stableDaily bound calls to stable_token.
	stableMinute = 10_000
	stableDaily  = 500_000
)

// token is one access token that was issued.
type token struct {
	value   string
	account *account
	serial  int // 1 for the first one this sandbox issued: how the journal names it
	expires time.Time
	retired time.Time // when another took its place and the overlap is over; zero: it is the newest
	revoked bool
	static  bool // from Config: never expires
}

// good returns 0 or the errcode that refuses the token.
func (t *token) good(now time.Time) int {
	switch {
	case t.revoked:
		return badToken
	case t.static:
		return 0
	case !now.Before(t.expires):
		return expiredToken
	case !t.retired.IsZero() && !now.Before(t.retired):
		return badToken
	}
	return 0
}

// authorize finds the account that the call's access_token belongs to and counts the call. It returns an errcode or 0.
func (s *Sandbox) authorize(c *call) int {
	value := c.query().Get("access_token")
	if value == "" {
		return missingToken
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, known := s.tokens[value]
	if !known {
		if looksLikeToken(value) {
			return badToken
		}
		return malformedToken
	}
	c.account, c.AppID, c.Token = t.account, t.account.AppID, t.serial
	if code := t.good(c.now); code != 0 {
		return code
	}
	return c.account.charge(c.req.URL.Path, c.now)
}

// issue makes a new token for a. s.mu is held.
func (s *Sandbox) issue(a *account, now time.Time) *token {
	s.forget(now)
	s.serial++
	t := &token{value: s.dice.tokenValue(), account: a, serial: s.serial, expires: now.Add(s.cfg.TokenTTL)}
	s.tokens[t.value] = t
	return t
}

// forget drops tokens that expired long ago. s.mu is held.
func (s *Sandbox) forget(now time.Time) {
	for v, t := range s.tokens {
		if !t.static && now.Sub(t.expires) > remembered {
			delete(s.tokens, v)
		}
	}
}

// login is what a client presents to get a token.
type login struct {
	GrantType    string `json:"grant_type"`
	AppID        string `json:"appid"`
	Secret       string `json:"secret"`
	ForceRefresh bool   `json:"force_refresh"`
}

// check finds the account, or returns an errcode. s.mu is held.
func (s *Sandbox) check(c *call, l login) (*account, int) {
	switch {
	case l.GrantType != "client_credential":
		return nil, badGrantType
	case l.AppID == "":
		return nil, missingAppID
	case l.Secret == "":
		return nil, missingSecret
	}
	a, known := s.accounts[l.AppID]
	if !known {
		return nil, badAppID
	}
	c.account, c.AppID = a, a.AppID
	if l.Secret != a.Secret {
		return nil, badSecret
	}
	return a, 0
}

type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
}

// getToken is GET /cgi-bin/token: a new token each time, which retires the one before.
func (s *Sandbox) getToken(c *call) answer {
	q := c.query()
	s.mu.Lock()
	defer s.mu.Unlock()
	a, code := s.check(c, login{GrantType: q.Get("grant_type"), AppID: q.Get("appid"), Secret: q.Get("secret")})
	if code == 0 {
		code = a.charge(c.req.URL.Path, c.now)
	}
	if code != 0 {
		return s.refuse(c, code, "")
	}
	if a.plain != nil {
		a.plain.retired = c.now.Add(overlap)
	}
	a.plain = s.issue(a, c.now)
	return c.gives(a.plain)
}

// getStableToken is POST /cgi-bin/stable_token: the same token until five minutes before its end, then a new one
// beside which the old one lives on to its end. force_refresh makes a new one and ends the old one at once.
func (s *Sandbox) getStableToken(c *call) answer {
	var l login
	if !s.readJSON(c, &l) {
		return s.refuse(c, badJSON, "")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, code := s.check(c, l)
	if code == 0 {
		code = a.charge(c.req.URL.Path, c.now)
	}
	if code == 0 && l.ForceRefresh {
		code = a.force(c.now)
	}
	if code != 0 {
		return s.refuse(c, code, "")
	}
	switch t := a.stable; {
	case t == nil || t.good(c.now) != 0 || t.expires.Sub(c.now) <= min(overlap, s.cfg.TokenTTL/2):
		a.stable = s.issue(a, c.now)
	case l.ForceRefresh:
		t.revoked = true
		a.stable = s.issue(a, c.now)
	}
	return c.gives(a.stable)
}

// gives answers with t.
func (c *call) gives(t *token) answer {
	c.Token = t.serial
	left := t.expires.Sub(c.now)
	return ok(tokenAnswer{t.value, int64((left + time.Second - 1) / time.Second)})
}

// force counts one force_refresh, or refuses it. s.mu is held.
func (a *account) force(now time.Time) int {
	if a.NoQuota {
		return 0
	}
	if !a.forced.IsZero() && now.Sub(a.forced) < forceFloor {
		return minuteLimit
	}
	n := a.forces.at(dayOf(now))
	if *n >= forceDaily {
		return dailyLimit
	}
	*n++
	a.forced = now
	return 0
}

// Revoke ends every access token of the account at once, as a changed secret or another process would:
// calls with them are refused with 40001. It reports whether the account is known.
func (s *Sandbox) Revoke(appid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, known := s.accounts[appid]
	if known {
		s.revoke(a)
	}
	return known
}

// revoke ends every token of a. s.mu is held.
func (s *Sandbox) revoke(a *account) {
	for _, t := range s.tokens {
		if t.account == a {
			t.revoked = true
		}
	}
}

// SetSecret changes the account's secret, so that token calls with the old one are refused with 40001.
// Tokens already issued stay good. It reports whether the account is known.
func (s *Sandbox) SetSecret(appid, secret string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, known := s.accounts[appid]
	if known {
		a.Secret = secret
	}
	return known
}

// Token returns a good access token of the account, the one stable_token would give, for a test that has no client
// to fetch it. The call is neither counted nor journaled. It is empty for an unknown account.
func (s *Sandbox) Token(appid string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, known := s.accounts[appid]
	if !known {
		return ""
	}
	if now := s.Now(); a.stable == nil || a.stable.good(now) != 0 {
		a.stable = s.issue(a, now)
	}
	return a.stable.value
}

// maxJSON bounds the body of a call that takes JSON.
const maxJSON = 64 << 10

func (s *Sandbox) readJSON(c *call, v any) bool {
	b, err := io.ReadAll(io.LimitReader(c.req.Body, maxJSON))
	return err == nil && json.Unmarshal(b, v) == nil
}
