package enqueue

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
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
	results := &Results{Ledger: p.ledger, Redis: p.redis, Prefix: "staging:", Producer: "shop"}
	p.inbox = &Inbox{Producer: &Producer{Ledger: p.ledger, Name: "shop"}, Results: results}
	p.client = asynq.NewClientFromRedisClient(p.redis)
	p.serve(p.inbox.Handle)
	return p
}

// serve hands out what comes, as a worker does.
func (p *post) serve(handle asynq.HandlerFunc) {
	p.t.Helper()
	srv := asynq.NewServerFromRedisClient(p.redis, asynq.Config{
		Concurrency: 2, Queues: map[string]int{"inbox": 1}, LogLevel: asynq.FatalLevel, TaskCheckInterval: 5 * time.Millisecond,
	})
	if err := srv.Start(handle); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(srv.Shutdown)
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
		text, err := p.redis.Get(p.t.Context(), "staging:result:"+externalID).Bytes()
		return err == nil && json.Unmarshal(text, &o) == nil
	})
	return o
}

func (p *post) refused(n int) []tasks.Outcome {
	p.t.Helper()
	var texts []string
	taskstest.Until(p.t, "a refusal is recorded", func() bool {
		texts, _ = p.redis.LRange(p.t.Context(), "staging:refused", 0, -1).Result()
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

func (awayLedger) Submit(context.Context, tasks.Submission) (tasks.Accepted, error) {
	return tasks.Accepted{}, errAway
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
		ttl := p.redis.TTL(t.Context(), "staging:result:mine").Val()
		if ttl > 72*time.Hour || ttl < 71*time.Hour {
			t.Errorf("it is kept for %v, want three days", ttl)
		}
		if n := p.redis.Exists(t.Context(), "staging:result:foreign").Val(); n != 0 {
			t.Error("another producer's outcome was written")
		}
		if err := p.redis.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// written counts the events that are read for results.
type written struct {
	*ledger.Ledger
	mu     sync.Mutex
	events []tasks.Event
}

func (w *written) Events(ctx context.Context, f tasks.EventFilter) (tasks.EventPage, error) {
	page, err := w.Ledger.Events(ctx, f)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, page.Events...)
	return page, err
}

// After all of Redis was lost, what is read again is what lay there: nothing older, and nothing of others.
func TestAWipedRedisCostsWhatLayThere(t *testing.T) {
	t.Parallel()
	var back atomic.Int64
	l, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{Now: func() time.Time { return time.Now().Add(-time.Duration(back.Load())) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	for _, age := range []time.Duration{20 * 24 * time.Hour, 10 * 24 * time.Hour, 0} {
		back.Store(int64(age))
		for _, name := range []string{"shop", "other"} {
			for i := range 3 {
				p := &Producer{Ledger: l, Name: name}
				if _, err := p.Submit(t.Context(), tasks.Upload{ExternalID: fmt.Sprintf("%s-%d", age, i), Source: "a.jpg", Type: tasks.Image}); err != nil {
					t.Fatal(err)
				}
			}
		}
		failAll(t, l)
	}
	w := &written{Ledger: l}
	p := &post{t: t, ledger: l, redis: realRedis(t)}
	p.inbox = &Inbox{Results: &Results{Ledger: w, Redis: p.redis, Prefix: "staging:", Producer: "shop"}}
	p.follow()
	p.result("0s-2")
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.events) != 3 {
		t.Errorf("%d events were read, want 3", len(w.events))
	}
	for _, e := range w.events {
		if e.Producer != "shop" || time.Since(e.Time) > resultTTL {
			t.Errorf("an event of %s from %s was read", e.Producer, e.Time)
		}
	}
}

// The inbox holds its producer to its rights, as every other way in does, and to its rate and budget.
func TestInboxHoldsTheRights(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	if err := p.ledger.Join(t.Context(), tasks.Process{Name: "test", Role: tasks.RoleRun}, []tasks.Account{{Name: "a1", Realm: "r", AppID: "wx1"}, {Name: "a2", Realm: "r", AppID: "wx2"}}); err != nil {
		t.Fatal(err)
	}
	p.inbox.Producer.Rights = tasks.Rights{Accounts: []string{"a1", "nope"}, Sources: []string{"in/"}, CallbackHosts: []string{"hooks.example.com"}, BulkOnly: true}
	p.inbox.Producer.Accounts = NewAccounts(nil, p.ledger)
	want := map[string]string{
		"account":      `may not submit to "a2"`,
		"default":      `may not submit to "default"`,
		"unknown":      `there is no account "nope"`,
		"source":       "may not submit from there",
		"bucket":       "may not submit from there",
		"foreign file": "no such file in this producer's inbox",
		"callback":     "may not name the host",
		"priority":     "bulk uploads only",
	}
	for name, payload := range map[string]string{
		"account":      `"account":"a2","source":"in/a.jpg"`,
		"default":      `"source":"in/a.jpg"`,
		"unknown":      `"account":"nope","source":"in/a.jpg"`,
		"source":       `"account":"a1","source":"out/a.jpg"`,
		"bucket":       `"account":"a1","source":"s3://media/a.jpg"`,
		"foreign file": `"account":"a1","source":"inbox:x/rival/f/a.jpg"`,
		"callback":     `"account":"a1","source":"in/a.jpg","callback_url":"https://evil.example/x"`,
		"priority":     `"account":"a1","source":"in/a.jpg","priority":"interactive"`,
		"good":         `"account":"a1","source":"in/a.jpg","callback_url":"https://hooks.example.com/x"`,
	} {
		p.send(asynq.NewTask(tasks.TypeUpload, []byte(`{"v":1,"type":"image","external_id":"`+name+`",`+payload+`}`)))
	}
	got := map[string]string{}
	for _, o := range p.refused(len(want)) {
		got[o.ExternalID] = o.Reason
	}
	for name, words := range want {
		if !strings.Contains(got[name], words) {
			t.Errorf("%s: refused with %q, want %q", name, got[name], words)
		}
	}
	p.accepted("good")
}

// A task beyond the producer's rate or budget stays in Redis until it may be accepted.
func TestInboxHoldsRateAndBudget(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, rights := range map[string]tasks.Rights{"rate": {RatePerMinute: 1}, "budget": {DailyBudget: 1}} {
		in := &Inbox{Producer: &Producer{Ledger: openLedger(t), Name: "shop", Rights: rights, Rates: NewRates(func() time.Time { return now })}}
		for i, want := range []tasks.Code{"", tasks.TooMany} {
			u := picture(i)
			task, err := tasks.NewUploadTask(u)
			if err != nil {
				t.Fatal(err)
			}
			err = in.Handle(t.Context(), task)
			if tasks.CodeOf(err) != want || want != "" && tasks.AsError(err).RetryAfter <= 0 {
				t.Errorf("%s: upload %d: %v, want %q", name, i, err, want)
			}
		}
	}
}

// What a payload calls itself is what its refusal is found under, whatever else is wrong with it.
func TestARefusedPayloadIsFoundByItsName(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]string{
		"no version":    `{"external_id":"order-1","source":"a.jpg","type":"image"}`,
		"a later one":   `{"external_id":"order-1","v":2,"source":"a.jpg","type":"image"}`,
		"unknown field": `{"v":1,"sauce":1,"external_id":"order-1"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPost(t)
			p.send(asynq.NewTask(tasks.TypeUpload, []byte(payload)))
			if o := p.result("order-1"); o.Code != tasks.Invalid || o.State != tasks.Failed {
				t.Errorf("%+v", o)
			}
		})
	}
}

func TestInboxNames(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]struct{ queues, key string }{
		"":            {"inbox mediaferry:inbox", "mediaferry:result:x"},
		DefaultPrefix: {"inbox mediaferry:inbox", "mediaferry:result:x"},
		"staging:":    {"staging:inbox", "staging:result:x"},
	} {
		if got := strings.Join(InboxQueues(prefix), " "); got != want.queues {
			t.Errorf("prefix %q: the queues are %s", prefix, got)
		}
		if got := (&Results{Prefix: prefix}).Key("x"); got != want.key {
			t.Errorf("prefix %q: the key is %s", prefix, got)
		}
	}
}

// What the README shows for producers in any language is taken, as they write it: by plain commands of Redis.
func TestInboxTakesWhatTheReadmeShows(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "### With nothing but Redis")
	_, rest, _ = strings.Cut(rest, "```json\n")
	payload, _, found := strings.Cut(rest, "\n```")
	if !found {
		t.Fatal("there is no payload")
	}
	p := newPost(t)
	id := uuid.NewString()
	var msg []byte
	text := func(field byte, s string) {
		msg = append(msg, field<<3|2)
		msg = binary.AppendUvarint(msg, uint64(len(s)))
		msg = append(msg, s...)
	}
	number := func(field byte, n uint64) { msg = binary.AppendUvarint(append(msg, field<<3), n) }
	text(1, tasks.TypeUpload)
	text(2, payload)
	text(3, id)
	text(4, "inbox")
	number(5, 25)
	number(8, 1800)
	for _, cmd := range [][]any{
		{"SADD", "asynq:queues", "inbox"},
		{"HSET", "asynq:{inbox}:t:" + id, "msg", msg, "state", "pending", "pending_since", time.Now().UnixNano()},
		{"LPUSH", "asynq:{inbox}:pending", id},
	} {
		if err := p.redis.Do(t.Context(), cmd...).Err(); err != nil {
			t.Fatal(cmd, err)
		}
	}
	if o := p.accepted("order-7/front"); o.Source != "shop/f00000.jpg" || string(o.Metadata) != `{"order":7}` {
		t.Errorf("%+v", o)
	}
}

// Tasks in a queue that no live process serves are found, whatever its prefix; other programs' queues are not our matter.
func TestUnservedQueues(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	task, err := tasks.NewUploadTask(tasks.Upload{Source: "a.jpg", Type: tasks.Image})
	if err != nil {
		t.Fatal(err)
	}
	for _, queue := range []string{"other:inbox", "other:inbox", "emails", "inbox"} {
		if _, err := p.client.Enqueue(task, asynq.Queue(queue)); err != nil {
			t.Fatal(err)
		}
	}
	belt := NewBelt(p.redis, DefaultPrefix)
	var found []UnservedQueue
	taskstest.Until(t, "the server of the inbox is known", func() bool {
		found, err = belt.Unserved(t.Context())
		return err != nil || len(found) == 1
	})
	if err != nil || found[0] != (UnservedQueue{"other:inbox", 2}) {
		t.Errorf("%+v, %v", found, err)
	}
}
