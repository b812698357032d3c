package wechat

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks"
)

// Token tells of the access token that an account's next call is made with, and fetches none. It returns NoWork for an account
// that is not known here.
func (c *Client) Token(ctx context.Context, account string) (tasks.TokenStatus, error) {
	a, err := c.account(account)
	if err != nil {
		return tasks.TokenStatus{}, err
	}
	return a.tokens.status(ctx), nil
}

func (static) status(context.Context) tasks.TokenStatus {
	return tasks.TokenStatus{Source: string(StaticToken)}
}

// status is of the stored token. Where the store is away it is of the copy.
func (s *shared) status(ctx context.Context) tasks.TokenStatus {
	t, there := s.load(ctx)
	if !there {
		t, _ = s.have()
	}
	out := tasks.TokenStatus{Source: string(s.kind)}
	if t.Value != "" {
		out.FetchedAt, out.ExpiresAt, out.Refused = t.FetchedAt, t.ExpiresAt, t.Refused
	}
	return out
}
