package main

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker"
	"github.com/mediaferry/mediaferry/worker/webhook"
)

// engine is what works off the ledger in this process: it dispatches, carries and delivers.
type engine struct {
	stack      *stack
	dispatcher *enqueue.Dispatcher
	actor      *enqueue.Actor
	worker     *worker.Worker
	server     *worker.Server
	stop       context.CancelFunc
	background sync.WaitGroup
}

// start begins to work. End it with shutdown.
func (s *stack) start(ctx context.Context) (*engine, error) {
	secrets, err := s.webhookSecrets()
	if err != nil {
		return nil, err
	}
	if err := s.succeed(ctx); err != nil {
		return nil, err
	}
	e := &engine{stack: s, dispatcher: s.dispatcher()}
	e.actor = s.actor(e.dispatcher.Nudge)
	e.actor.Holder = s.name
	metrics := worker.NewMetrics(s.metrics)
	e.worker = worker.New(worker.Deps{
		Ledger:   s.ledger,
		Files:    s.files,
		Checker:  newChecker(s.cfg),
		Fixer:    &fixer{limits: newChecker(s.cfg).limits},
		Uploader: s.wechat,
		Accounts: ledgerAccounts(s.cfg, s.wechat),
	}, s.workerConfig(metrics))
	courier := &worker.Courier{Ledger: s.ledger, Sender: webhook.New(s.webhookConfig(), secrets), Log: s.log}
	handlers := worker.Handlers{Run: e.worker.Carry, Deliver: courier.Deliver}
	ctx, e.stop = context.WithCancel(context.WithoutCancel(ctx))
	if name := s.cfg.Inbox.Producer; name != "" {
		results := &enqueue.Results{Ledger: s.ledger, Redis: s.redis, Prefix: s.prefix(), Producer: name, Log: s.log}
		inbox := &enqueue.Inbox{Producer: s.producer(name, e.dispatcher.Nudge), Results: results, Log: s.log}
		handlers.Inbox = inbox.Handle
		e.background.Go(func() { s.report("results", results.Run(ctx)) })
	}
	e.server = worker.NewServer(enqueue.Pipelined(s.redis), handlers, s.serverConfig())
	e.background.Go(func() { s.report("dispatcher", e.dispatcher.Run(ctx)) })
	e.background.Go(func() { s.report("janitor", s.janitor().Run(ctx)) })
	e.background.Go(func() { s.report("actor", e.actor.Run(ctx)) })
	e.background.Go(func() { s.learnRates(ctx) })
	e.background.Go(func() { s.prober().Run(ctx) })
	e.background.Go(func() { s.holdWatch(metrics).Run(ctx) })
	if err := e.server.Start(); err != nil {
		e.stop()
		e.background.Wait()
		e.worker.Close()
		return nil, err
	}
	s.working = true
	return e, nil
}

// shutdown takes no more work, lets what runs end or hands it back, and returns when nothing runs any more.
func (e *engine) shutdown(ctx context.Context) {
	e.server.Shutdown(ctx, e.worker.Stop)
	e.stop()
	e.background.Wait()
	e.worker.Close()
}

func (s *stack) holdWatch(m *worker.Metrics) *worker.HoldWatch {
	return &worker.HoldWatch{Ledger: s.ledger, Accounts: s.wechat.Accounts(), Log: s.log, Metrics: m}
}

// prober lifts the holds of accounts whose quota was cleared.
func (s *stack) prober() *worker.Prober {
	return &worker.Prober{
		Ledger: s.ledger, Accounts: s.wechat.Accounts(), Every: s.cfg.Worker.HoldRecheck, Holder: s.name, Log: s.log,
		Remaining: func(ctx context.Context, account string) (int, error) {
			q, err := s.wechat.Quota(ctx, account)
			return q.Remain, err
		},
	}
}

// learnRates asks WeChat how many calls a minute each account may make, where the settings don't say.
func (s *stack) learnRates(ctx context.Context) {
	for _, a := range s.wechat.Accounts() {
		if s.cfg.Accounts[a.Name].RatePerMinute > 0 {
			continue
		}
		if rate, err := s.wechat.LearnRate(ctx, a.Name); err != nil {
			s.log.Debug("WeChat does not say how many calls a minute an account may make", "account", a.Name, "error", err)
		} else if rate > 0 {
			s.log.Info("calls a minute, as WeChat says", "account", a.Name, "rate", rate)
		}
	}
}

func (s *stack) report(part string, err error) {
	if err != nil {
		s.log.Error("a part of this process ended", "part", part, "error", err)
	}
}

func (s *stack) dispatcher() *enqueue.Dispatcher {
	d := enqueue.NewDispatcher(s.ledger, s.belt)
	d.Window = tasks.Window{Bulk: s.cfg.Dispatcher.Window, Interactive: s.cfg.Dispatcher.Interactive}
	d.Grace = s.cfg.Worker.Lease
	d.Holder = s.name
	d.Log = s.log
	return d
}

func (s *stack) janitor() *enqueue.Janitor {
	j := enqueue.NewJanitor(s.ledger)
	j.Retention = s.cfg.Retention
	j.Holder = s.name
	j.Log = s.log
	return j
}

// producer submits in a name of the settings, or as the person at the command line.
func (s *stack) producer(name string, nudge func()) *enqueue.Producer {
	return &enqueue.Producer{
		Ledger: s.ledger, Name: name, Nudge: nudge,
		CallbackURL: cmp.Or(s.cfg.Producers[name].CallbackURL, s.cfg.Webhook.URL),
		Local:       s.embedded && name == enqueue.DefaultProducer,
	}
}

func (s *stack) workerConfig(m *worker.Metrics) worker.Config {
	w := s.cfg.Worker
	return worker.Config{
		Name:             s.name,
		Slots:            w.Concurrency,
		InteractiveSlots: w.Interactive,
		Memory:           int64(w.Memory),
		Lease:            w.Lease,
		Retry: worker.Retry{
			Attempts: w.Attempts, Base: w.BackoffBase, Cap: w.BackoffCap,
			UnknownAttempts: w.UnknownAttempts, UnknownPause: w.UnknownPause,
		},
		Fresh:           w.FreshMargin,
		AccountHold:     w.HoldRecheck,
		AccountHoldSlow: w.HoldRecheckSlow,
		Log:             s.log,
		Metrics:         m,
	}
}

func (s *stack) serverConfig() worker.ServerConfig {
	w := s.cfg.Worker
	return worker.ServerConfig{
		Prefix: s.prefix(), Slots: w.Concurrency, InteractiveSlots: w.Interactive, Deliveries: w.Deliveries,
		Drain: max(w.Shutdown, time.Nanosecond), // 0s is taken at its word
		Log:   s.log,
	}
}

func (s *stack) webhookConfig() webhook.Config {
	return webhook.Config{
		Timeout:  s.cfg.Webhook.Timeout,
		Attempts: s.cfg.Webhook.Attempts,
		Allow: func(producer string) []string {
			return append(s.cfg.Webhook.Allow, s.cfg.Producers[producer].WebhookAllow...)
		},
		LocalLoopback: s.embedded,
		Log:           s.log,
	}
}
