package enqueue_test

import (
	"context"
	"log"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
)

// deployment is what runs elsewhere in the examples: a ledger, a broker, a dispatcher, and workers with some files.
type deployment struct {
	ledger     *ledger.Ledger
	redis      redis.UniversalClient
	dispatcher *enqueue.Dispatcher
	files      sync.Map // source -> media_id
	carried    atomic.Int32
	ends       []func()
}

// newDeployment builds it. The examples have no test to fail, so that whatever goes wrong ends them.
func newDeployment(files ...string) *deployment {
	t := &deployment{}
	for _, f := range files {
		t.files.Store(f, "MEDIA_OF_"+f)
	}
	dir, err := os.MkdirTemp("", "mediaferry-example-")
	must(err)
	t.onClose(func() { _ = os.RemoveAll(dir) })
	t.ledger, err = ledger.Open(context.Background(), "sqlite:"+filepath.Join(dir, "ledger.db"), ledger.Options{})
	must(err)
	t.onClose(func() { _ = t.ledger.Close() })
	must(t.ledger.Join(context.Background(), tasks.Process{Name: "example", Role: tasks.RoleRun}, []tasks.Account{{Name: "default", Realm: "example", AppID: "wx1"}}))
	broker, err := enqueue.StartEmbedded()
	must(err)
	t.onClose(broker.Close)
	t.redis = enqueue.Connect(broker.Options())
	t.onClose(func() { _ = t.redis.Close() })

	t.dispatcher = enqueue.NewDispatcher(t.ledger, enqueue.NewBelt(t.redis, ""))
	t.background(t.dispatcher.Run)
	t.serve(tasks.QueueBulk, t.work)
	t.serve(tasks.QueueInteractive, t.work)
	return t
}

func (t *deployment) onClose(end func()) { t.ends = append(t.ends, end) }

func (t *deployment) close() {
	for i := len(t.ends) - 1; i >= 0; i-- {
		t.ends[i]()
	}
}

func (t *deployment) background(run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.onClose(func() { cancel(); must(<-done) })
}

func (t *deployment) serve(queue string, handle asynq.HandlerFunc) {
	srv := asynq.NewServerFromRedisClient(t.redis, asynq.Config{
		Queues: map[string]int{queue: 1}, Concurrency: 4, LogLevel: asynq.FatalLevel, TaskCheckInterval: 10 * time.Millisecond,
	})
	must(srv.Start(handle))
	t.onClose(srv.Shutdown)
}

// work stands in for a worker: it has the media_id of each file that is there.
func (t *deployment) work(ctx context.Context, task *asynq.Task) error {
	run, err := tasks.ParseRunTask(task)
	must(err)
	claims, err := t.ledger.Claim(ctx, tasks.NewBids(run.Runs), "example", time.Minute)
	must(err)
	for _, claim := range claims {
		must(t.ledger.Finish(ctx, claim.Token, t.result(claim)))
	}
	return nil
}

func (t *deployment) result(claim tasks.Claim) tasks.Result {
	t.carried.Add(1)
	id, ok := t.files.Load(claim.Source)
	if !ok {
		return tasks.Result{State: tasks.Failed, Cause: &tasks.Error{Code: tasks.Missing}}
	}
	now, content := time.Now(), tasks.HashOf([]byte(claim.Source))
	return tasks.Result{
		State: tasks.Succeeded, Media: tasks.Media{ID: id.(string), IssuedAt: now, ExpiresAt: now.Add(72 * time.Hour)},
		Key:  tasks.MediaKey{Realm: "example", AppID: "wx1", Type: claim.Type, Hash: content},
		Read: tasks.KnownContent{Hash: content, Identity: "as ever"},
	}
}

// Stat stands in for a source.Store: all files look as ever.
func (t *deployment) Stat(_ context.Context, source string) (tasks.Entry, error) {
	return tasks.Entry{Source: source, Identity: "as ever"}, nil
}

func must(err error) {
	if err != nil {
		log.Panic(err)
	}
}
