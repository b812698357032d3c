package config

import (
	"maps"
	"net/url"
	"slices"

	"github.com/mediaferry/mediaferry/tasks"
)

// problem is a setting that contradicts another. Its key is dotted.
type problem struct {
	key string
	why error
}

// problems returns the settings that contradict others.
func (c Config) problems() []problem {
	var bad []problem
	reject := func(when bool, key, format string, args ...any) {
		if when {
			bad = append(bad, problem{key, tasks.Textf(format, args...)})
		}
	}
	if c.RedisURL != Embedded && c.RedisURL != "" {
		o, err := parseRedisURL(withPassword(c.RedisURL, c.RedisPassword))
		reject(err != nil, "redis_url", "%w", err)
		reject(err == nil && o.TLSConfig == nil && c.RedisTLS != (RedisTLS{}), "redis_tls", "redis_url does not use TLS: want rediss://, or ?tls=true")
	} else {
		reject(c.RedisTLS != (RedisTLS{}), "redis_tls", "there is no redis_url that it could be for")
	}
	reject((c.RedisTLS.CertFile == "") != (c.RedisTLS.KeyFile == ""), "redis_tls", "want both cert_file and key_file, or none")
	if inside := c.contained(); inside != nil {
		bad = append(bad, problem{"storage_root", inside})
	}
	reject((c.TLS.CertFile == "") != (c.TLS.KeyFile == ""), "tls", "want both cert_file and key_file, or none")
	for _, base := range c.WeChat.BaseURL {
		u, err := url.Parse(base)
		reject(err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) && !slices.Contains(c.WeChat.PlainHTTP, u.Hostname()),
			"wechat.base_url", "%s is not https: http is taken for loopback, and for the hosts that wechat.plain_http names", base)
	}
	w := c.Worker
	reject(w.BackoffCap < w.BackoffBase, "worker.backoff_cap", "%v is below worker.backoff_base, %v", w.BackoffCap, w.BackoffBase)
	largest := max(c.Limits.Image, c.Limits.Voice, c.Limits.Video, c.Limits.Thumb)
	reject(w.Memory < largest, "worker.memory_budget", "%v can't hold one file of %v, the largest of limits", w.Memory, largest)
	reject((c.S3.AccessKey == "") != (c.S3.SecretKey == ""), "s3", "want both access_key and secret_key, or none for the usual AWS environment")
	for _, name := range slices.Sorted(maps.Keys(c.Accounts)) {
		bad = append(bad, c.Accounts[name].problems("accounts/"+name)...)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Producers)) {
		bad = append(bad, c.producerProblems(name)...)
	}
	return bad
}

// tokenNeeds are the keys that each source of a token needs.
var tokenNeeds = map[string][]string{
	TokenStable: {"appid", "secret"}, TokenPlain: {"appid", "secret"}, TokenStatic: {"access_token"},
	TokenURL: {"token_url"}, TokenCommand: {"token_command"},
}

// problems returns what the source of the account's token needs and the account, at key, does not have.
func (a Account) problems(key string) []problem {
	missing := map[string]bool{
		"appid": a.AppID == "", "secret": a.Secret == "", "access_token": a.AccessToken == "",
		"token_url": a.TokenURL == "", "token_command": len(a.TokenCommand) == 0,
	}
	var bad []problem
	for _, name := range tokenNeeds[a.Token] {
		if !missing[name] {
			continue
		}
		full, why := key+delimiter+name, tasks.Textf("is missing: token source %s wants it", a.Token)
		if short := aliasOf(full); short != "" {
			why = tasks.Textf("%w; set it, or %s", why, short)
		}
		bad = append(bad, problem{dotted(full), why})
	}
	return bad
}

func (c Config) producerProblems(name string) []problem {
	var bad []problem
	p, key := c.Producers[name], "producers."+name
	if name == tasks.LocalProducer && (p.Key != "" || p.KeyHash != "") {
		bad = append(bad, problem{key, tasks.Textf("is the person at the command line, for whom no key speaks: give the producer another name")})
	}
	if p.Key != "" && p.KeyHash != "" {
		bad = append(bad, problem{key, tasks.Textf("key and key_hash are both set: give one of them")})
	}
	for _, account := range p.Accounts {
		if _, known := c.Accounts[account]; !known {
			why := closest(tasks.Textf("there is no account %q", account), account, slices.Sorted(maps.Keys(c.Accounts)))
			bad = append(bad, problem{key + ".accounts", why})
		}
	}
	return bad
}
