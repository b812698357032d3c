package config

import (
	"cmp"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Loopback reports whether listen can be reached from this machine only.
func (c Config) Loopback() bool {
	host, _, err := net.SplitHostPort(c.Listen)
	return err == nil && isLoopback(host)
}

// Realm returns the host of the first base URL. Media, tokens and holds of two realms never mix.
func (c Config) Realm() string {
	if len(c.WeChat.BaseURL) == 0 {
		return ""
	}
	u, err := url.Parse(c.WeChat.BaseURL[0])
	if err != nil {
		return ""
	}
	return u.Host
}

// ResetZone returns the time zone of an account's day: its own, or that of worker.reset_zone. It returns nil, which stands for
// Asia/Shanghai, if the zone is not set or not known.
func (c Config) ResetZone(account string) *time.Location {
	name := cmp.Or(c.Accounts[account].ResetZone, c.Worker.ResetZone)
	zone, err := time.LoadLocation(name)
	if name == "" || err != nil {
		return nil
	}
	return zone
}

// TokenKeys returns token_key and token_key_old decoded. Those that are not set are nil.
func (c Config) TokenKeys() (current []byte, old [][]byte) {
	if key := key32(c.TokenKeyOld.Reveal()); key != nil {
		old = append(old, key)
	}
	return key32(c.TokenKey.Reveal()), old
}

// Shared reports whether other machines may use the same Redis or the same ledger.
func (c Config) Shared() bool {
	return c.RedisURL != Embedded && c.RedisURL != "" || !strings.HasPrefix(c.LedgerURL.Reveal(), "sqlite:")
}

// NoTokenKey says that a process which shares Redis or the ledger has no key to encrypt with.
const NoTokenKey = "token_key: is not set, and Redis or the ledger is shared: want " + prefix + "TOKEN_KEY, 32 bytes as hex or base64, the same for every process"

// Ledger returns the ledger's URL with its password.
func (c Config) Ledger() string { return withPassword(c.LedgerURL, c.LedgerPassword) }

// withPassword returns the URL of a server with another password, if there is one.
func withPassword(d DSN, password tasks.Secret) string {
	scheme, rest, ok := strings.Cut(d.Reveal(), "://")
	if password == "" || !ok {
		return d.Reveal()
	}
	end := strings.IndexAny(rest+"/", "/?#")
	at := strings.LastIndexByte(rest[:end], '@') + 1
	user, _, _ := strings.Cut(rest[:max(at-1, 0)], ":")
	return scheme + "://" + user + ":" + strings.ReplaceAll(url.QueryEscape(password.Reveal()), "+", "%20") + "@" + rest[at:]
}
