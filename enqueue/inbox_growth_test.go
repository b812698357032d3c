package enqueue

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// grown is what a producer has made grow through the inbox.
type grown struct {
	rows    map[string]int // of the ledger, by table
	results int            // keys of results in Redis
	refused int            // in the list of refusals
	bytes   int64          // of both
	heap    int64          // bytes in use
}

func (p *post) grown(file string) grown {
	p.t.Helper()
	ctx := p.t.Context()
	g := grown{rows: map[string]int{}}
	db, err := sql.Open("sqlite", file)
	p.ok(err)
	defer db.Close()
	names, err := db.QueryContext(ctx, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
	p.ok(err)
	defer names.Close()
	var tables []string
	for names.Next() {
		var table string
		p.ok(names.Scan(&table))
		tables = append(tables, table)
	}
	p.ok(names.Err())
	for _, table := range tables {
		var n int
		p.ok(db.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&n))
		g.rows[table] = n
	}
	keys, err := p.redis.Keys(ctx, "staging:*").Result()
	p.ok(err)
	for _, key := range keys {
		if strings.HasPrefix(key, "staging:result:") {
			g.results++
		}
		n, err := p.redis.MemoryUsage(ctx, key, 0).Result()
		p.ok(err)
		g.bytes += n
	}
	refused, err := p.redis.LLen(ctx, "staging:refused").Result()
	p.ok(err)
	g.refused = int(refused)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	g.heap = int64(m.HeapAlloc)
	return g
}

func (p *post) ok(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// With a tight key nothing in the ledger, among the results in Redis, among the webhooks or in memory grows faster than
// its budget, whatever comes through the inbox: uploads, the same ones again, conflicts, and what is refused. It does not
// run beside others, whose memory it would measure.
func TestATightInboxMakesNothingGrow(t *testing.T) {
	const (
		budget = 4
		many   = 50
		big    = 16 << 20
	)
	for name, rights := range map[string]tasks.Rights{
		"by rate":       {RatePerMinute: budget},
		"by budget":     {DailyBudget: budget},
		"by both":       {RatePerMinute: budget, DailyBudget: budget},
		"one by minute": {RatePerMinute: 1},
	} {
		most := max(rights.RatePerMinute, rights.DailyBudget)
		file := filepath.Join(t.TempDir(), "ledger.db")
		l, err := ledger.Open(t.Context(), "sqlite:"+file, ledger.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		p := &post{t: t, ledger: l, redis: realRedis(t)}
		now := time.Now() // and no rate comes back
		p.inbox = &Inbox{
			Producer: &Producer{Ledger: l, Name: "shop", Rights: rights, CallbackURL: "https://hooks.example.com/x", Rates: NewRates(func() time.Time { return now })},
			Results:  &Results{Ledger: l, Redis: p.redis, Prefix: "staging:", Producer: "shop"},
		}
		p.client = asynq.NewClientFromRedisClient(p.redis)
		for i := range many {
			long := strings.Repeat("x", 60<<10)
			name := fmt.Sprintf(`"external_id":"e%d"`, i)
			for kind, payload := range map[string]string{
				"good":     `{"v":1,"type":"image","source":"a.jpg",` + name + `}`,
				"same":     `{"v":1,"type":"image","source":"a.jpg","external_id":"same"}`,
				"conflict": `{"v":1,"type":"image","source":"` + fmt.Sprint(i) + `.jpg","external_id":"same"}`,
				"refused":  `{"v":1,"type":"image","source":"/etc/passwd",` + name + `}`,
				"unknown":  `{"v":1,"` + long + `":1,` + name + `}`,
				"no JSON":  `{`,
			} {
				p.send(asynq.NewTask(tasks.TypeUpload, []byte(payload)), asynq.TaskID(fmt.Sprint(kind, i)))
			}
		}
		before := p.grown(file)
		var handled, peak atomic.Int64
		p.serve(func(ctx context.Context, task *asynq.Task) error {
			err := p.inbox.Handle(ctx, task)
			if handled.Add(1)%20 == 0 {
				runtime.GC() // what is garbage grows nothing
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak.Store(max(peak.Load(), int64(m.HeapAlloc)))
			}
			return err
		})
		taskstest.Until(t, "every task was looked at", func() bool { return handled.Load() >= 6*many })
		after := p.grown(file)

		stored := after.rows["uploads"] - before.rows["uploads"]
		if paid := stored + after.refused; paid > most || paid == 0 {
			t.Errorf("%s: %d uploads and %d refusals, and %d are paid for", name, stored, after.refused, most)
		}
		if after.results > most {
			t.Errorf("%s: %d results", name, after.results)
		}
		for table, n := range after.rows {
			if n -= before.rows[table]; n > 8*budget {
				t.Errorf("%s: %s has %d rows more", name, table, n)
			}
		}
		if n := after.rows["deliveries"]; n > most {
			t.Errorf("%s: %d webhooks", name, n)
		}
		if limit := int64(2 * most * (tasks.MaxPayload + 1<<10)); after.bytes > limit {
			t.Errorf("%s: %d bytes of results in Redis, at most %d are paid for", name, after.bytes, limit)
		}
		if n := peak.Load() - before.heap; n > big {
			t.Errorf("%s: %d KiB more memory", name, n>>10)
		}
		t.Logf("%s: rows %v, %d results and %d refusals of %d bytes, %d KiB more at most", name, after.rows, after.results, after.refused, after.bytes, (peak.Load()-before.heap)>>10)
	}
}

// A Conflict was taken from the rate before the ledger found it: with one upload a minute it is refused, not handed out for ever.
func TestInboxRefusesAConflictAtOneAMinute(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l := openLedger(t)
	redis := realRedis(t)
	in := &Inbox{
		Producer: &Producer{Ledger: l, Name: "shop", Rights: tasks.Rights{RatePerMinute: 1}, Rates: NewRates(func() time.Time { return now })},
		Results:  &Results{Ledger: l, Redis: redis, Prefix: "staging:", Producer: "shop"},
	}
	for i := range 2 {
		u := picture(i)
		u.ExternalID = "order-1"
		task, err := tasks.NewUploadTask(u)
		if err != nil {
			t.Fatal(err)
		}
		if err := in.Handle(t.Context(), task); err != nil {
			t.Errorf("upload %d: %v", i, err)
		}
		now = now.Add(time.Minute)
	}
	if n := redis.LLen(t.Context(), "staging:refused").Val(); n != 1 {
		t.Errorf("%d refusals, want the conflict", n)
	}
}
