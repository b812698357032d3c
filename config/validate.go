package config

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"time"
)

// Validate reports every setting that contradicts another, in one tasks.Invalid error. Load has called it; whoever
// changes a field afterwards calls it again.
func (c Config) Validate() error { return invalid(c.problems()) }

func (c Config) problems() []string {
	var bad []string
	reject := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	if c.RedisURL != Embedded && c.RedisURL != "" {
		if _, err := parseRedisURL(c.RedisURL.Reveal()); err != nil {
			reject("redis_url: %v", err)
		}
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		reject("tls: want both cert_file and key_file, or none")
	}
	if c.Worker.BackoffCap < c.Worker.BackoffBase {
		reject("worker.backoff_cap: %v is below worker.backoff_base, %v", c.Worker.BackoffCap, c.Worker.BackoffBase)
	}
	if c.Worker.Slots != 0 && c.Worker.Slots < c.Worker.Concurrency {
		reject("worker.slots: %d is below worker.concurrency, %d", c.Worker.Slots, c.Worker.Concurrency)
	}
	if largest := max(c.Limits.Image, c.Limits.Voice, c.Limits.Video, c.Limits.Thumb); c.Worker.Memory < largest {
		reject("worker.memory_budget: %v can't hold one file of %v, the largest of limits", c.Worker.Memory, largest)
	}
	if err := c.contained(); err != "" {
		reject("%s", err)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Accounts)) {
		for _, why := range c.Accounts[name].problems() {
			reject("accounts.%s.%s", name, why)
		}
	}
	bad = append(bad, c.producerProblems()...)
	if (c.S3.AccessKey == "") != (c.S3.SecretKey == "") {
		reject("s3: want both access_key and secret_key, or none for the usual AWS environment")
	}
	return bad
}

func (a Account) problems() []string {
	var bad []string
	need := func(missing bool, key string) {
		if missing {
			bad = append(bad, fmt.Sprintf("%s: is missing (token: %s wants it)", key, a.Token))
		}
	}
	switch a.Token {
	case TokenStable, TokenPlain:
		need(a.AppID == "", "appid")
		need(a.Secret == "", "secret")
	case TokenStatic:
		need(a.AccessToken == "", "access_token")
	case TokenURL:
		need(a.TokenURL == "", "token_url")
	case TokenCommand:
		need(len(a.TokenCommand) == 0, "token_command")
	}
	return bad
}

func (c Config) producerProblems() []string {
	var bad []string
	for _, name := range slices.Sorted(maps.Keys(c.Producers)) {
		p := c.Producers[name]
		if p.Key != "" && p.KeyHash != "" {
			bad = append(bad, "producers."+name+": key and key_hash are both set: give one of them")
		}
		for _, account := range p.Accounts {
			if _, known := c.Accounts[account]; !known {
				bad = append(bad, fmt.Sprintf("producers.%s.accounts: there is no account %q%s", name, account,
					didYouMean(account, slices.Sorted(maps.Keys(c.Accounts)))))
			}
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

// ResetZone is the time zone of worker.reset_zone, UTC where Load has not seen it.
func (c Config) ResetZone() *time.Location {
	zone, err := time.LoadLocation(c.Worker.ResetZone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// TokenKeyBytes is token_key decoded, nil when it is not set.
func (c Config) TokenKeyBytes() []byte { return key32(c.TokenKey.Reveal()) }
