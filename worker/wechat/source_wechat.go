package wechat

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/mediaferry/mediaferry/tasks"
)

const grantType = "client_credential"

// stableSource is /cgi-bin/stable_token. It returns the same token until that is about to expire, so that many callers don't
// revoke each other's. With force it revokes the one before, at most 20 times a day.
type stableSource struct {
	client  *Client
	account Account
}

func (s stableSource) fetch(ctx context.Context, force bool) (grant, error) {
	body, err := json.Marshal(map[string]any{
		"grant_type": grantType, "appid": s.account.AppID, "secret": s.account.Secret.Reveal(), "force_refresh": force,
	})
	if err != nil {
		return grant{}, &tasks.Error{Code: tasks.Internal, Op: opToken, Err: plain(err, s.account.Secret)}
	}
	return s.client.fromWeChat(ctx, request{
		method: http.MethodPost, path: "/cgi-bin/stable_token",
		contentType: "application/json", body: body,
		zone: s.account.ResetZone, secrets: []tasks.Secret{s.account.Secret},
	})
}

// plainSource is /cgi-bin/token. Each call makes a new token and revokes the old one after five minutes.
type plainSource struct {
	client  *Client
	account Account
}

func (s plainSource) fetch(ctx context.Context, _ bool) (grant, error) {
	return s.client.fromWeChat(ctx, request{
		method: http.MethodGet, path: "/cgi-bin/token",
		query: url.Values{"grant_type": {grantType}, "appid": {s.account.AppID}, "secret": {s.account.Secret.Reveal()}},
		zone:  s.account.ResetZone, secrets: []tasks.Secret{s.account.Secret},
	})
}
