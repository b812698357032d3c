package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/worker/source"
	"github.com/mediaferry/mediaferry/worker/wechat"
)

// stack is what one process works with. Its parts are made in the order of need and closed in the other.
type stack struct {
	name     string // of this process, in the ledger
	cfg      config.Config
	log      *slog.Logger
	ledger   *ledger.Ledger
	wechat   *wechat.Client
	files    *source.Store
	redis    redis.UniversalClient // nil where no belt is at hand
	belt     *enqueue.Belt         // nil likewise
	embedded bool                  // the belt runs in this process or in the owner of the data dir
	working  bool                  // this process works off the ledger
	metrics  *prometheus.Registry
	closing  []func()
}

// open opens what every command with a ledger needs. belt asks for the shared Redis too, or, where none is
// configured, for a broker in this process: the caller owns the data dir then.
func (a *app) open(ctx context.Context, c config.Config, log *slog.Logger, belt bool) (_ *stack, err error) {
	s := &stack{name: processName(), cfg: c, log: log, metrics: prometheus.NewRegistry()}
	s.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	for _, w := range c.Warnings() {
		log.Warn(w)
	}
	if err := makeDataDir(c.DataDir); err != nil {
		return nil, err
	}
	if s.ledger, err = openLedger(ctx, c, ledger.Options{Log: log, Notify: c.Webhook.URL}); err != nil {
		return nil, err
	}
	s.closeWith(func() { s.ledger.Close() })
	options, err := c.Redis()
	if err != nil {
		return nil, err
	}
	s.embedded = options.Embedded
	if belt || !options.Embedded {
		if err := s.openBelt(ctx, options); err != nil {
			return nil, err
		}
	}
	if s.files, err = source.New(s.sourceConfig()); err != nil {
		return nil, fmt.Errorf("open storage: %w", err)
	}
	if err = s.openWeChat(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *stack) closeWith(f func()) { s.closing = append(s.closing, f) }

func (s *stack) close() {
	for i := len(s.closing) - 1; i >= 0; i-- {
		s.closing[i]()
	}
	s.closing = nil
}

func (s *stack) openBelt(ctx context.Context, o config.RedisOptions) error {
	universal := o.Universal
	if o.Embedded {
		broker, err := enqueue.StartEmbedded()
		if err != nil {
			return err
		}
		s.closeWith(broker.Close)
		options := broker.Options()
		universal = &options
	}
	redis.SetLogger(redisLog{s.log})
	s.redis = enqueue.Connect(*universal)
	s.closeWith(func() { s.redis.Close() })
	s.belt = enqueue.NewBelt(s.redis, s.prefix())
	warnings, err := s.belt.Check(ctx)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		s.log.Warn(w)
	}
	return nil
}

func (s *stack) prefix() string {
	if s.cfg.QueuePrefix == "" {
		return ""
	}
	return s.cfg.QueuePrefix + ":"
}

// openWeChat makes the client and tells the ledger of its accounts, which lifts the hold of one whose credentials
// have changed.
func (s *stack) openWeChat(ctx context.Context) error {
	var pacer wechat.Pacer
	if s.redis != nil {
		pacer = wechat.NewRedisPacer(s.redis, s.prefix())
	}
	client, err := newWeChat(s.cfg, s.tokenStore(), pacer, s.log)
	if err != nil {
		return err
	}
	s.wechat = client
	if err := s.ledger.RegisterAccounts(ctx, ledgerAccounts(s.cfg, s.wechat)); err != nil {
		return fmt.Errorf("register accounts: %w", err)
	}
	return nil
}

// tokenStore shares tokens through Redis when there is a key to encrypt them with. Nil keeps them in memory, as does
// a process that is alone with its data dir.
func (s *stack) tokenStore() wechat.TokenStore {
	if s.redis == nil || s.embedded {
		return nil
	}
	key := s.cfg.TokenKeyBytes()
	if key == nil {
		s.log.Warn("token_key is not set: each process fetches its own access token")
		return nil
	}
	return wechat.NewRedisTokens(s.redis, s.prefix(), [32]byte(key))
}

func (s *stack) sourceConfig() source.Config {
	c := source.Config{Root: s.cfg.StorageRoot, Inbox: inboxDir(s.cfg), Local: s.embedded, Log: s.log}
	if s3 := s.cfg.S3; len(s3.Buckets) > 0 {
		c.S3 = &source.S3Config{
			Endpoint: s3.Endpoint, Region: s3.Region, Style: s3.Style, Buckets: s3.Buckets,
			AccessKey: s3.AccessKey, SecretKey: s3.SecretKey, SessionToken: s3.SessionToken,
		}
	}
	return c
}
