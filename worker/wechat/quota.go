package wechat

import (
	"context"
	"errors"
	"time"
)

// Quota is what WeChat says of an account's upload calls.
type Quota struct {
	DailyLimit int `json:"daily_limit"`
	Used       int `json:"used"`
	Remain     int `json:"remain"`
	// CallCount calls are allowed in every Refresh; zero where WeChat does not say.
	CallCount int           `json:"call_count,omitzero"`
	Refresh   time.Duration `json:"-"`
}

// Quota asks WeChat how many upload calls the account has made and may make today. It costs no upload call.
func (c *Client) Quota(ctx context.Context, account string) (Quota, error) {
	return Quota{}, errors.ErrUnsupported
}
