package wechat

import (
	"cmp"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// filled returns the settings with their defaults.
func (cfg Config) filled() Config {
	if len(cfg.BaseURLs) == 0 {
		cfg.BaseURLs = []string{DefaultBaseURL}
	}
	cfg.ConnectTimeout = cmp.Or(cfg.ConnectTimeout, 10*time.Second)
	cfg.BaseTimeout = cmp.Or(cfg.BaseTimeout, time.Minute)
	cfg.MinRate = cmp.Or(cfg.MinRate, 64<<10)
	cfg.HostPause = cmp.Or(cfg.HostPause, time.Minute)
	cfg.MaxConns = cmp.Or(cfg.MaxConns, 128)
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Passed == nil {
		cfg.Passed = func(tasks.Stage, time.Duration) {}
	}
	return cfg
}

// problems collects what is wrong with the settings.
type problems []error

func (p *problems) add(format string, args ...any) { *p = append(*p, tasks.Textf(format, args...)) }

// err returns one Invalid error that lists all problems, or nil.
func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return &tasks.Error{Code: tasks.Invalid, Op: "check wechat settings", Err: tasks.JoinTexts("; ", p...)}
}

func (cfg Config) check(p *problems) (bases []*url.URL) {
	for i, s := range cfg.BaseURLs {
		u, err := safeURL(s, cfg.PlainHTTP...)
		switch {
		case err != nil:
			p.add("base_urls[%d]: %w", i, err)
		case u.RawQuery != "" || u.User != nil:
			p.add("base_urls[%d]: must not carry a user or a query", i)
		default:
			bases = append(bases, u)
		}
	}
	if u := cfg.Proxy; u != nil && (u.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme)) {
		p.add("proxy: must be an http, https or socks5 URL")
	}
	for name, bad := range map[string]bool{
		"connect_timeout": cfg.ConnectTimeout < 0, "base_timeout": cfg.BaseTimeout < 0, "min_rate": cfg.MinRate < 0,
		"host_pause": cfg.HostPause < 0, "max_conns": cfg.MaxConns < 0,
	} {
		if bad {
			p.add("%s: must not be negative", name)
		}
	}
	for errcode, code := range cfg.Errcodes {
		if !slices.Contains(uploadCodes, code) {
			p.add("errcodes[%d]: %q is not one of %v", errcode, clip(string(code), 40), uploadCodes)
		}
	}
	slices.SortFunc(*p, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) }) // maps come in any order
	return bases
}

// uploadCodes are the codes that an errcode of the upload call can have.
var uploadCodes = []tasks.Code{tasks.Temporary, tasks.TokenRefused, tasks.MinuteLimit, tasks.DailyLimit,
	tasks.AccountHeld, tasks.Egress, tasks.Rejected, tasks.Defect, tasks.Unknown}

func (a Account) check(p *problems) {
	bad := func(format string, args ...any) {
		p.add("account %q: %w", clip(a.Name, tasks.MaxName), tasks.Textf(format, args...))
	}
	if !tasks.ValidName(a.Name) {
		bad("the name is not 1 to %d of a-z A-Z 0-9 . _ -", tasks.MaxName)
	}
	if a.AppID != "" && (len(a.AppID) > 64 || !plainWord.MatchString(a.AppID)) {
		bad("the appid is not 1 to 64 of a-z A-Z 0-9 _ -")
	}
	switch a.Source {
	case StableToken, PlainToken:
		if a.AppID == "" || a.Secret == "" {
			bad("%s needs the appid and the secret", a.Source)
		}
	case StaticToken:
		if a.Static == "" {
			bad("static needs the access token")
		}
	case TokenURL:
		if _, err := safeURL(a.TokenURL); err != nil {
			bad("token_url: %w", err)
		}
		if _, _, ok := a.tokenHeader(); !ok && a.TokenHeader != "" {
			bad("token_header is not a header as Name: value")
		}
	case TokenCommand:
		if len(a.Command) == 0 || a.Command[0] == "" {
			bad("command needs the program to run")
		}
	default:
		bad("source %q is not one of stable_token, token, static, url, command", clip(string(a.Source), 40))
	}
}

// safeURL parses an absolute https URL, or an http URL of a loopback host or a plain one: a token must not be sent to any other. Its errors
// don't repeat the URL, which may have a password.
func safeURL(s string, plain ...string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Host == "", u.Opaque != "":
		return nil, tasks.Textf("is not an absolute URL")
	case u.Fragment != "":
		return nil, tasks.Textf("must not carry a fragment")
	case u.Scheme == "https":
	case u.Scheme == "http" && (loopback(u.Hostname()) || slices.Contains(plain, u.Hostname())):
	case u.Scheme == "http":
		return nil, tasks.Textf("must be https: plain http is taken for loopback hosts only")
	default:
		return nil, tasks.Textf("has scheme %q, only https is taken", clip(u.Scheme, 20))
	}
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
