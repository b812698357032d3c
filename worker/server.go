package worker

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/tasks"
)

// ServerConfig has the settings of a Server. A zero value means the default beside it.
type ServerConfig struct {
	Prefix string // of every queue name; default empty

	Inbox []string // whole names of the inbox's queues; default Prefix and inbox

	Slots            int // uploads at once, bulk; default 64
	InteractiveSlots int // the same for interactive uploads; default 8
	Deliveries       int // webhook deliveries at once to endpoints that answer quickly; default 16. Slow ones have slots on top

	// Drain is the time that a shutdown waits for running uploads before they are handed back; default 30 s.
	Drain time.Duration
	Log   *slog.Logger // default: discard
}

// slowPerQuick is the number of slots for slow endpoints for each slot for quick ones. Slow deliveries only wait, and many
// slow endpoints must not wait for each other.
const slowPerQuick = 4

// pollInterval is the time between two looks into an empty queue. With asynq's own interval, a second, a task starts half
// a second late on average.
const pollInterval = 50 * time.Millisecond

// Handlers handle the tasks of each type. Nil leaves out the queue of that type.
type Handlers struct {
	Run     func(context.Context, tasks.RunPayload) error
	Deliver func(context.Context, tasks.DeliverPayload) error
	Inbox   asynq.HandlerFunc
}

// Server takes tasks off the belt. It has one asynq server each for interactive uploads, bulk uploads, uploads that run
// alone, and webhook deliveries, so that one kind can't take the slots of another.
type Server struct {
	cfg     ServerConfig
	servers []*asynq.Server
	mux     *asynq.ServeMux
	log     *asynqLog
	running inFlight
}

// NewServer makes a server on rdb. The caller closes rdb.
func NewServer(rdb redis.UniversalClient, h Handlers, c ServerConfig) *Server {
	c.Slots = cmp.Or(c.Slots, 64)
	c.InteractiveSlots = cmp.Or(c.InteractiveSlots, 8)
	c.Deliveries = cmp.Or(c.Deliveries, 16)
	c.Drain = cmp.Or(c.Drain, 30*time.Second)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	s := &Server{cfg: c, log: newAsynqLog(c.Log)}
	s.mux = NewMux(h)
	s.mux.Use(s.running.middleware)
	if h.Run != nil {
		// Uploads that a dead worker left behind overtake a long belt. If they cause deaths, the others still go on.
		bulk := map[string]int{c.Prefix + tasks.QueueAgain: 10, c.Prefix + tasks.QueueBulk: 10}
		if h.Inbox != nil {
			for _, queue := range c.inboxQueues() {
				bulk[queue] = 1
			}
		}
		s.add(rdb, tasks.TasksPerSlot*c.Slots, bulk)
		s.add(rdb, tasks.TasksPerSlot*c.InteractiveSlots, map[string]int{c.Prefix + tasks.QueueInteractive: 1})
		// One runs and one is ready to take its slots. More would only wait, and be lost with this process.
		s.add(rdb, 2, map[string]int{c.Prefix + tasks.QueueAlone: 1})
	}
	if h.Deliver != nil {
		s.add(rdb, c.Deliveries, map[string]int{c.Prefix + tasks.QueueWebhook: 1})
		s.add(rdb, slowPerQuick*c.Deliveries, map[string]int{c.Prefix + tasks.QueueWebhookSlow: 1})
	}
	return s
}

func (s *Server) add(rdb redis.UniversalClient, concurrency int, queues map[string]int) {
	s.servers = append(s.servers, asynq.NewServerFromRedisClient(rdb, asynq.Config{
		Concurrency:              concurrency,
		Queues:                   queues,
		TaskCheckInterval:        pollInterval,
		DelayedTaskCheckInterval: time.Second,
		ShutdownTimeout:          s.cfg.Drain + handBackTime,
		// A handler's error means that the ledger was away. The task did not fail, and comes again soon.
		IsFailure:      func(error) bool { return false },
		RetryDelayFunc: retryDelay,
		Logger:         s.log,
		LogLevel:       asynq.WarnLevel,
	}))
}

func (c ServerConfig) inboxQueues() []string {
	if len(c.Inbox) > 0 {
		return c.Inbox
	}
	return []string{c.Prefix + tasks.QueueInbox}
}

// retryDelay returns the delay of a task whose handler returned an error. An error may ask for a longer one, as the error of
// an inbox task whose producer has used up its budget.
func retryDelay(_ int, err error, _ *asynq.Task) time.Duration {
	return max(time.Second, tasks.AsError(err).RetryAfter)
}

// Start begins to take tasks.
func (s *Server) Start() error {
	for i, server := range s.servers {
		if err := server.Start(s.mux); err != nil {
			for _, started := range s.servers[:i] {
				started.Shutdown()
			}
			return fmt.Errorf("start asynq server: %w", err)
		}
	}
	return nil
}

// handBackTime is the time that handlers get to hand back uploads after Stop.
const handBackTime = 10 * time.Second

// Shutdown stops taking tasks and calls drain, which must make those return that have sent nothing yet. It waits for the
// others for the time to drain. Then it calls stop, which must make the rest return, and waits for them. It closes
// asynq's servers last: they would give a running task to another worker
// before this one has handed it back.
func (s *Server) Shutdown(ctx context.Context, drain, stop func()) {
	for _, server := range s.servers {
		server.Stop()
	}
	drain()
	draining, cancel := context.WithTimeout(ctx, s.cfg.Drain)
	defer cancel()
	s.running.wait(draining)
	stop()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), handBackTime)
	defer cancel()
	s.running.wait(end)
	var closing sync.WaitGroup
	for _, server := range s.servers {
		closing.Go(server.Shutdown)
	}
	closing.Wait()
}

// inFlight counts handlers that run.
type inFlight struct {
	mu   sync.Mutex
	n    int
	zero chan struct{} // not nil while wait waits
}

func (f *inFlight) middleware(next asynq.Handler) asynq.Handler {
	return asynq.HandlerFunc(func(ctx context.Context, t *asynq.Task) error {
		f.add(1)
		defer f.add(-1)
		return next.ProcessTask(ctx, t)
	})
}

func (f *inFlight) add(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n += n
	if f.n == 0 && f.zero != nil {
		close(f.zero)
		f.zero = nil
	}
}

// wait returns when no handler runs, or ctx ends.
func (f *inFlight) wait(ctx context.Context) {
	f.mu.Lock()
	if f.n == 0 {
		f.mu.Unlock()
		return
	}
	if f.zero == nil {
		f.zero = make(chan struct{})
	}
	zero := f.zero
	f.mu.Unlock()
	select {
	case <-zero:
	case <-ctx.Done():
	}
}
