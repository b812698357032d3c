package enqueue

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// post is an inbox between a real ledger and a real Redis, and asynq handing it what comes.
type post struct {
	t      *testing.T
	ledger *ledger.Ledger
	redis  redis.UniversalClient
	inbox  *Inbox
	client *asynq.Client // of a producer that has nothing else
}

func newPost(t *testing.T) *post {
	t.Helper()
	p := &post{t: t, ledger: openLedger(t), redis: realRedis(t)}
	results := &Results{Ledger: p.ledger, Redis: p.redis, Prefix: "staging-", Producer: "shop"}
	p.inbox = &Inbox{Producer: &Producer{Ledger: p.ledger, Name: "shop"}, Results: results}
	p.client = asynq.NewClientFromRedisClient(p.redis)
	srv := asynq.NewServerFromRedisClient(p.redis, asynq.Config{
		Concurrency: 2, Queues: map[string]int{"inbox": 1}, LogLevel: asynq.FatalLevel, TaskCheckInterval: 5 * time.Millisecond,
	})
	if err := srv.Start(asynq.HandlerFunc(p.inbox.Handle)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Shutdown)
	return p
}

func (p *post) send(task *asynq.Task, opts ...asynq.Option) {
	p.t.Helper()
	if _, err := p.client.Enqueue(task, append(opts, asynq.Queue("inbox"))...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *post) sendUpload(externalID, source string, opts ...asynq.Option) {
	p.t.Helper()
	task, err := tasks.NewUploadTask(tasks.Upload{ExternalID: externalID, Source: source, Type: tasks.Image, Account: "default"})
	if err != nil {
		p.t.Fatal(err)
	}
	p.send(task, opts...)
}

func (p *post) accepted(externalID string) tasks.Outcome {
	p.t.Helper()
	var o tasks.Outcome
	taskstest.Until(p.t, " is accepted", func() bool {
		var err error
		o, err = p.ledger.Find(p.t.Context(), "shop", externalID)
		return err == nil
	})
	return o
}

func (p *post) result(externalID string) tasks.Outcome {
	p.t.Helper()
	var o tasks.Outcome
	taskstest.Until(p.t, " has a result", func() bool {
		text, err := p.redis.Get(p.t.Context(), "staging-mediaferry:result:"+externalID).Bytes()
		return err == nil && json.Unmarshal(text, &o) == nil
	})
	return o
}

func (p *post) refused(n int) []tasks.Outcome {
	p.t.Helper()
	var texts []string
	taskstest.Until(p.t, "a refusal is recorded", func() bool {
		texts, _ = p.redis.LRange(p.t.Context(), "staging-mediaferry:refused", 0, -1).Result()
		return len(texts) == n
	})
	out := make([]tasks.Outcome, n)
	for i, text := range texts {
		if err := json.Unmarshal([]byte(text), &out[i]); err != nil {
			p.t.Fatal(err)
		}
	}
	return out
}

func (p *post) follow() {
	ctx, cancel := context.WithCancel(p.t.Context())
	done := make(chan error, 1)
	go func() { done <- p.inbox.Results.Run(ctx) }()
	p.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			p.t.Error(err)
		}
	})
}

func TestInboxAcceptsForItsProducer(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	p.sendUpload("order-1", "a.jpg")
	o := p.accepted("order-1")
	want := tasks.Outcome{ID: o.ID, ExternalID: "order-1", Producer: "shop", Account: "default", Type: tasks.Image, Source: "a.jpg",
		Filename: "a.jpg", State: tasks.Queued, Round: 1, Submitted: o.Submitted}
	if diff := cmp.Diff(want, o, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("accepted (-want +got):\n%s", diff)
	}
}

func TestInboxNamesAnUploadByItsTask(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	p.sendUpload("", "a.jpg", asynq.TaskID("task-7"))
	p.accepted("task-7")
}

func TestInboxTakesATaskOnceThatComesTwice(t *testing.T) {
	t.Parallel()
	l := openLedger(t)
	in := &Inbox{Producer: &Producer{Ledger: l, Name: "shop"}}
	task, err := tasks.NewUploadTask(tasks.Upload{ExternalID: "one", Source: "a.jpg", Type: tasks.Image, Account: "default"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := in.Handle(t.Context(), task); err != nil {
			t.Error(err)
		}
	}
	if page, _, err := l.List(t.Context(), tasks.Filter{}); err != nil || len(page) != 1 {
		t.Errorf("%d uploads, %v; want 1", len(page), err)
	}
}

func TestInboxRefusesWithARecord(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		payload string
		code    tasks.Code
		says    string
		named   string // the result's name
	}{
		"no JSON":       {`{`, tasks.Invalid, "decode media:upload", "task-1"},
		"no such field": {`{"v":1,"sauce":"a.jpg"}`, tasks.Invalid, "sauce", "task-1"},
		"a way out":     {`{"v":1,"external_id":"x","source":"/etc/passwd","type":"image","account":"a"}`, tasks.Denied, "absolute", "x"},
		"a local file":  {`{"v":1,"external_id":"x","source":"file:///etc#passwd","type":"image","account":"a"}`, tasks.Denied, "command line", "x"},
		"a long name": {`{"v":1,"external_id":"` + strings.Repeat("x", 300) + `","source":"a.jpg","type":"image","account":"a"}`,
			tasks.Invalid, "external_id", "task-1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPost(t)
			p.send(asynq.NewTask(tasks.TypeUpload, []byte(test.payload)), asynq.TaskID("task-1"))
			got := p.refused(1)[0]
			if got.Code != test.code || got.State != tasks.Failed || !strings.Contains(got.Reason, test.says) {
				t.Errorf("refused %+v, want %s about %q", got, test.code, test.says)
			}
			if diff := cmp.Diff(got, p.result(test.named)); diff != "" {
				t.Errorf("its result is not what was recorded (-recorded +result):\n%s", diff)
			}
			taskstest.Until(t, "asynq is done with the task", func() bool {
				_, err := asynq.NewInspectorFromRedisClient(p.redis).GetTaskInfo("inbox", "task-1")
				return errors.Is(err, asynq.ErrTaskNotFound)
			})
		})
	}
}

func TestInboxLeavesTheFirstRequestItsResult(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	p.sendUpload("order-1", "a.jpg")
	p.accepted("order-1")
	p.sendUpload("order-1", "b.jpg")
	if got := p.refused(1)[0]; got.Code != tasks.Conflict || got.Source != "b.jpg" {
		t.Errorf("refused %+v, want a conflict about b.jpg", got)
	}
	p.follow()
	failAll(t, p.ledger)
	if got := p.result("order-1"); got.Source != "a.jpg" || got.Code != tasks.Missing {
		t.Errorf("the result of order-1 is %+v, want that of a.jpg", got)
	}
}

// awayLedger accepts nothing.
type awayLedger struct{ *ledger.Ledger }

func (awayLedger) Accept(context.Context, []tasks.Upload) ([]tasks.Receipt, error) {
	return nil, errAway
}

func TestInboxAsksForARetryWhileTheLedgerIsAway(t *testing.T) {
	t.Parallel()
	in := &Inbox{Producer: &Producer{Ledger: awayLedger{}}}
	u := picture(1)
	u.Account = "default"
	task, err := tasks.NewUploadTask(u)
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Handle(t.Context(), task); tasks.CodeOf(err) != tasks.Unavailable {
		t.Errorf("Handle: %v, want Unavailable", err)
	}
}

func TestResultsOutliveAWipedRedis(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	p.sendUpload("mine", "a.jpg")
	p.accepted("mine")
	other := &Producer{Ledger: p.ledger, Name: "other"}
	if _, err := other.Submit(t.Context(), tasks.Upload{ExternalID: "foreign", Source: "b.jpg", Type: tasks.Image}); err != nil {
		t.Fatal(err)
	}
	failAll(t, p.ledger)
	p.follow()
	for range 2 {
		got := p.result("mine")
		want := p.accepted("mine")
		want.History = nil
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("result (-ledger +redis):\n%s", diff)
		}
		ttl := p.redis.TTL(t.Context(), "staging-mediaferry:result:mine").Val()
		if ttl > 72*time.Hour || ttl < 71*time.Hour {
			t.Errorf("it is kept for %v, want three days", ttl)
		}
		if n := p.redis.Exists(t.Context(), "staging-mediaferry:result:foreign").Val(); n != 0 {
			t.Error("another producer's outcome was written")
		}
		if err := p.redis.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
}
