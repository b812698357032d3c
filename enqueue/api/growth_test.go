package api_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite" // counts the ledger's rows

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// grown is what a producer has made grow.
type grown struct {
	rows     map[string]int // of the ledger, by table
	webhooks int
	inbox    int64 // bytes
	files    int
	heap     int64 // bytes in use
}

// grown measures a plant with an inbox in dir.
func (p *plant) grown(dir string) grown {
	p.Helper()
	g := grown{rows: map[string]int{}}
	db, err := sql.Open("sqlite", filepath.Join(p.dir, "ledger.db"))
	must(p.T, err)
	defer db.Close()
	rows, err := db.QueryContext(p.Context(), "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
	must(p.T, err)
	defer rows.Close()
	for rows.Next() {
		var table string
		must(p.T, rows.Scan(&table))
		g.rows[table] = 0
	}
	must(p.T, rows.Err())
	for table := range g.rows {
		var n int
		must(p.T, db.QueryRowContext(p.Context(), "SELECT count(*) FROM "+table).Scan(&n))
		g.rows[table] = n
	}
	g.webhooks = g.rows["deliveries"]
	must(p.T, filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		g.inbox += info.Size()
		g.files++
		return err
	}))
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	g.heap = int64(m.HeapAlloc)
	return g
}

// repeated is a body that goes on for so many bytes.
type repeated struct {
	begin, row string
	left       int
	rest       string
}

func (r *repeated) Read(b []byte) (n int, err error) {
	for n < len(b) { // a row at a time would be a packet for each
		if r.rest == "" {
			if r.left <= 0 {
				break
			}
			r.rest, r.begin = r.begin+r.row, ""
		}
		read := copy(b[n:], r.rest)
		n, r.rest, r.left = n+read, r.rest[read:], r.left-read
	}
	if n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// flood sends a body, until it is answered or the test gives it up.
func (p *plant) flood(ctx context.Context, key, kind string, body io.Reader) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/v1/batches?callback_url=https://hooks.example.com/x", body)
	if err != nil {
		p.Error(err)
		return 0
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", kind)
	res, err := p.client.Do(req)
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}

// With a tight key nothing in the ledger, on the disk, in memory or among the webhooks grows faster than its budget,
// whatever it sends. It does not run beside others, whose memory it would measure.
func TestATightKeyMakesNothingGrow(t *testing.T) {
	const (
		budget = 4
		room   = 256 << 10 // of its inbox
		big    = 16 << 20
		many   = 40
	)
	for name, rights := range map[string]tasks.Rights{
		"by rate":   {RatePerMinute: budget},
		"by budget": {DailyBudget: budget},
		"by both":   {RatePerMinute: budget, DailyBudget: budget},
	} {
		dir := filepath.Join(t.TempDir(), "inbox")
		p := newPlant(t, withLimits(rights), func(c *api.Config) {
			var err error
			c.Inbox, err = api.OpenInbox(api.InboxConfig{Dir: dir, Size: room, Now: c.Now})
			must(t, err)
			c.Wait, c.Patience = 1, time.Second
		})
		before := p.grown(dir)
		most := before.heap

		// Rows that are refused, and large arrays: read no faster than they are paid for.
		kinds := []struct{ kind, begin, row string }{
			{ndjson, "", "{}\n"},
			{"application/json", "[", `{"type":"image","source":"a.jpg","sauce":"` + strings.Repeat("x", 1000) + `"},`},
			{"application/json", "[", one + ","},
		}
		ctx, giveUp := context.WithCancel(t.Context())
		var floods sync.WaitGroup
		var refused atomic.Int32
		statuses := make([]int, many)
		for i := range many {
			k := kinds[i%len(kinds)]
			floods.Go(func() {
				statuses[i] = p.flood(ctx, limited, k.kind, &repeated{begin: k.begin, row: k.row, left: big})
				if statuses[i] == http.StatusTooManyRequests {
					refused.Add(1)
				}
			})
		}
		taskstest.Until(t, "the floods were paid for or refused", func() bool {
			g := p.grown(dir)
			most = max(most, g.heap)
			return refused.Load() >= many-8 && g.rows["uploads"]+g.rows["refusals"] > 0
		})
		// Meanwhile everything else.
		token := p.token("limited", limited)
		for i := range many {
			p.call(limited, "POST", "/v1/uploads", one, "Idempotency-Key", fmt.Sprint("k", i))
			p.call(limited, "POST", "/v1/uploads", `{"type":"image","source":"a.jpg","external_id":"same"}`, "Idempotency-Key", fmt.Sprint("s", i))
			p.call(limited, "POST", "/v1/media", `{"type":"image","source":"a.jpg","wait":0}`)
			p.call(limited, "POST", "/v1/cancellations", `{"filter":{"code":"none"}}`, "Idempotency-Key", fmt.Sprint("c", i))
			p.call(limited, "POST", "/v1/retries", `{"filter":{"code":"none"}}`)
			p.call(limited, "POST", "/v1/files", formOf(fmt.Sprint(i, ".jpg"), "x"), "Content-Type", "multipart/form-data; boundary=B")
			p.wxUpload(token, "image", "a.jpg", strings.Repeat("x", 20<<10))
		}
		most = max(most, p.grown(dir).heap)
		giveUp()
		floods.Wait()
		for range many { // empty batches
			short, stop := context.WithCancel(t.Context())
			answered := make(chan struct{})
			go func() { defer close(answered); p.flood(short, limited, "application/json", strings.NewReader("[]")) }()
			if rights.DailyBudget > 0 {
				<-answered // the budget refuses them; a rate would have them wait
			}
			stop()
			<-answered
		}
		after := p.grown(dir)
		most = max(most, after.heap)

		paid := after.rows["uploads"] + after.rows["refusals"] + after.rows["actions"] - before.rows["uploads"] - before.rows["refusals"] - before.rows["actions"]
		// Tokens come back while the test runs: a budget's worth for every minute of it, and the moment of the floods.
		if rights.DailyBudget > 0 && paid > budget {
			t.Errorf("%s: %d uploads, refused rows and actions are there, and %d were paid for", name, paid, budget)
		}
		for table, n := range after.rows {
			if n -= before.rows[table]; n > 8*budget {
				t.Errorf("%s: %s has %d rows more", name, table, n)
			}
		}
		if n := after.webhooks - before.webhooks; n > 4*budget {
			t.Errorf("%s: %d webhooks", name, n)
		}
		if after.inbox > room || after.files > room/least {
			t.Errorf("%s: the inbox has %d bytes in %d files", name, after.inbox, after.files)
		}
		if n := most - before.heap; n > big {
			t.Errorf("%s: %d KiB more memory", name, n>>10)
		}
		t.Logf("%s: rows %v, %d webhooks, %d files of %d bytes, %d KiB more at most", name, after.rows, after.webhooks, after.files, after.inbox, (most-before.heap)>>10)
	}
}
