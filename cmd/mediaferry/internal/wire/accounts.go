package wire

import (
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat"
)

// NewWeChat makes the client of all configured accounts. Tokens and the rate of calls are shared through store and
// pacer; nil keeps them in this process.
func NewWeChat(c config.Config, store wechat.TokenStore, pacer wechat.Pacer, log *slog.Logger) (*wechat.Client, error) {
	var proxy *url.URL
	if c.WeChat.Proxy != "" {
		var err error
		if proxy, err = url.Parse(c.WeChat.Proxy.Reveal()); err != nil {
			return nil, exit.Usagef("wechat.proxy is not a URL")
		}
	}
	var accounts []wechat.Account
	for _, name := range slices.Sorted(maps.Keys(c.Accounts)) {
		accounts = append(accounts, wechatAccount(c, name))
	}
	client, err := wechat.New(wechat.Config{
		BaseURLs:       c.WeChat.BaseURL,
		Proxy:          proxy,
		ConnectTimeout: c.WeChat.ConnectTimeout,
		BaseTimeout:    c.WeChat.Timeout,
		MinRate:        int64(c.WeChat.MinSpeed),
		Errcodes:       c.WeChat.Errcodes,
		Pacer:          pacer,
		Log:            log,
	}, accounts, store)
	if err != nil {
		return nil, fmt.Errorf("set up WeChat client: %w", err)
	}
	return client, nil
}

func wechatAccount(c config.Config, name string) wechat.Account {
	a := c.Accounts[name]
	return wechat.Account{
		Name: name, AppID: a.AppID, Source: wechat.TokenSource(a.Token),
		Secret: a.Secret, Static: a.AccessToken, TokenURL: a.TokenURL.Reveal(), TokenHeader: a.TokenHeader, Command: a.TokenCommand,
		RatePerMinute: a.RatePerMinute, Concurrency: a.Concurrency, ResetZone: c.ResetZone(name),
	}
}

// Accounts returns the accounts as the ledger keeps them, with the calls that a day grants.
func (s *Stack) Accounts() []tasks.Account {
	accounts := s.WeChat.Accounts()
	for i, a := range accounts {
		accounts[i].DailyLimit = s.Config.Accounts[a.Name].DailyLimit
	}
	return accounts
}
