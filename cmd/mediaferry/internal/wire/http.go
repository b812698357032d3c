package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/netutil"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker"
)

// The limits of every connection. A slow client is cut off.
const (
	headerTime = 10 * time.Second
	idleTime   = 2 * time.Minute
	stopTime   = 10 * time.Second

	headerBytes = 32 << 10

	maxConnections = 10_000
)

// connections is how many clients may be connected at once: half of the files that this process may open, since the other
// half is for its work. Those beyond wait to be let in.
func connections() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return maxConnections / 10
	}
	return int(min(files.Cur/2, maxConnections))
}

// NewServer makes a server that cuts off slow clients.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: headerBytes}
}

// Serve answers HTTP until ctx ends, which is no error, however early it comes. e is nil in a process that does no work.
func (s *Stack) Serve(ctx context.Context, e *Engine) error {
	err := s.serve(ctx, e)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (s *Stack) serve(ctx context.Context, e *Engine) error {
	inbox, err := s.openInbox()
	if err != nil {
		return err
	}
	actor := s.Actor(nil)
	if e != nil {
		actor = e.actor
	}
	door, pages, err := s.newAPI(ctx, e, actor, inbox)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Config.Listen)
	if err != nil {
		return exit.Usagef("listen: %w: set listen (MEDIAFERRY_LISTEN) to a free address", err)
	}
	s.inbox.Store(&tasks.InboxPlace{ID: inbox.ID(), URL: s.inboxURL(ctx, listener.Addr())})
	listener = netutil.LimitListener(listener, connections())
	server := NewServer(door)
	server.RegisterOnShutdown(door.Close) // event streams would never end
	server.RegisterOnShutdown(pages.Close)
	ctx, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	background.Go(func() { s.cleanInbox(ctx, inbox) })
	defer s.Ledger.Follow(door.Woken)()
	if e == nil {
		defer s.Ledger.Follow(actor.Woken)()
		background.Go(func() { s.Ledger.Listen(ctx) })
		heart := worker.NewHeartbeater(s.Ledger, s.process(tasks.RoleServe), nil, s.reportInbox, s.Log)
		if err := heart.Join(ctx); err != nil {
			cancel()
			return errors.Join(err, listener.Close())
		}
		background.Go(func() { heart.Run(ctx) })
		background.Go(func() { s.report("actor", actor.Run(ctx)) })
		background.Go(func() { s.watchCredentials(ctx, nil) })
	} else {
		e.heart.Nudge()
	}
	defer background.Wait()
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.serveOn(server, listener) }()
	s.Log.Info("listening", "address", listener.Addr().String())
	if s.Listening != nil {
		s.Listening(listener.Addr().String())
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer done()
	if err := server.Shutdown(stop); err != nil {
		server.Close()
	}
	return nil
}

func (s *Stack) serveOn(server *http.Server, l net.Listener) error {
	var err error
	if t := s.Config.TLS; t.CertFile != "" {
		err = server.ServeTLS(l, t.CertFile, t.KeyFile)
	} else {
		err = server.Serve(l)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// ready reports whether this process can do its work: the ledger answers, the storage is there, and so is the belt.
func (s *Stack) ready(ctx context.Context, e *Engine) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := s.Ledger.Ping(ctx); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if e == nil {
		return nil
	}
	if err := s.Redis.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("belt: %w", err)
	}
	return s.Files.Ready(ctx)
}
