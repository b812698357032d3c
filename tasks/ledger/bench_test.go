package ledger

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
)

func benchLedger(b *testing.B, url string) *Ledger {
	b.Helper()
	l, err := Open(b.Context(), url, Options{})
	must(b, err)
	b.Cleanup(func() { must(b, l.Close()) })
	return l
}

func databases(b *testing.B, run func(*testing.B, *Ledger)) {
	b.Run("sqlite", func(b *testing.B) { run(b, benchLedger(b, ledgertest.SQLite(b))) })
	b.Run("postgres", func(b *testing.B) { run(b, benchLedger(b, ledgertest.Postgres(b))) })
}

func benchUploads(n, from int) []tasks.Upload {
	us := make([]tasks.Upload, n)
	for i := range us {
		us[i] = tasks.Upload{Producer: "crm", ExternalID: fmt.Sprintf("order-%08d", from+i), Account: "shop", Type: tasks.Image, Source: fmt.Sprintf("2026/11/22/%08d.jpg", from+i)}
	}
	return us
}

// BenchmarkAccept accepts chunks of 1,000 rows, as a streamed batch does. One op is one chunk.
func BenchmarkAccept(b *testing.B) {
	databases(b, func(b *testing.B, l *Ledger) {
		rows := 0
		for b.Loop() {
			rs, err := l.Accept(b.Context(), benchUploads(1000, rows))
			if err != nil || rs[999].Err != nil {
				b.Fatal(err, rs[999].Err)
			}
			rows += len(rs)
		}
		b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	})
}

// BenchmarkCarry claims, admits and finishes with 64 at once what is dispatched in windows of 2,000. One op is one upload.
func BenchmarkCarry(b *testing.B) {
	databases(b, func(b *testing.B, l *Ledger) {
		for n := 0; n < b.N; n += 1000 {
			if _, err := l.Accept(b.Context(), benchUploads(min(1000, b.N-n), n)); err != nil {
				b.Fatal(err)
			}
		}
		var content atomic.Int64
		belt := make(chan sent, 2000)
		var workers sync.WaitGroup
		b.ResetTimer()
		for range 64 {
			workers.Go(func() {
				for d := range belt {
					if err := carry(b, l, d, content.Add(1)); err != nil {
						b.Error(err)
					}
				}
			})
		}
		for n := 0; n < b.N; {
			chunks, err := l.Dispatch(b.Context(), tasks.Window{Bulk: 2000})
			if err != nil {
				b.Fatal(err)
			}
			for _, d := range sentOf(chunks) {
				belt <- d
			}
			n += len(chunks)
		}
		close(belt)
		workers.Wait()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "uploads/s")
	})
}

func carry(b *testing.B, l *Ledger, d sent, content int64) error {
	c, err := claimOne(l, d.ID, d.Generation, "w")
	if err != nil {
		return err
	}
	k := key(fmt.Sprint(content))
	if _, err := l.Admit(b.Context(), c.Token, k, tasks.AdmitOptions{}); err != nil {
		return err
	}
	now := time.Now()
	return l.Finish(b.Context(), c.Token, tasks.Result{
		State: tasks.Succeeded, Key: k, Size: 65536, Attempt: &tasks.Attempt{Started: now, Took: time.Millisecond},
		Media: tasks.Media{ID: fmt.Sprintf("%064d", content), IssuedAt: now, ExpiresAt: now.Add(72 * time.Hour)},
	})
}
