package wechat

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Quota has WeChat's limits and counts of an account's upload calls.
type Quota struct {
	DailyLimit int // calls a day
	Used       int
	Remain     int
	CallCount  int           // calls that are allowed in every Refresh; 0: WeChat does not say
	Refresh    time.Duration // whole seconds
}

// PerMinute returns the call rate that the quota allows, and 0 if WeChat does not say.
func (q Quota) PerMinute() int {
	if q.CallCount <= 0 || q.Refresh <= 0 {
		return 0
	}
	return max(1, int(float64(q.CallCount)*float64(time.Minute)/float64(q.Refresh)))
}

const opQuota = "get quota"

// Quota asks WeChat how many upload calls the account has made and may make today. It costs no upload call.
// Its errors are those of Upload.
func (c *Client) Quota(ctx context.Context, account string) (Quota, error) {
	a, err := c.account(account)
	if err != nil {
		return Quota{}, err
	}
	var q Quota
	err = c.withToken(ctx, a, func(t Token) error {
		q, err = c.quota(ctx, a, t)
		return err
	})
	return q, err
}

func (c *Client) quota(ctx context.Context, a *account, t Token) (Quota, error) {
	body := []byte(`{"cgi_path":"/cgi-bin/media/upload"}`)
	o, err := c.call(ctx, APIUpload, request{
		op: opQuota, method: http.MethodPost, path: "/cgi-bin/openapi/quota/get",
		query:       url.Values{"access_token": {t.Value.Reveal()}},
		contentType: "application/json", body: body,
		short: true, zone: a.known.ResetZone, secrets: a.hide(t),
	})
	if err != nil {
		return Quota{}, err
	}
	q, ok := o.quota()
	if !ok {
		return Quota{}, &tasks.Error{Code: tasks.Temporary, Op: opQuota, Err: errNoQuota}
	}
	return q, nil
}

var errNoQuota = tasks.Textf("there is no quota in the answer")

func (o object) quota() (Quota, bool) {
	var day, rate object
	if json.Unmarshal(o["quota"], &day) != nil {
		return Quota{}, false
	}
	limit, ok := day.number("daily_limit")
	if !ok {
		return Quota{}, false
	}
	used, _ := day.number("used")
	remain, ok := day.number("remain")
	if !ok {
		remain = max(0, limit-used)
	}
	q := Quota{DailyLimit: int(limit), Used: int(used), Remain: int(remain)}
	if json.Unmarshal(o["rate_limit"], &rate) == nil {
		calls, _ := rate.number("call_count")
		seconds, _ := rate.number("refresh_second")
		const most = 24 * 60 * 60
		q.CallCount, q.Refresh = int(calls), time.Duration(min(max(0, seconds), most))*time.Second
	}
	return q, true
}

// Probe finds out whether an account works: it fetches an access token, and then the quota with it. It returns nil if both
// work and calls are left today, DailyLimit if no calls are left, and otherwise the errors of Upload.
func (c *Client) Probe(ctx context.Context, account string) error {
	a, err := c.account(account)
	if err != nil {
		return err
	}
	t, err := a.tokens.check(ctx)
	if err != nil {
		return err
	}
	q, err := c.quota(ctx, a, t)
	if err != nil {
		return err
	}
	if q.DailyLimit > 0 && q.Remain <= 0 {
		return &tasks.Error{Code: tasks.DailyLimit, Op: "probe account", Err: errNoCalls, RetryAfter: c.holdFor(tasks.DailyLimit, 0, a.known.ResetZone)}
	}
	return nil
}

var errNoCalls = tasks.Textf("the quota of today has no calls left")
