package config

import (
	"time"
	_ "time/tzdata" // the reset zone must be found in an image without zone files

	"github.com/mediaferry/mediaferry/tasks"
)

// Config is everything that can be set. The tags are the reference: Keys is made from them, and so is what Load
// accepts. "default" is the value of a key that is not set, "unset" says in words what a missing value means where
// there is no fixed one, "doc" is for people. "oneof", "min", "max" and "check" bound the value.
type Config struct {
	RedisURL       DSN           `koanf:"redis_url" default:"embedded" check:"redis" doc:"the Redis that carries uploads to workers; embedded is a broker inside the process"`
	QueuePrefix    string        `koanf:"queue_prefix" default:"mediaferry" check:"name" doc:"prefix of the queues and keys in Redis, so that several installations can share one"`
	LedgerURL      DSN           `koanf:"ledger_url" unset:"sqlite:DATA_DIR/ledger.db" check:"ledger" doc:"the database that records everything"`
	LedgerPassword tasks.Secret  `koanf:"ledger_password" unset:"that of ledger_url" doc:"the password of ledger_url, with any characters, where it is kept apart"`
	RedisPassword  tasks.Secret  `koanf:"redis_password" unset:"that of redis_url" doc:"the password of redis_url, with any characters, where it is kept apart"`
	DataDir        string        `koanf:"data_dir" unset:"$XDG_STATE_HOME/mediaferry or ~/.local/state/mediaferry" check:"path" doc:"folder for the embedded ledger, generated keys and the inbox; on a local disk"`
	StorageRoot    string        `koanf:"storage_root" check:"path" doc:"folder that sources are read from; nothing outside of it can be submitted to run, worker and serve"`
	Listen         string        `koanf:"listen" default:"127.0.0.1:8080" check:"listen" doc:"address that HTTP is served on"`
	Retention      time.Duration `koanf:"retention" default:"30d" min:"1h" doc:"how long outcomes, events and attempts are kept"`
	TokenKey       tasks.Secret  `koanf:"token_key" unset:"made in the data dir, where neither Redis nor the ledger is shared" check:"key32" doc:"32 bytes, as hex or base64, that encrypt access tokens in Redis and secrets in the ledger; the same for every process"`
	TokenKeyOld    tasks.Secret  `koanf:"token_key_old" check:"key32" doc:"the token_key before, during a rotation: it decrypts; doctor says when it may go"`
	Passthrough    []string      `koanf:"passthrough" unset:"none" check:"passthrough" doc:"paths below /cgi-bin/ that the drop-in endpoint passes on to WeChat with the account's token, as in message/custom/send: every key that may submit to the account may call them"`

	TLS        TLS                 `koanf:"tls"`
	RedisTLS   RedisTLS            `koanf:"redis_tls"`
	HTTP       HTTP                `koanf:"http"`
	Metrics    Metrics             `koanf:"metrics"`
	Console    Console             `koanf:"console"`
	Log        Log                 `koanf:"log"`
	WeChat     WeChat              `koanf:"wechat"`
	Accounts   map[string]Account  `koanf:"accounts"`
	Worker     Worker              `koanf:"worker"`
	Dispatcher Dispatcher          `koanf:"dispatcher"`
	Limits     Limits              `koanf:"limits"`
	Webhook    Webhook             `koanf:"webhook"`
	Producers  map[string]Producer `koanf:"producers"`
	Inbox      Inbox               `koanf:"inbox"`
	S3         S3                  `koanf:"s3"`

	ignored []error                // sentences about keys that Load met and that have no effect any more
	secrets []string               // files from which secrets of accounts were read
	reload  func() (Config, error) // from where they came
}

// Reload reads the settings again, from the file and the variables that Load was given.
func (c Config) Reload() (Config, error) { return c.reload() }

// AccountSecrets returns the files from which Load read secrets of accounts.
func (c Config) AccountSecrets() []string { return c.secrets }

// TLS makes the listener speak HTTPS when both are set.
type TLS struct {
	CertFile string `koanf:"cert_file" check:"path" doc:"certificate chain, PEM"`
	KeyFile  string `koanf:"key_file" check:"path" doc:"its private key, PEM"`
}

// RedisTLS is who a Redis is trusted by, and what this process shows to it. It needs a redis_url that uses TLS.
type RedisTLS struct {
	CAFile   string `koanf:"ca_file" unset:"the authorities that the machine trusts" check:"path" doc:"certificates of the authorities that redis_url's servers are trusted by, PEM"`
	CertFile string `koanf:"cert_file" check:"path" doc:"client certificate for Redis, PEM; it is read again for each connection"`
	KeyFile  string `koanf:"key_file" check:"path" doc:"its private key, PEM"`
}

// HTTP is how the API behaves.
type HTTP struct {
	Wait time.Duration `koanf:"wait" default:"60s" min:"0s" max:"10m" doc:"how long POST /v1/media and the drop-in endpoint wait for an outcome before they answer without it"`

	InboxSize Size   `koanf:"inbox_size" default:"1GiB" min:"10MiB" doc:"of the files that one producer has sent over HTTP and that wait for their outcome; beyond it POST /v1/files answers 429"`
	InboxDir  string `koanf:"inbox_dir" unset:"DATA_DIR/inbox" check:"path" doc:"folder of those files; one that serve and its workers share spares them the way over HTTP"`
	InboxURL  string `koanf:"inbox_url" unset:"by listen, but for https" check:"http" doc:"where workers that don't see that folder ask for the files: http://serve:8080"`

	OpenAPI bool `koanf:"open_openapi" default:"false" doc:"/openapi.json answers without a key"`
}

// Metrics is how run, worker and serve show their figures to Prometheus, and their health.
type Metrics struct {
	Listen  string        `koanf:"listen" default:"127.0.0.1:9464" check:"listen or off" doc:"address of /metrics, /healthz and /readyz, which answer without a key; off: this process has none"`
	Refresh time.Duration `koanf:"refresh" default:"15s" min:"1s" max:"5m" doc:"how often one process reads the figures of the whole installation from the ledger"`
}

const (
	// MetricsOff is metrics.listen of a process that shows no figures.
	MetricsOff = "off"
	// DefaultMetrics is metrics.listen where it is not set.
	DefaultMetrics = "127.0.0.1:9464"
)

// Console is the web page at / of what listen serves.
type Console struct {
	URL string `koanf:"url" check:"http" doc:"where browsers reach it, if that is not listen: behind a proxy https://ferry.example.com. A console on loopback answers to no other names than this one and its own"`
}

// Log is what goes to stderr.
type Log struct {
	Level  string `koanf:"level" default:"info" oneof:"debug|info|warn|error" doc:"least level that is logged"`
	Format string `koanf:"format" default:"auto" oneof:"auto|text|json" doc:"auto is text on a terminal and json elsewhere"`
}

// WeChat is how its servers are reached and understood. Who calls it is in Accounts.
type WeChat struct {
	BaseURL        []string           `koanf:"base_url" default:"https://api.weixin.qq.com" check:"baseurl" doc:"where WeChat is; more than one is a fail-over list, in order. http is taken for loopback and for plain_http"`
	PlainHTTP      []string           `koanf:"plain_http" unset:"none" check:"name" doc:"hosts that base_url may name with http, as a sandbox in the same container network; never the real WeChat"`
	Proxy          DSN                `koanf:"proxy" check:"proxy" doc:"egress proxy, since WeChat wants allow-listed addresses: http://, https:// or socks5://"`
	ConnectTimeout time.Duration      `koanf:"connect_timeout" default:"10s" min:"100ms" max:"5m" doc:"to connect, TLS included"`
	Timeout        time.Duration      `koanf:"timeout" default:"60s" min:"1s" max:"30m" doc:"for a whole call; an upload gets more by its size (min_speed)"`
	MinSpeed       Size               `koanf:"min_speed" default:"64KiB" min:"1KiB" doc:"bytes a second that an upload must reach: timeout + size/min_speed is its limit"`
	Errcodes       map[int]tasks.Code `koanf:"errcodes" check:"errcode" doc:"overrides of the errcode table, as errcode: class"`
}

// Account is one WeChat official account and how to get its access token.
type Account struct {
	AppID         string       `koanf:"appid" check:"word" doc:"the account's appid; without it no media is reused"`
	Secret        tasks.Secret `koanf:"secret" check:"word" doc:"its appsecret"`
	Token         string       `koanf:"token" unset:"by what is set: access_token, token_url or token_command, otherwise stable_token" oneof:"stable_token|token|static|url|command" doc:"where its access token comes from"`
	AccessToken   tasks.Secret `koanf:"access_token" check:"word" doc:"a fixed access token (static)"`
	TokenURL      DSN          `koanf:"token_url" check:"http" doc:"a GET of it answers with the token, plain or as WeChat's JSON (url)"`
	TokenHeader   tasks.Secret `koanf:"token_header" check:"header" doc:"a header for that GET, as Name: value"`
	TokenCommand  Command      `koanf:"token_command" doc:"program and arguments, run without a shell, that print the token (command)"`
	DailyLimit    int          `koanf:"daily_limit" default:"0" min:"0" doc:"upload calls a day; 0: what WeChat's quota/get says, otherwise they are only counted"`
	Reserve       int          `koanf:"reserve" default:"5" min:"0" max:"50" doc:"percent of the day's calls that bulk uploads leave to interactive ones"`
	ResetZone     string       `koanf:"reset_zone" unset:"worker.reset_zone" check:"zone" doc:"time zone whose midnight begins the account's day: its daily limits are over then"`
	RatePerMinute int          `koanf:"rate_per_minute" default:"0" min:"0" doc:"upload calls a minute over all workers; 0: what WeChat's quota/get says, otherwise unlimited"`
	Concurrency   int          `koanf:"concurrency" default:"0" min:"0" doc:"uploads of this account under way at once, over all workers; 0: unlimited"`
}

// The sources of an access token.
const (
	TokenStable  = "stable_token"
	TokenPlain   = "token"
	TokenStatic  = "static"
	TokenURL     = "url"
	TokenCommand = "command"
)

// ReuseProducer keeps each producer's media to itself.
const ReuseProducer = "producer"

// Worker is how uploads are worked off.
type Worker struct {
	Concurrency     int           `koanf:"concurrency" default:"64" min:"1" max:"4096" doc:"bulk uploads under way at once in this process"`
	Interactive     int           `koanf:"interactive" default:"16" min:"1" max:"4096" doc:"interactive uploads at once, beside the bulk ones"`
	Deliveries      int           `koanf:"deliveries" default:"16" min:"1" max:"1024" doc:"webhook requests at once"`
	Memory          Size          `koanf:"memory_budget" default:"320MiB" min:"16MiB" doc:"bytes of files held at once; a picture is made to fit where 12 bytes a pixel are no more than this"`
	Lease           time.Duration `koanf:"lease" default:"10s" min:"2s" max:"10m" doc:"how long a worker may be silent before its uploads are given to others"`
	Shutdown        time.Duration `koanf:"shutdown_timeout" default:"30s" min:"0s" max:"1h" doc:"how long uploads under way may go on after SIGTERM before they are handed back"`
	Attempts        int           `koanf:"attempts" default:"12" min:"1" max:"100" doc:"tries in one round before an upload fails for good"`
	BackoffBase     time.Duration `koanf:"backoff_base" default:"1s" min:"1ms" max:"1h" doc:"bound of the first random pause; it doubles by attempt"`
	BackoffCap      time.Duration `koanf:"backoff_cap" default:"5m" min:"1ms" max:"24h" doc:"the longest such bound"`
	UnknownAttempts int           `koanf:"unknown_attempts" default:"3" min:"1" max:"100" doc:"tries after an errcode that is not known"`
	UnknownPause    time.Duration `koanf:"unknown_pause" default:"10m" min:"1ms" max:"24h" doc:"pause between them"`
	ResetZone       string        `koanf:"reset_zone" default:"Asia/Shanghai" check:"zone" doc:"the same for accounts that don't set it"`
	HoldRecheck     time.Duration `koanf:"hold_recheck" default:"10m" min:"1s" max:"24h" doc:"how often an account that must be mended is probed"`
	HoldRecheckSlow time.Duration `koanf:"hold_recheck_slow" default:"1h" min:"1s" max:"24h" doc:"the same for the 895xx errcodes, which wait for a person's consent"`
	Reuse           string        `koanf:"reuse" default:"account" oneof:"account|producer" doc:"who shares a media, and may forget it: all who may submit to the account, or each producer for itself; the same for every worker"`
	FreshMargin     time.Duration `koanf:"fresh_margin" default:"2h" min:"0s" max:"71h" doc:"a media is reused only if it lives at least this long"`
}

// Dispatcher bounds what lies in Redis.
type Dispatcher struct {
	Window      int `koanf:"window" default:"2000" min:"1" max:"100000" doc:"bulk uploads on the belt at once"`
	Interactive int `koanf:"interactive_window" default:"200" min:"1" max:"100000" doc:"interactive uploads on the belt at once"`
}

// Limits are what WeChat takes; they are settings because its documents contradict each other.
type Limits struct {
	Image          Size          `koanf:"image" default:"10MiB" min:"1B" doc:"largest image"`
	Voice          Size          `koanf:"voice" default:"2MiB" min:"1B" doc:"largest voice"`
	Video          Size          `koanf:"video" default:"10MiB" min:"1B" doc:"largest video"`
	Thumb          Size          `koanf:"thumb" default:"64KiB" min:"1B" doc:"largest thumb"`
	VoiceLength    time.Duration `koanf:"voice_length" default:"60s" min:"1s" doc:"longest voice"`
	VoiceTolerance time.Duration `koanf:"voice_tolerance" default:"500ms" min:"0s" doc:"how much longer a voice may be, since a clip of exactly 60 s encodes to a little more"`
	ImagePixels    int           `koanf:"image_pixels" default:"100000000" min:"1" doc:"most pixels of an image: a small file can be a very large picture"`
	AMRWB          bool          `koanf:"amr_wb" default:"false" doc:"take AMR-WB as voice"`
	QuickTime      bool          `koanf:"quicktime" default:"false" doc:"take MP4 files of brand qt as video"`
}

// Webhook is how events are delivered; the fields of a producer win.
type Webhook struct {
	URL      string         `koanf:"url" check:"hook" doc:"where the events of producers without a callback of their own go"`
	Secrets  []tasks.Secret `koanf:"secrets" check:"whsec" doc:"whsec_… secrets that sign; all of them do, so that a receiver can change over"`
	Allow    []string       `koanf:"allow" check:"net" doc:"hosts and CIDRs that may be called although they are private"`
	Attempts int            `koanf:"attempts" default:"10" min:"1" max:"50" doc:"tries before a delivery is given up"`
	Timeout  time.Duration  `koanf:"timeout" default:"15s" min:"100ms" max:"5m" doc:"for one request"`
}

// Producer is somebody who may submit, with its rights. The name is the key in the producers map.
type Producer struct {
	Key            tasks.Secret   `koanf:"key" check:"apikey" doc:"its API key, at least 16 characters"`
	KeyHash        string         `koanf:"key_hash" check:"sha256" doc:"sha256:HEX of its API key, instead of the key itself"`
	Role           string         `koanf:"role" default:"producer" oneof:"producer|operator|viewer" doc:"what its key may do"`
	Accounts       []string       `koanf:"accounts" unset:"all" check:"name" doc:"accounts it may submit to"`
	Sources        []string       `koanf:"sources" unset:"the whole storage root, no bucket" check:"source" doc:"prefixes of sources it may submit: folder/ or s3://bucket/prefix"`
	CallbackHosts  []string       `koanf:"callback_hosts" unset:"any" check:"host" doc:"hosts its callback URLs may name; *.example.com takes subdomains"`
	CallbackURL    string         `koanf:"callback_url" check:"hook" doc:"where its events go when an upload names no URL"`
	WebhookSecrets []tasks.Secret `koanf:"webhook_secrets" check:"whsec" doc:"whsec_… secrets that sign its events"`
	WebhookAllow   []string       `koanf:"webhook_allow" check:"net" doc:"hosts and CIDRs that may be called for it although they are private"`
	RatePerMinute  int            `koanf:"rate_per_minute" default:"0" min:"0" doc:"uploads it may submit a minute; 0: unlimited"`
	DailyBudget    int            `koanf:"daily_budget" default:"0" min:"0" doc:"uploads it may submit a day; 0: unlimited"`
	MaxKept        int            `koanf:"max_kept" default:"10000" min:"1" doc:"contents that are kept alive for it at once (keep_fresh_until)"`
	MaxPriority    string         `koanf:"max_priority" default:"interactive" oneof:"bulk|interactive" doc:"the highest priority it may ask for"`
}

// DefaultMaxKept is max_kept of a producer that the settings don't name.
const DefaultMaxKept = 10_000

// Inbox takes tasks that producers push into Redis without a ledger at hand.
type Inbox struct {
	Producer string `koanf:"producer" unset:"off" check:"name" doc:"the producer that tasks of the queue inbox belong to"`
}

// S3 is where s3:// sources are.
type S3 struct {
	Endpoint     string       `koanf:"endpoint" default:"https://s3.amazonaws.com" check:"hook" doc:"the S3 service"`
	Region       string       `koanf:"region" unset:"AWS_REGION, otherwise asked for" check:"word" doc:"its region"`
	Buckets      []string     `koanf:"buckets" unset:"none" check:"bucket" doc:"buckets that may be read"`
	Style        string       `koanf:"style" default:"auto" oneof:"auto|path|virtual" doc:"how a bucket is named in the URL; Alibaba OSS and Tencent COS want virtual"`
	AccessKey    string       `koanf:"access_key" unset:"the usual AWS environment, files and roles" check:"word" doc:"access key ID"`
	SecretKey    tasks.Secret `koanf:"secret_key" check:"word" doc:"secret access key"`
	SessionToken tasks.Secret `koanf:"session_token" check:"word" doc:"token of temporary credentials"`
}
