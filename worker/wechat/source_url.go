package wechat

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/mediaferry/mediaferry/tasks"
)

// urlSource is a token server of the user's own. It is reached without the egress proxy, which is for WeChat.
type urlSource struct {
	client *Client
	url    string
}

func (s urlSource) fetch(ctx context.Context, _ bool) (grant, error) {
	const op = "get access token from the token URL"
	q := request{op: op, secrets: s.secrets()}
	ctx, cancel := context.WithTimeout(ctx, min(shortTimeout, s.client.cfg.BaseTimeout))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return grant{}, &tasks.Error{Code: tasks.AccountHeld, Op: op, Err: plain(err, q.secrets...)}
	}
	req.Header.Set("User-Agent", "mediaferry")
	r, err := send(s.client.direct, req, 0)
	if err != nil {
		return grant{}, &tasks.Error{Code: tasks.Temporary, Op: op, Err: plain(err, q.secrets...)}
	}
	if r.status == http.StatusUnauthorized || r.status == http.StatusForbidden {
		return grant{}, &tasks.Error{Code: tasks.AccountHeld, Op: op, Err: fmt.Errorf("HTTP %d", r.status),
			Hint: "check the user name and password in the account's token_url", RetryAfter: recheckAccount}
	}
	return s.client.foreignGrant(q, r)
}

// secrets are the parts of the URL that may be one.
func (s urlSource) secrets() []tasks.Secret {
	found := []tasks.Secret{tasks.Secret(s.url)}
	u, err := url.Parse(s.url)
	if err != nil {
		return found
	}
	if password, set := u.User.Password(); set {
		found = append(found, tasks.Secret(password))
	}
	for _, values := range u.Query() {
		for _, v := range values {
			found = append(found, tasks.Secret(v))
		}
	}
	return found
}
