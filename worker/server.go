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

// ServerConfig is how the belt's handlers run. Every zero value means the default given with it.
type ServerConfig struct {
	Prefix string // before every queue name; default none

	Inbox []string // whole names of the queues that the inbox is served from; default Prefix and inbox

	Slots            int // uploads at once, bulk; default 64
	InteractiveSlots int // the same for interactive uploads; default 8
	Deliveries       int // webhook deliveries at once to endpoints that answer quickly; default 16. Slow ones have slots on top

	// Drain is how long a shutdown waits for what runs before it is handed back; default 30 s.
	Drain time.Duration
	Log   *slog.Logger // default: discard
}

// slowPerQuick is how many deliveries to slow endpoints may be under way for each quick one: they only wait, and many
// slow endpoints must not wait for each other.
const slowPerQuick = 4

// pollInterval is how often an empty queue is looked at. With asynq's own interval, a second, a task starts half a
// second late on average.
const pollInterval = 50 * time.Millisecond

// Handlers is what is done with the tasks of each type. Nil leaves out the queue of that type.
type Handlers struct {
	Run     func(context.Context, tasks.RunPayload) error
	Deliver func(context.Context, tasks.DeliverPayload) error
	Inbox   asynq.HandlerFunc
}

// Server takes tasks off the belt. Interactive uploads, bulk uploads, those that run alone, and webhook deliveries each
// have a server of their own within it, so that one kind can't hold another's slots.
type Server struct {
	cfg     ServerConfig
	servers []*asynq.Server
	mux     *asynq.ServeMux
	log     *asynqLog
	running inFlight
}

// NewServer makes a server over rdb, which stays the caller's to close.
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
		// What a dead worker left behind overtakes a long belt, without stopping it where it is the cause of the deaths.
		bulk := map[string]int{c.Prefix + tasks.QueueAgain: 10, c.Prefix + tasks.QueueBulk: 10}
		if h.Inbox != nil {
			for _, queue := range c.inboxQueues() {
				bulk[queue] = 1
			}
		}
		s.add(rdb, tasks.TasksPerSlot*c.Slots, bulk)
		s.add(rdb, tasks.TasksPerSlot*c.InteractiveSlots, map[string]int{c.Prefix + tasks.QueueInteractive: 1})
		// One runs and one is ready to go on with its slots. More would only wait, and go down with this process.
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
		// A handler's error means that the ledger was away: no failure of the task, and soon to be asked again.
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

// retryDelay is how long a task waits whose handler returned an error: as long as the error asks for, as one of the inbox
// whose producer has used up its budget.
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

// handBackTime is what handlers get to hand back in the ledger once they were told to stop.
const handBackTime = 10 * time.Second

// Shutdown takes no more tasks, lets those that run end within the time to drain, calls stop, which must make the
// rest return, and waits for them. Only then are asynq's servers closed: they would give a task that still runs to
// another worker before it has let go.
func (s *Server) Shutdown(ctx context.Context, stop func()) {
	for _, server := range s.servers {
		server.Stop()
	}
	drain, cancel := context.WithTimeout(ctx, s.cfg.Drain)
	defer cancel()
	s.running.wait(drain)
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
	zero chan struct{} // not nil while somebody waits
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
