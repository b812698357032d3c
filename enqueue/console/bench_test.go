package console_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/enqueue/console"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// million is a ledger of so many uploads of the last two days: of ten, eight succeeded, one failed and one waits or is ready.
// Each has what comes with it.
func million(uploads int) string {
	now := time.Now().UnixMicro()
	return strings.NewReplacer(
		"{n}", fmt.Sprintf("(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n)", uploads),
		"{at}", fmt.Sprintf("(%d + i * %d)", now-(48*time.Hour).Microseconds(), (48*time.Hour).Microseconds()/int64(uploads)),
		"{last}", fmt.Sprint(uploads/100+1),
	).Replace(`
		INSERT INTO accounts (name, realm, appid, fingerprint, daily_limit) VALUES ('shop', 'r', 'wx1', 'f', 500000), ('news', 'r', 'wx2', 'f', 0);
		INSERT INTO uploads (id, phase, priority, batch, submitted_at, due_at, finished_at, digest, producer, account, type, source, filename, external_id, code, errcode)
			SELECT unhex(printf('%08d%024d', 1, i)), p, 0, 1 + i / 100, {at}, CASE WHEN p = 3 THEN {at} END, CASE WHEN p >= 4 THEN {at} END, '', 'shop',
			CASE WHEN i % 3 = 0 THEN 'news' ELSE 'shop' END, CASE i % 4 WHEN 0 THEN 'voice' ELSE 'image' END, 'in/' || i || '.jpg', i || '.jpg', 'n' || i,
			CASE WHEN p = 5 THEN 'rejected' END, CASE WHEN p = 5 THEN 40009 ELSE 0 END FROM (SELECT i, CASE i % 10 WHEN 1 THEN 5 WHEN 2 THEN (CASE WHEN i % 20 = 2 THEN 3 ELSE 0 END) ELSE 4 END AS p FROM {n} x) y;
		INSERT INTO batches (id, producer, sealed, total, submitted_at, touched_at, external_id) SELECT unhex(printf('%08d%024d', 2, i)), 'shop', 1, 100, {at}, {at}, 'b' || i FROM {n} x WHERE i <= {last};
		INSERT INTO attempts (upload, round, number, started_at, took, errcode) SELECT i, 1, 1, {at}, 400000, 0 FROM {n} x;
		INSERT INTO events (seq, type, at, upload, round) SELECT seq, CASE phase WHEN 4 THEN 'upload.succeeded' ELSE 'upload.failed' END, submitted_at, seq, 1 FROM uploads WHERE phase >= 4;
		INSERT INTO deliveries (id, event, url, phase, due_at, producer, attempts) SELECT unhex(printf('%08d%024d', 3, seq)), seq, 'https://x.example/' || seq % 5,
			CASE WHEN seq % 50 = 0 THEN 4 ELSE 3 END, NULL, 'shop', 1 FROM events;
		INSERT INTO balances SELECT account, 0, count(*), count(CASE WHEN phase < 4 THEN 1 END), count(CASE WHEN phase = 4 THEN 1 END), count(CASE WHEN phase = 5 THEN 1 END), 0, 0
			FROM uploads GROUP BY account;
		INSERT INTO counts SELECT at - at % 60000000 AS began, account, type, what, code, errcode, 0, count(*), 0, max(CASE WHEN what = 5 THEN id END) FROM (
			SELECT submitted_at AS at, account, type, 0 AS what, '' AS code, 0 AS errcode, id FROM uploads UNION ALL
			SELECT finished_at, account, type, phase, COALESCE(code, ''), errcode, id FROM uploads WHERE phase >= 4) x GROUP BY began, account, type, what, code, errcode;
		ANALYZE;`)
}

// Each page, as an operator is shown it, with a million uploads in the ledger (SIZE=full, a tenth otherwise): the time of the server, the median and the
// slowest of all requests.
func BenchmarkPages(b *testing.B) {
	path := filepath.Join(b.TempDir(), "ledger.db")
	l, err := ledger.Open(b.Context(), "sqlite:"+path, ledger.Options{})
	must(b, err)
	must(b, l.Close())
	must(b, ledgertest.Script(path, million(taskstest.Size(1_000_000))))
	p := &plant{TB: b}
	l, err = ledger.Open(b.Context(), "sqlite:"+path, ledger.Options{Alone: true})
	must(b, err)
	b.Cleanup(func() { must(b, l.Close()) })
	p.Ledger = l
	p.serve(func(c *console.Config) { c.Asker = desk{} })
	p.join()
	some, _, err := l.List(b.Context(), tasks.Filter{States: []tasks.State{tasks.Failed}, Limit: 1})
	must(b, err)
	client := p.signedIn(boss)
	address, err := http.NewRequestWithContext(b.Context(), http.MethodGet, p.url, nil)
	must(b, err)
	cookies := client.client.Jar.Cookies(address.URL)
	for _, page := range []struct{ name, path string }{
		{"overview", "/"}, {"overview-7d", "/?span=7d"}, {"uploads", "/uploads"}, {"failed", "/uploads?q=state:failed"}, {"succeeded-of-account", "/uploads?q=state:succeeded+account:news"},
		{"waiting-voice", "/uploads?q=state:waiting+type:voice"}, {"text", "/uploads?q=99999"}, {"upload", "/uploads/" + some[0].ID.String()}, {"failures", "/failures?span=24h"}, {"batches", "/batches"},
		{"batch", "/batches/" + some[0].Batch.String()}, {"webhooks", "/webhooks"}, {"webhooks-failed", "/webhooks?state=failed"}, {"media", "/media"}, {"media-kept", "/media?kept=true"}, {"accounts", "/accounts"}, {"system", "/system"}, {"new", "/new"},
	} {
		b.Run(page.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, p.url+page.path, nil)
				for _, k := range cookies {
					r.AddCookie(k)
				}
				w := httptest.NewRecorder()
				began := time.Now()
				p.console.ServeHTTP(w, r)
				took = append(took, time.Since(began))
				if w.Code != http.StatusOK {
					b.Fatalf("%d %s", w.Code, w.Body)
				}
			}
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2].Seconds()*1000, "ms-median")
			b.ReportMetric(took[len(took)-1].Seconds()*1000, "ms-slowest")
			b.ReportMetric(0, "ns/op")
		})
	}
}
