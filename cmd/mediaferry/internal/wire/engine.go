package wire

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker"
	"github.com/mediaferry/mediaferry/worker/webhook"
	"github.com/mediaferry/mediaferry/worker/wechat"
)

// Engine is what works off the ledger in this process: it dispatches, carries and delivers.
type Engine struct {
	stack      *Stack
	dispatcher *enqueue.Dispatcher
	actor      *enqueue.Actor
	worker     *worker.Worker
	server     *worker.Server
	heart      *worker.Heartbeater
	stop       context.CancelFunc
	background sync.WaitGroup
}

// Start begins to work, as a process of that role. End it with Shutdown.
func (s *Stack) Start(ctx context.Context, role tasks.ProcessRole) (*Engine, error) {
	tune(s.Config, os.LookupEnv)
	if s.Secrets == nil {
		return nil, noTokenKey()
	}
	if err := s.takeOver(ctx); err != nil {
		return nil, err
	}
	e := &Engine{stack: s, dispatcher: s.dispatcher()}
	e.actor = s.Actor(e.Nudge)
	e.actor.Holder = s.Name
	limits := Limits(s.Config)
	s.observed = s.work()
	heart := worker.NewHeartbeater(s.Ledger, s.process(role), s.Accounts(), e.reportTo, s.Log)
	e.heart = heart
	e.worker = worker.New(worker.Deps{
		Ledger:   s.Ledger,
		Files:    s.Files,
		Checker:  checker{limits},
		Fixer:    fixer{limits},
		Uploader: s.WeChat,
		Accounts: s.Accounts(),
	}, s.workerConfig(heart.Nudge))
	s.metrics.Load(e.worker.Load)
	if err := heart.Join(ctx); err != nil {
		e.worker.Close()
		return nil, err
	}
	courier := &worker.Courier{Ledger: s.Ledger, Sender: webhook.New(s.webhookConfig(), s.webhookSecrets), Ended: s.metrics.Deliveries(), Log: s.Log}
	handlers := worker.Handlers{Run: e.worker.Carry, Deliver: courier.Deliver}
	ctx, e.stop = context.WithCancel(context.WithoutCancel(ctx))
	events := make(chan struct{}, 1)
	if name := s.Config.Inbox.Producer; name != "" {
		results := &enqueue.Results{Ledger: s.elector(), Redis: s.Redis, Prefix: s.prefix(), Producer: name, Log: s.Log, News: events}
		producer, err := s.ProducerNamed(ctx, name, e.Nudge)
		if err != nil {
			e.stop()
			e.worker.Close()
			return nil, err
		}
		producer.Rates = e.actor.Rates
		inbox := &enqueue.Inbox{Producer: producer, Results: results, Log: s.Log}
		handlers.Inbox = inbox.Handle
		e.background.Go(func() { s.report("results", results.Run(ctx)) })
	}
	e.server = worker.NewServer(enqueue.Pipelined(s.Redis), handlers, s.serverConfig())
	e.background.Go(func() { heart.Run(ctx) })
	e.background.Go(func() { s.watchCredentials(ctx, heart.Rejoin) })
	if s.inboxes != nil {
		e.background.Go(func() { s.inboxes.run(ctx, heart.Nudge) })
	}
	unfollow := s.Ledger.Follow(func(news tasks.Wake) {
		e.dispatcher.Woken(news)
		e.actor.Woken(news)
		if news.Has(tasks.WakeEvents) {
			nudge(events)
		}
	})
	e.background.Go(func() {
		defer unfollow()
		s.Ledger.Listen(ctx)
		<-ctx.Done()
	})
	e.background.Go(func() { s.report("dispatcher", e.dispatcher.Run(ctx)) })
	e.background.Go(func() { s.report("janitor", s.janitor().Run(ctx)) })
	e.background.Go(func() { s.report("renewer", s.renewer().Run(ctx)) })
	e.background.Go(func() { s.report("actor", e.actor.Run(ctx)) })
	e.background.Go(func() { s.learnQuotas(ctx) })
	e.background.Go(func() { s.prober().Run(ctx) })
	e.background.Go(func() { s.holdWatch().Run(ctx) })
	if err := e.server.Start(); err != nil {
		e.stop()
		e.background.Wait()
		e.worker.Close()
		return nil, err
	}
	s.Working = true
	return e, nil
}

// nudge leaves a value in a channel that holds one.
func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // there is one
	}
}

// Shutdown takes no more work, lets what runs end or hands it back, and returns when nothing runs any more.
func (e *Engine) Shutdown(ctx context.Context) {
	e.server.Shutdown(ctx, e.worker.Drain, e.worker.Stop)
	e.stop()
	e.background.Wait()
	e.worker.Close()
}

// reportTo fills in what the fleet should know of this engine.
func (e *Engine) reportTo(p *tasks.Process) {
	if e.worker != nil {
		e.worker.Report(p)
	}
	e.stack.reportInbox(p)
}

// Nudge tells the dispatcher that there is something new to do.
func (e *Engine) Nudge() { e.dispatcher.Nudge() }

// StartIfLocked starts an engine if this process has locked the data dir. Otherwise nudge and stop do nothing.
func (s *Stack) StartIfLocked(ctx context.Context, locked bool) (nudge, stop func(), err error) {
	if !locked {
		return func() {}, func() {}, nil
	}
	e, err := s.Start(ctx, tasks.RoleRun)
	if err != nil {
		return nil, nil, err
	}
	return e.Nudge, func() { e.Shutdown(context.WithoutCancel(ctx)) }, nil
}

func (s *Stack) holdWatch() *worker.HoldWatch {
	return &worker.HoldWatch{Ledger: s.Ledger, Accounts: s.WeChat.Accounts(), Log: s.Log}
}

// prober asks WeChat again and again what each account has left of its day.
func (s *Stack) prober() *worker.Prober {
	return &worker.Prober{
		Ledger: s.elector(), Accounts: s.WeChat.Accounts(), Every: s.Config.Worker.HoldRecheck, Holder: s.Name, Log: s.Log,
		Resync: func(ctx context.Context, a tasks.Account) (int, error) {
			q, err := s.learnQuota(ctx, a)
			return q.Remain, err
		},
	}
}

// learnQuotas asks WeChat how many calls each account may make, and tells the ledger, which keeps to the lower of that and
// the settings.
func (s *Stack) learnQuotas(ctx context.Context) {
	for _, a := range s.WeChat.Accounts() {
		q, err := s.learnQuota(ctx, a)
		if err != nil {
			s.Log.Debug("how many calls an account may make is not known", "account", a.Name, "error", err)
		} else {
			s.Log.Info("upload calls, as WeChat says", "account", a.Name, "a_day", q.DailyLimit, "used_today", q.Used, "a_minute", q.PerMinute())
		}
	}
}

func (s *Stack) learnQuota(ctx context.Context, a tasks.Account) (wechat.Quota, error) {
	before, err := s.Ledger.CallsToday(ctx, a)
	if err != nil {
		return wechat.Quota{}, err
	}
	q, err := s.WeChat.Quota(ctx, a.Name)
	if err != nil {
		return q, err
	}
	return q, s.Ledger.LearnQuota(ctx, a, tasks.LearntQuota{PerMinute: q.PerMinute(), Daily: q.DailyLimit, Used: q.Used, Before: before})
}

func (s *Stack) report(part string, err error) {
	if err != nil {
		s.Log.Error("a part of this process ended", "part", part, "error", err)
	}
}

func (s *Stack) dispatcher() *enqueue.Dispatcher {
	d := enqueue.NewDispatcher(s.elector(), s.Belt)
	d.Window = tasks.Window{Bulk: s.Config.Dispatcher.Window, Interactive: s.Config.Dispatcher.Interactive}
	d.Grace = s.Config.Worker.Lease
	d.Holder = s.Name
	d.Log = s.Log
	return d
}

func (s *Stack) janitor() *enqueue.Janitor {
	j := enqueue.NewJanitor(s.elector())
	j.Retention = s.Config.Retention
	j.Holder = s.Name
	j.Log = s.Log
	return j
}

func (s *Stack) renewer() *enqueue.Renewer {
	r := enqueue.NewRenewer(s.elector())
	r.Holder = s.Name
	r.Log = s.Log
	return r
}

// Actor returns the actor of this process. It calls nudge, if not nil, when uploads were queued.
func (s *Stack) Actor(nudge func()) *enqueue.Actor {
	x := enqueue.NewActor(s.Ledger)
	x.Nudge, x.Log = nudge, s.Log
	return x
}

func (s *Stack) workerConfig(news func()) worker.Config {
	w := s.Config.Worker
	return worker.Config{
		Name:             s.Name,
		Slots:            w.Concurrency,
		InteractiveSlots: w.Interactive,
		Memory:           int64(w.Memory),
		Lease:            w.Lease,
		Retry: worker.Retry{
			Attempts: w.Attempts, Base: w.BackoffBase, Cap: w.BackoffCap,
			UnknownAttempts: w.UnknownAttempts, UnknownPause: w.UnknownPause,
		},
		Fresh:           w.FreshMargin,
		ReuseOwn:        w.Reuse == config.ReuseProducer,
		AccountHold:     w.HoldRecheck,
		AccountHoldSlow: w.HoldRecheckSlow,
		News:            news,
		Log:             s.Log,
		Observer:        s.observed,
	}
}

func (s *Stack) serverConfig() worker.ServerConfig {
	w := s.Config.Worker
	return worker.ServerConfig{
		Prefix: s.prefix(), Inbox: enqueue.InboxQueues(s.prefix()), Slots: w.Concurrency, InteractiveSlots: w.Interactive, Deliveries: w.Deliveries,
		Drain: max(w.Shutdown, time.Nanosecond), // 0s is taken at its word
		Log:   s.Log,
	}
}

func (s *Stack) webhookConfig() webhook.Config {
	return webhook.Config{
		Timeout:  s.Config.Webhook.Timeout,
		Attempts: s.Config.Webhook.Attempts,
		Allow: func(producer string) []string {
			return append(s.Config.Webhook.Allow, s.Config.Producers[producer].WebhookAllow...)
		},
		LocalLoopback: s.Embedded,
		Log:           s.Log,
	}
}
