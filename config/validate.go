package config

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Validate reports every setting that contradicts another, in one tasks.Invalid error. Load has called it; whoever
// changes a field afterwards calls it again.
func (c Config) Validate() error {
	var bad []string
	for _, p := range c.problems() {
		bad = append(bad, p.String())
	}
	return invalid(bad)
}

// problem is a setting that contradicts another.
type problem struct {
	key string
	why string
}

func (p problem) String() string { return p.key + ": " + p.why }

func (c Config) problems() []problem {
	var bad []problem
	reject := func(when bool, key, format string, args ...any) {
		if when {
			bad = append(bad, problem{key, fmt.Sprintf(format, args...)})
		}
	}
	if c.RedisURL != Embedded && c.RedisURL != "" {
		_, err := parseRedisURL(c.RedisURL.Reveal())
		reject(err != nil, "redis_url", "%v", err)
	}
	inside := c.contained()
	reject(inside != "", "storage_root", "%s", inside)
	reject((c.TLS.CertFile == "") != (c.TLS.KeyFile == ""), "tls", "want both cert_file and key_file, or none")
	w := c.Worker
	reject(w.BackoffCap < w.BackoffBase, "worker.backoff_cap", "%v is below worker.backoff_base, %v", w.BackoffCap, w.BackoffBase)
	largest := max(c.Limits.Image, c.Limits.Voice, c.Limits.Video, c.Limits.Thumb)
	reject(w.Memory < largest, "worker.memory_budget", "%v can't hold one file of %v, the largest of limits", w.Memory, largest)
	reject((c.S3.AccessKey == "") != (c.S3.SecretKey == ""), "s3", "want both access_key and secret_key, or none for the usual AWS environment")
	for _, name := range slices.Sorted(maps.Keys(c.Accounts)) {
		bad = append(bad, c.Accounts[name].problems([]string{"accounts", name})...)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Producers)) {
		bad = append(bad, c.producerProblems(name)...)
	}
	return bad
}

// problems are that an account misses what the source of its token needs.
func (a Account) problems(path []string) []problem {
	missing := map[string]bool{
		"appid": a.AppID == "", "secret": a.Secret == "", "access_token": a.AccessToken == "",
		"token_url": a.TokenURL == "", "token_command": len(a.TokenCommand) == 0,
	}
	needs := map[string][]string{
		TokenStable: {"appid", "secret"}, TokenPlain: {"appid", "secret"}, TokenStatic: {"access_token"},
		TokenURL: {"token_url"}, TokenCommand: {"token_command"},
	}
	var bad []problem
	for _, key := range needs[a.Token] {
		if !missing[key] {
			continue
		}
		full, why := append(path[:len(path):len(path)], key), "is missing: token source "+a.Token+" wants it"
		if short := aliasOf(full); short != "" {
			why += "; set it, or " + short
		}
		bad = append(bad, problem{strings.Join(full, "."), why})
	}
	return bad
}

func (c Config) producerProblems(name string) []problem {
	var bad []problem
	p, key := c.Producers[name], "producers."+name
	if p.Key != "" && p.KeyHash != "" {
		bad = append(bad, problem{key, "key and key_hash are both set: give one of them"})
	}
	for _, account := range p.Accounts {
		if _, known := c.Accounts[account]; !known {
			hint := closest(account, slices.Sorted(maps.Keys(c.Accounts)))
			bad = append(bad, problem{key + ".accounts", fmt.Sprintf("there is no account %q%s", account, hint)})
		}
	}
	return bad
}

// Loopback reports whether listen can be reached from this machine only.
func (c Config) Loopback() bool {
	host, _, err := net.SplitHostPort(c.Listen)
	return err == nil && isLoopback(host)
}

// Realm is the host that the first base URL names: media, tokens and holds of two realms never mix.
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

// ResetZone is the time zone of an account's day: its own, or that of worker.reset_zone. It is nil where none is set or
// known, which stands for Asia/Shanghai.
func (c Config) ResetZone(account string) *time.Location {
	name := cmp.Or(c.Accounts[account].ResetZone, c.Worker.ResetZone)
	zone, err := time.LoadLocation(name)
	if name == "" || err != nil {
		return nil
	}
	return zone
}

// TokenKeys are token_key and token_key_old decoded. Both are nil where they are not set.
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
