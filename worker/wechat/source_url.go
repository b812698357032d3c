package wechat

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/mediaferry/mediaferry/tasks"
)

// urlSource is the operator's own token server. It is called without the egress proxy, which is for WeChat.
type urlSource struct {
	client  *Client
	account Account
}

func (s urlSource) fetch(ctx context.Context, _ bool) (grant, error) {
	const op = "get access token from the token URL"
	q := request{op: op, zone: s.account.ResetZone, secrets: s.secrets()}
	ctx, cancel := context.WithTimeout(ctx, min(shortTimeout, s.client.cfg.BaseTimeout))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.account.TokenURL, nil)
	if err != nil {
		return grant{}, &tasks.Error{Code: tasks.AccountHeld, Op: op, Err: plain(err, q.secrets...)}
	}
	req.Header.Set("User-Agent", "mediaferry")
	if name, value, ok := s.account.tokenHeader(); ok {
		req.Header.Set(name, value)
	}
	r, err := send(s.client.direct, req, 0)
	if err != nil {
		return grant{}, &tasks.Error{Code: tasks.Temporary, Op: op, Err: plain(err, q.secrets...)}
	}
	if r.status == http.StatusUnauthorized || r.status == http.StatusForbidden {
		return grant{}, &tasks.Error{Code: tasks.AccountHeld, Op: op, Err: tasks.Textf("HTTP %d", r.status),
			Hint: "check the user name and password in the account's token_url, and its token_header", RetryAfter: recheckAccount}
	}
	return s.client.foreignGrant(q, r)
}

// notInName reports whether a header's name can't have r.
func notInName(r rune) bool { return r <= ' ' || r >= 0x7f }

// tokenHeader returns the name and the value of TokenHeader. It reports false for an empty or malformed one.
func (a Account) tokenHeader() (name, value string, ok bool) {
	name, value, ok = strings.Cut(a.TokenHeader.Reveal(), ":")
	value = strings.TrimSpace(value)
	return name, value, ok && name != "" && value != "" && !strings.ContainsFunc(name, notInName) && !strings.ContainsFunc(value, unicode.IsControl)
}

// secrets returns the header and the parts of the URL that may be secret.
func (s urlSource) secrets() []tasks.Secret {
	found := []tasks.Secret{tasks.Secret(s.account.TokenURL)}
	if _, value, ok := s.account.tokenHeader(); ok {
		found = append(found, s.account.TokenHeader, tasks.Secret(value))
	}
	u, err := url.Parse(s.account.TokenURL)
	if err != nil {
		return found
	}
	if password, set := u.User.Password(); set {
		found = append(found, tasks.Secret(u.User.Username()+":"+password), tasks.Secret(password))
	}
	for _, values := range u.Query() {
		for _, v := range values {
			found = append(found, tasks.Secret(v))
		}
	}
	return found
}
