package wire

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/metrics"
	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/worker/wechat"
)

// metricsAnswer bounds one answer of the listener for metrics.
const metricsAnswer = 30 * time.Second

// Watch shows the figures and the health of this process on metrics.listen, and stands for the process that shows those of
// the whole installation, until stop is called. e is nil in a process that does no work.
func (s *Stack) Watch(ctx context.Context, role tasks.ProcessRole, e *Engine) (stop func(), err error) {
	if s.Config.Metrics.Listen == config.MetricsOff {
		return func() {}, nil
	}
	listener, err := s.listenForMetrics(ctx)
	if err != nil {
		return nil, err
	}
	s.metrics.Build(Version(), string(role))
	ctx, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	if listener != nil || role != tasks.RoleWorker { // others show them on listen, too
		fleet := s.fleet()
		s.metrics.Fleet(fleet)
		background.Go(func() { fleet.Run(ctx) })
	}
	server := s.metricsServer(e)
	if listener != nil {
		s.Log.Info("metrics are served", "at", listener.Addr().String())
		background.Go(func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				s.report("metrics", err)
			}
		})
	}
	return func() {
		cancel()
		server.Close()
		background.Wait()
	}, nil
}

// listenForMetrics returns nil where another process on this machine has the address that nobody chose.
func (s *Stack) listenForMetrics(ctx context.Context) (net.Listener, error) {
	at := s.Config.Metrics.Listen
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at)
	if errors.Is(err, syscall.EADDRINUSE) && at == config.DefaultMetrics {
		s.Log.Warn("no metrics are served: another process has the address; set metrics.listen to another one, or to off", "address_taken", at)
		return nil, nil
	}
	if err != nil {
		return nil, exit.Usagef("metrics.listen: %w: set it (MEDIAFERRY_METRICS__LISTEN) to a free address, or to off", err)
	}
	return l, nil
}

func (s *Stack) metricsServer(e *Engine) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.Handler())
	mux.HandleFunc("GET /healthz", healthz)
	mux.Handle("GET /readyz", s.readyz(e))
	server := NewServer(mux)
	server.ReadTimeout, server.WriteTimeout = headerTime, metricsAnswer
	return server
}

func (s *Stack) fleet() *metrics.Fleet {
	f := &metrics.Fleet{Ledger: s.elector(), Every: s.Config.Metrics.Refresh, Holder: s.Name, Log: s.Log}
	if s.Belt != nil {
		f.Belt = s.Belt
	}
	return f
}

// work counts what this process's worker does.
func (s *Stack) work() *metrics.Work {
	var accounts []string
	for _, a := range s.WeChat.Accounts() {
		accounts = append(accounts, a.Name)
	}
	return s.metrics.Work(accounts, func(errcode int) bool {
		_, known := wechat.Explain(errcode)
		_, set := s.Config.WeChat.Errcodes[errcode]
		return known || set
	})
}

// elector is the ledger, and notes who leads.
func (s *Stack) elector() *elector { return &elector{s.Ledger, s.leaders} }

type elector struct {
	*ledger.Ledger
	leaders *metrics.Leaders
}

// Lead is that of the ledger.
func (e *elector) Lead(ctx context.Context, role, holder string, ttl time.Duration) (bool, error) {
	until := time.Now().Add(ttl)
	leads, err := e.Ledger.Lead(ctx, role, holder, ttl)
	if err != nil {
		return false, err
	}
	if !leads {
		until = time.Time{}
	}
	e.leaders.Elected(role, until)
	return leads, nil
}

// Resign is that of the ledger.
func (e *elector) Resign(ctx context.Context, role, holder string) error {
	e.leaders.Elected(role, time.Time{})
	return e.Ledger.Resign(ctx, role, holder)
}
