package wechattest

import (
	"cmp"
	"time"
)

const (
	uploadDaily  = 100_000 // media/upload calls a day, of a new account
	tokenDaily   = 2_000   // token calls a day
	clearMonthly = 10      // clear_quota calls a month
)

// account is an Account with what it has used up. The sandbox's mutex guards it.
type account struct {
	Account
	plain  *token // the newest of /cgi-bin/token
	stable *token // the newest of /cgi-bin/stable_token
	used   map[string]*usage
	clears window
	forces window
	forced time.Time // the last force_refresh
}

// usage is what an account has called of one path.
type usage struct{ day, minute window }

// limits returns how many calls of path the account may make a day and a minute; 0: any number.
func (a *account) limits(path string) (daily, minute int) {
	if a.NoQuota {
		return 0, 0
	}
	switch path {
	case pathUpload:
		return cmp.Or(a.DailyLimit, uploadDaily), a.MinuteLimit
	case pathToken:
		return cmp.Or(a.TokenLimit, tokenDaily), 0
	case pathStableToken:
		return stableDaily, stableMinute
	}
	return 0, 0
}

func (a *account) usage(path string) *usage {
	u := a.used[path]
	if u == nil {
		u = new(usage)
		a.used[path] = u
	}
	return u
}

// charge takes one call from the account's quota, or returns the errcode that refuses it.
func (a *account) charge(path string, now time.Time) int {
	daily, perMinute := a.limits(path)
	u := a.usage(path)
	day, minute := u.day.at(dayOf(now)), u.minute.at(minuteOf(now))
	switch {
	case daily > 0 && *day >= daily:
		return dailyLimit
	case perMinute > 0 && *minute >= perMinute:
		return minuteLimit
	}
	*day++
	*minute++
	return 0
}

type quotaAnswer struct {
	Errcode   int        `json:"errcode"`
	Errmsg    string     `json:"errmsg"`
	Quota     quotaDay   `json:"quota"`
	RateLimit *quotaRate `json:"rate_limit,omitempty"`
}

type quotaDay struct {
	DailyLimit int `json:"daily_limit"`
	Used       int `json:"used"`
	Remain     int `json:"remain"`
}

type quotaRate struct {
	CallCount     int `json:"call_count"`
	RefreshSecond int `json:"refresh_second"`
}

// getQuota is POST /cgi-bin/openapi/quota/get. A path without a limit has a daily_limit of 0.
func (s *Sandbox) getQuota(c *call) answer {
	var q struct {
		CGIPath string `json:"cgi_path"`
	}
	if !s.readJSON(c, &q) {
		return s.refuse(c, badJSON, "")
	}
	if _, known := s.calls[q.CGIPath]; !known {
		return s.refuse(c, unknownCGIPath, "")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	daily, perMinute := c.account.limits(q.CGIPath)
	used := *c.account.usage(q.CGIPath).day.at(dayOf(c.now))
	a := quotaAnswer{Errmsg: "ok", Quota: quotaDay{daily, used, max(0, daily-used)}}
	if perMinute > 0 {
		a.RateLimit = &quotaRate{perMinute, 60}
	}
	return ok(a)
}

// clearQuota is POST /cgi-bin/clear_quota: the account's counts of today begin anew, ten times a month.
func (s *Sandbox) clearQuota(c *call) answer {
	var q struct {
		AppID string `json:"appid"`
	}
	if !s.readJSON(c, &q) {
		return s.refuse(c, badJSON, "")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.AppID != c.account.AppID {
		return s.refuse(c, badAppID, "")
	}
	n := c.account.clears.at(monthOf(c.now))
	if *n >= clearMonthly {
		return s.refuse(c, clearsUsedUp, "")
	}
	*n++
	clear(c.account.used)
	return ok(struct {
		Errcode int    `json:"errcode"`
		Errmsg  string `json:"errmsg"`
	}{0, "ok"})
}
