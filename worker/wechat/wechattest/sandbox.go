package wechattest

import (
	"cmp"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The account of a sandbox that was given none.
const (
	DefaultAppID  = "wx5ca1ab1e5a4db0c5"
	DefaultSecret = "0123456789abcdef0123456789abcdef"
)

// Config says what kind of WeChat a Sandbox is. The zero Config is a WeChat with one account, DefaultAppID.
type Config struct {
	// Accounts it knows. None: one of DefaultAppID and DefaultSecret.
	Accounts []Account
	// Now is the time it starts from and runs with; nil: time.Now. Advance moves it on.
	Now func() time.Time
	// Journal receives one JSON line for each call, before the call is answered; nil: none. See Call.
	Journal io.Writer
	// TokenTTL is how long an access token lives; 0: two hours, as WeChat's do.
	TokenTTL time.Duration
	// MediaTTL is how long a media lives; 0: three days, as WeChat's do.
	MediaTTL time.Duration
	// Limits on files; zero fields take WeChat's.
	Limits Limits
	// Seed makes tokens, media ids and random faults the same in every run; 0: different ones each time.
	Seed int64
	// KeepBytes bounds the bytes of media kept for media/get; the oldest are forgotten first.
	// 0: 256 MiB; negative: none are kept.
	KeepBytes int64
	// Drain is for benchmarks: of an upload only token, type and the head of the first part are looked at, its bytes are
	// counted and dropped, and nothing is journaled. Count still counts.
	Drain bool
}

// Account is one official account.
type Account struct {
	AppID  string
	Secret string
	// DailyLimit is how many media/upload calls it may make a day; 0: 100,000.
	DailyLimit int
	// MinuteLimit is how many media/upload calls it may make a minute; 0: any number.
	MinuteLimit int
	// TokenLimit is how many calls to /cgi-bin/token it may make a day; 0: 2,000.
	TokenLimit int
	// NoQuota lifts all of these limits.
	NoQuota bool
	// Token is an access token that is good from the start and never expires, for clients that are given one;
	// Revoke ends it. Empty: none.
	Token string
}

// Limits are the largest files accepted, in bytes, and the longest voice.
type Limits struct {
	Image, Voice, Video, Thumb int64
	VoiceTime                  time.Duration
}

// Sandbox is a WeChat. It is an http.Handler, safe for use by many goroutines.
type Sandbox struct {
	cfg     Config
	clock   clock
	dice    *dice
	faults  faults
	journal journal
	buffers sync.Pool // *[]byte, for bytes that are read and dropped
	calls   map[string]route
	control *http.ServeMux

	mu       sync.Mutex // guards all below
	accounts map[string]*account
	tokens   map[string]*token // every token ever issued and not yet forgotten, by its value
	serial   int               // of the last token issued
	media    store
}

// New returns a sandbox, ready to serve.
func New(cfg Config) *Sandbox {
	cfg = cfg.withDefaults()
	s := &Sandbox{cfg: cfg, dice: newDice(cfg.Seed)}
	s.clock.base = cfg.Now
	s.journal.out = cfg.Journal
	s.buffers.New = func() any { b := make([]byte, readBuffer); return &b }
	s.calls = s.routes()
	s.control = s.controls()
	s.clear()
	return s
}

func (c Config) withDefaults() Config {
	if len(c.Accounts) == 0 {
		c.Accounts = []Account{{AppID: DefaultAppID, Secret: DefaultSecret}}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.TokenTTL = cmp.Or(c.TokenTTL, 2*time.Hour)
	c.MediaTTL = cmp.Or(c.MediaTTL, 72*time.Hour)
	c.KeepBytes = cmp.Or(c.KeepBytes, 256<<20)
	c.Limits.Image = cmp.Or(c.Limits.Image, 10<<20)
	c.Limits.Voice = cmp.Or(c.Limits.Voice, 2<<20)
	c.Limits.Video = cmp.Or(c.Limits.Video, 10<<20)
	c.Limits.Thumb = cmp.Or(c.Limits.Thumb, 64<<10)
	c.Limits.VoiceTime = cmp.Or(c.Limits.VoiceTime, 60500*time.Millisecond)
	return c
}

// clear puts tokens, media and quotas back to how they were at the start. It must not be called with s.mu held.
func (s *Sandbox) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts = make(map[string]*account, len(s.cfg.Accounts))
	s.tokens = make(map[string]*token)
	s.media = newStore(s.cfg.KeepBytes)
	for _, a := range s.cfg.Accounts {
		acc := &account{Account: a, used: make(map[string]*usage)}
		s.accounts[a.AppID] = acc
		if a.Token != "" {
			s.serial++
			s.tokens[a.Token] = &token{value: a.Token, account: acc, serial: s.serial, static: true}
		}
	}
}

// Reset forgets tokens, media, quotas, faults and the journal kept in memory. The clock stays.
func (s *Sandbox) Reset() {
	s.clear()
	s.faults.clear()
	s.journal.clear()
}

// ServeHTTP answers one call as WeChat would. Paths under /_sandbox/ control the sandbox itself.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, controlPrefix) {
		s.control.ServeHTTP(w, r)
		return
	}
	c := &call{req: r, now: s.Now()}
	c.Time, c.Method, c.Path = c.now, clip(r.Method), cleanPath(r.URL.Path)
	c.fault = s.faults.next(r.URL.Path, s.dice)
	c.Fault = c.fault.name()
	a := s.answer(c)
	if c.Status = a.status; a.status != 0 {
		s.drain(c)
	}
	s.record(c)
	if !wait(r, c.fault.Delay) {
		a = answer{}
	}
	a.write(w)
}

// answer lets the fault have its say before, instead of and after the real answer.
func (s *Sandbox) answer(c *call) answer {
	if a, done := s.before(c); done {
		return a
	}
	return c.fault.after(s.handle(c))
}

// handle answers as WeChat does when nothing is wrong with WeChat.
func (s *Sandbox) handle(c *call) answer {
	rt, ok := s.calls[c.req.URL.Path]
	if !ok {
		return s.refuse(c, invalidURL, "")
	}
	if c.req.Method == http.MethodPost && !hasLength(c.req) {
		return answer{status: http.StatusPreconditionFailed}
	}
	if c.req.Method != rt.method {
		if rt.method == http.MethodPost {
			return s.refuse(c, requirePost, "")
		}
		return s.refuse(c, requireGet, "")
	}
	if rt.open {
		return rt.handle(c)
	}
	if code := s.authorize(c); code != 0 {
		return s.refuse(c, code, "")
	}
	return rt.handle(c)
}

// hasLength reports whether the request's head says how long its body is. WeChat's front refuses a POST that does not.
// (net/http drops the header where the body is chunked.)
func hasLength(r *http.Request) bool { return len(r.Header["Content-Length"]) > 0 }

// route is one of WeChat's calls.
type route struct {
	method string
	open   bool // needs no access token
	handle func(*call) answer
}

func (s *Sandbox) routes() map[string]route {
	return map[string]route{
		pathToken:       {http.MethodGet, true, s.getToken},
		pathStableToken: {http.MethodPost, true, s.getStableToken},
		pathUpload:      {http.MethodPost, false, s.upload},
		pathGet:         {http.MethodGet, false, s.getMedia},
		pathGetHD:       {http.MethodGet, false, s.getMedia},
		pathSend:        {http.MethodPost, false, s.sendCustom},
		pathQuotaGet:    {http.MethodPost, false, s.getQuota},
		pathClearQuota:  {http.MethodPost, false, s.clearQuota},
	}
}

// The calls it knows.
const (
	pathToken       = "/cgi-bin/token"
	pathStableToken = "/cgi-bin/stable_token"
	pathUpload      = "/cgi-bin/media/upload"
	pathGet         = "/cgi-bin/media/get"
	pathGetHD       = "/cgi-bin/media/get/jssdk"
	pathSend        = "/cgi-bin/message/custom/send"
	pathQuotaGet    = "/cgi-bin/openapi/quota/get"
	pathClearQuota  = "/cgi-bin/clear_quota"
)
