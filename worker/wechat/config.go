package wechat

import (
	"log/slog"
	"net/url"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// DefaultBaseURL is where WeChat's document says the API is.
const DefaultBaseURL = "https://api.weixin.qq.com"

// Config has the settings that all accounts share. The zero value reaches the real WeChat.
type Config struct {
	// BaseURLs are the API's addresses. The first is preferred; the others are used while it can't be reached. http is
	// allowed for loopback hosts and those of PlainHTTP. Empty: DefaultBaseURL.
	BaseURLs []string
	// PlainHTTP names hosts that may be called without TLS, as a sandbox in a network of its own.
	PlainHTTP []string
	// Proxy is the egress proxy for calls to WeChat, which wants allow-listed addresses. Nil: calls are made directly.
	// The proxy of the environment is never used.
	Proxy *url.URL
	// ConnectTimeout bounds one TCP connect, and one TLS handshake. Zero: 10 s.
	ConnectTimeout time.Duration
	// BaseTimeout and MinRate (bytes a second) bound one upload call: BaseTimeout + size/MinRate.
	// Zero: 60 s and 64 KiB/s.
	BaseTimeout time.Duration
	MinRate     int64
	// HostPause is the time after a failure of the preferred address before the next call of it. Zero: 1 min.
	HostPause time.Duration
	// MaxConns is the number of idle connections to one address that are kept. Zero: 128.
	MaxConns int
	// Errcodes overrides the codes of errcodes of the upload call.
	Errcodes map[int]tasks.Code
	// Log gets one line for each change: a token renewed, an address left, Redis away. Nil: no lines.
	Log *slog.Logger
	// Passed is called when an upload has got its token, or a call has sent it, well or not. It returns at once. Nil: not called.
	Passed func(s tasks.Stage, took time.Duration)
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// TokenSource says where an account's access token comes from.
type TokenSource string

// The sources. The empty source is StableToken.
const (
	StableToken  TokenSource = "stable_token" // WeChat's /cgi-bin/stable_token, with appid and secret
	PlainToken   TokenSource = "token"        // WeChat's /cgi-bin/token: each call retires the token before
	StaticToken  TokenSource = "static"       // Account.Static, which nobody renews
	TokenURL     TokenSource = "url"          // GET Account.TokenURL
	TokenCommand TokenSource = "command"      // run Account.Command
)

// Account is one official account, with the source of its access token.
type Account struct {
	Name   string // how uploads name it
	AppID  string // needed by stable_token and token; without it nothing is reused and holds go by Name
	Source TokenSource
	Secret tasks.Secret // the appsecret, for stable_token and token
	Static tasks.Secret // the access token, for static
	// TokenURL answers a GET with {"access_token","expires_in"} or with a bare token. User name and password in
	// it are sent as basic authorization. Redirects are not followed.
	TokenURL string
	// TokenHeader is sent with that GET, as "Name: value".
	TokenHeader tasks.Secret
	// Command prints the same to its standard output within 30 s. It is run without a shell.
	Command []string
	// ResetZone is the time zone at whose midnight the account's daily limits end. Nil: Asia/Shanghai.
	ResetZone *time.Location
}
