package api_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

// endless is a body of so many rows, made as they are read.
type endless struct {
	left, made int
	rest       string
}

func (e *endless) Read(p []byte) (int, error) {
	if e.rest == "" {
		if e.left == 0 {
			return 0, io.EOF
		}
		e.left--
		e.made++
		e.rest = one + "\n"
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func (e *endless) Close() error { return nil }

// watched is a ledger that sees how far the reader of the rows is ahead of it.
type watched struct {
	memory
	body  *endless
	ahead int
}

func (w *watched) Submit(ctx context.Context, s tasks.Submission) (tasks.Accepted, error) {
	w.ahead = max(w.ahead, w.body.made-w.rows)
	return w.memory.Submit(ctx, s)
}

// streamed sends a batch of so many rows to a server on w.
func streamed(ctx context.Context, w *watched, rows int) (*httptest.ResponseRecorder, error) {
	door, err := api.New(api.Config{Ledger: w, Keys: &enqueue.Keyring{Fixed: []tasks.Key{key("shop", shop, tasks.RoleProducer)}}})
	if err != nil {
		return nil, err
	}
	w.body = &endless{left: rows}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/batches", nil)
	r.Body, r.ContentLength = w.body, int64(rows*(len(one)+1))
	r.Header.Set("Authorization", "Bearer "+shop)
	r.Header.Set("Content-Type", ndjson)
	answer := httptest.NewRecorder()
	door.ServeHTTP(answer, r)
	return answer, nil
}

// Of a batch that is streamed, the server holds the rows of one transaction and a buffer, however many there are.
func TestAStreamIsHeldInPart(t *testing.T) {
	t.Parallel()
	const rows = 20_000
	w := &watched{}
	got, err := streamed(t.Context(), w, rows)
	must(t, err)
	if got.Code != http.StatusAccepted || w.rows != rows {
		t.Fatalf("%d of %d rows came: %d %s", w.rows, rows, got.Code, got.Body)
	}
	if buffer := 64<<10/len(one) + 1; w.ahead > 1000+buffer {
		t.Errorf("%d rows were held at once", w.ahead)
	}
}

// BenchmarkBatchOfAMillion streams a million rows. One op is all of them; peak-MiB is the memory of this process.
func BenchmarkBatchOfAMillion(b *testing.B) {
	const rows = 1_000_000
	for b.Loop() {
		w := &watched{}
		got, err := streamed(b.Context(), w, rows)
		if err != nil || got.Code != http.StatusAccepted || w.rows != rows {
			b.Fatalf("%d of %d rows came: %v, %d %s", w.rows, rows, err, got.Code, got.Body)
		}
	}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(u.Maxrss>>10), "peak-MiB")
}
