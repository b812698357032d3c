package wechat

import (
	"context"
	"errors"

	"github.com/mediaferry/mediaferry/tasks"
)

// Client makes the calls of a set of accounts. It is safe for concurrent use.
type Client struct{}

// New checks the settings and returns a client. It makes no call. It returns one Invalid error that lists
// everything that is wrong. A nil store keeps tokens in memory.
func New(cfg Config, accounts []Account, store TokenStore) (*Client, error) {
	return nil, errors.ErrUnsupported
}

// Accounts returns the accounts as the ledger wants to know them, in the order given to New.
func (c *Client) Accounts() []tasks.Account { return nil }

// Upload uploads one file to an account.
func (c *Client) Upload(ctx context.Context, account string, p tasks.Payload) (tasks.Media, error) {
	return tasks.Media{}, errors.ErrUnsupported
}

// Probe asks whether an account is well again.
func (c *Client) Probe(ctx context.Context, account string) error { return errors.ErrUnsupported }

// Fetch returns the bytes of a media.
func (c *Client) Fetch(ctx context.Context, account, mediaID string) ([]byte, error) {
	return nil, errors.ErrUnsupported
}
