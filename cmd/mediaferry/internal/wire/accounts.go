package wire

import (
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat"
)

// NewWeChat makes the client of all configured accounts. Tokens are shared through store; nil keeps them in
// this process.
func NewWeChat(c config.Config, store wechat.TokenStore, log *slog.Logger) (*wechat.Client, error) {
	return newWeChat(c, store, log, nil)
}

func newWeChat(c config.Config, store wechat.TokenStore, log *slog.Logger, passed func(tasks.Stage, time.Duration)) (*wechat.Client, error) {
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
		PlainHTTP:      c.WeChat.PlainHTTP,
		Proxy:          proxy,
		ConnectTimeout: c.WeChat.ConnectTimeout,
		BaseTimeout:    c.WeChat.Timeout,
		MinRate:        int64(c.WeChat.MinSpeed),
		Errcodes:       c.WeChat.Errcodes,
		Log:            log,
		Passed:         passed,
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
		ResetZone: c.ResetZone(name),
	}
}

// Accounts returns the accounts as the ledger keeps them, with the limits of their calls.
func (s *Stack) Accounts() []tasks.Account {
	accounts := s.WeChat.Accounts()
	for i, a := range accounts {
		set := s.Config.Accounts[a.Name]
		accounts[i].DailyLimit, accounts[i].RatePerMinute, accounts[i].Concurrency = set.DailyLimit, set.RatePerMinute, set.Concurrency
		accounts[i].Reserve = set.Reserve
	}
	return accounts
}
