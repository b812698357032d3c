// Package wire makes the running parts of a process out of its settings.
package wire

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/handover"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/metrics"
	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/seal"
	"github.com/mediaferry/mediaferry/worker/source"
	"github.com/mediaferry/mediaferry/worker/wechat"
)

// Stack is what one process works with. Its parts are opened in the order of need and closed in the other.
type Stack struct {
	Name     string // of this process, in the ledger
	Config   config.Config
	Log      *slog.Logger
	Ledger   *ledger.Ledger
	WeChat   *wechat.Client
	Files    *source.Store
	Redis    redis.UniversalClient // nil: the command has no belt
	Belt     *enqueue.Belt         // likewise
	Embedded bool                  // the belt runs in this process, or in the one that locks the data dir
	Working  bool                  // this process works off the ledger
	Secrets  *WebhookSecrets       // nil until OpenKeys
	keys     *seal.Keys            // likewise
	metrics  *metrics.Metrics
	leaders  *metrics.Leaders
	observed *metrics.Work                    // nil: this process does no work
	inboxes  *inboxes                         // nil: there is no other process, or nothing that requests could be signed with
	inbox    atomic.Pointer[tasks.InboxPlace] // of this process; nil: it takes no files
	closing  []func()
	// Listening is called with the address once Serve answers there. Nil: not called.
	Listening func(address string)
}

// New makes a stack with nothing opened. Close closes what is opened later.
func New(c config.Config, log *slog.Logger) *Stack {
	s := &Stack{Name: processName(), Config: c, Log: log, Embedded: c.RedisURL == config.Embedded, metrics: metrics.New()}
	s.leaders = s.metrics.Leaders()
	return s
}

// Open opens what every command that uploads needs. With belt it also opens the shared Redis or, if none is configured, a
// broker in this process; the caller has locked the data dir then.
func Open(ctx context.Context, c config.Config, log *slog.Logger, belt bool) (*Stack, error) {
	return open(ctx, c, log, belt, (*Stack).OpenBelt)
}

// OpenToSubmit opens what a command needs that only submits. away is why a shared Redis can't be reached, which no submission
// needs: what the ledger has is dispatched once Redis is back.
func OpenToSubmit(ctx context.Context, c config.Config, log *slog.Logger) (s *Stack, away, err error) {
	s, err = open(ctx, c, log, false, func(s *Stack, ctx context.Context) ([]error, error) {
		warnings, err := s.OpenBelt(ctx)
		if tasks.CodeOf(err) == tasks.Unavailable {
			away, err = err, nil
		}
		return warnings, err
	})
	return s, away, err
}

func open(ctx context.Context, c config.Config, log *slog.Logger, belt bool, openBelt func(*Stack, context.Context) ([]error, error)) (_ *Stack, err error) {
	s := New(c, log)
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	for _, w := range c.Warnings() {
		log.Warn(w.Error())
	}
	if err := MakeDataDir(c.DataDir); err != nil {
		return nil, err
	}
	if err := s.OpenLedger(ctx, ledger.Options{Alone: belt && OwnLedger(c), Log: log, Notify: c.Webhook.URL, Observe: s.metrics.Ledger()}); err != nil {
		return nil, err
	}
	if c.Shared() && c.TokenKey == "" {
		log.Warn("token_key is not set: this process fetches access tokens of its own, and can't work off the ledger")
	} else if err := s.OpenKeys(ctx); err != nil {
		return nil, err
	}
	if belt || !s.Embedded {
		warnings, err := openBelt(s, ctx)
		if err != nil {
			return nil, err
		}
		for _, w := range warnings {
			log.Warn(w.Error())
		}
	}
	if err := s.openFiles(); err != nil {
		return nil, err
	}
	if err = s.openWeChat(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Stack) closeWith(f func()) { s.closing = append(s.closing, f) }

// Close closes what was opened, the last first.
func (s *Stack) Close() {
	for i := len(s.closing) - 1; i >= 0; i-- {
		s.closing[i]()
	}
	s.closing = nil
}

// OpenBelt connects to the Redis of the settings, or starts a broker in this process, and returns what is wrong with
// its settings.
func (s *Stack) OpenBelt(ctx context.Context) (warnings []error, err error) {
	o, err := s.Config.Redis()
	if err != nil {
		return nil, err
	}
	universal := o.Universal
	if o.Embedded {
		broker, err := enqueue.StartEmbedded()
		if err != nil {
			return nil, err
		}
		s.closeWith(broker.Close)
		options := broker.Options()
		universal = &options
	}
	redis.SetLogger(redisLog{s.Log})
	client := enqueue.Connect(*universal)
	client.AddHook(s.metrics.Redis())
	s.closeWith(func() { client.Close() })
	belt := enqueue.NewBelt(client, s.prefix())
	if warnings, err = belt.Check(ctx); err != nil {
		return nil, err
	}
	s.Redis, s.Belt = client, belt
	return warnings, nil
}

func (s *Stack) prefix() string {
	if s.Config.QueuePrefix == "" {
		return ""
	}
	return s.Config.QueuePrefix + ":"
}

// openWeChat makes the client. Only processes that carry uploads register the accounts in the ledger: the settings of a
// person at the command line must not bind others.
func (s *Stack) openWeChat() error {
	passed := func(stage tasks.Stage, took time.Duration) {
		if s.observed != nil {
			s.observed.Passed(stage, took)
		}
	}
	client, err := newWeChat(s.Config, s.TokenStore(), s.Log, passed)
	s.WeChat = client
	return err
}

// TokenStore shares tokens through Redis when there is a key to encrypt them with. Nil keeps them in memory, as does
// a process that is alone with its data dir.
func (s *Stack) TokenStore() wechat.TokenStore {
	if s.Redis == nil || s.Embedded || s.keys == nil {
		return nil
	}
	return wechat.NewRedisTokens(s.Redis, s.prefix(), s.keys.For(seal.WeChatTokens), s.keys.Derived(seal.TokenTags), s.Log)
}

// openFiles opens the storage. In a fleet the inboxes of other processes belong to it.
func (s *Stack) openFiles() (err error) {
	c := s.SourceConfig()
	if !s.Embedded && s.keys != nil {
		client := handover.NewClient(s.keys.Signer(seal.InboxFiles))
		s.closeWith(client.Close)
		s.inboxes = &inboxes{processes: s.Ledger.Processes, client: client, log: s.Log}
		c.Remote = s.inboxes.open
	}
	if s.Files, err = source.New(c); err != nil {
		return fmt.Errorf("open storage: %w", err)
	}
	if s.inboxes != nil {
		s.inboxes.here = s.Files.HasInbox
	}
	return nil
}

// SourceConfig says where files lie that may be read.
func (s *Stack) SourceConfig() source.Config {
	c := source.Config{Root: s.Config.StorageRoot, Inbox: inboxDir(s.Config), Local: s.Embedded, Log: s.Log}
	if s3 := s.Config.S3; len(s3.Buckets) > 0 {
		c.S3 = &source.S3Config{
			Endpoint: s3.Endpoint, Region: s3.Region, Style: s3.Style, Buckets: s3.Buckets,
			AccessKey: s3.AccessKey, SecretKey: s3.SecretKey, SessionToken: s3.SessionToken,
		}
	}
	return c
}
