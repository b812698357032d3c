package enqueue

import (
	"context"
	"errors"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestSubmitBatchInChunks(t *testing.T) {
	t.Parallel()
	l := openLedger(t)
	p := &Producer{Ledger: l, Name: "shop"}
	got, err := p.SubmitBatch(t.Context(), tasks.Batch{CallbackURL: "https://shop.example/done"}, pictures(2500))
	if err != nil {
		t.Fatal(err)
	}
	if got.Accepted != 2500 || got.Existing != 0 || got.Refused != 0 || len(got.First) != 0 {
		t.Errorf("receipt %+v, want 2500 accepted", got)
	}
	b, err := l.Batch(t.Context(), got.Batch.ID)
	want := tasks.Batch{ID: got.Batch.ID, Producer: "shop", CallbackURL: "https://shop.example/done", State: tasks.BatchSealed,
		Round: 1, Counts: tasks.BatchCounts{Total: 2500, Open: 2500}}
	if diff := cmp.Diff(want, b, cmpopts.IgnoreFields(tasks.Batch{}, "Submitted")); err != nil || diff != "" {
		t.Errorf("batch, %v (-want +got):\n%s", err, diff)
	}
}

// drain is a ledger that keeps nothing, and sees how many uploads were made that it has not accepted yet.
type drain struct {
	ProducerLedger
	made, accepted, most int
}

func (d *drain) OpenBatch(_ context.Context, b tasks.Batch) (tasks.Batch, bool, error) {
	return b, true, nil
}
func (d *drain) Seal(context.Context, uuid.UUID, bool) error { return nil }

func (d *drain) Submit(_ context.Context, s tasks.Submission) (tasks.Accepted, error) {
	d.most = max(d.most, d.made-d.accepted)
	d.accepted += len(s.Rows)
	receipts := make([]tasks.Receipt, len(s.Rows))
	for i := range receipts {
		receipts[i].Created = true
	}
	return tasks.Accepted{Receipts: receipts}, nil
}

func TestSubmitBatchHoldsOneChunkOfAHundredThousand(t *testing.T) {
	t.Parallel()
	const n = 100_000
	d := &drain{}
	got, err := (&Producer{Ledger: d}).SubmitBatch(t.Context(), tasks.Batch{}, func(yield func(tasks.Upload) bool) {
		for i := range n {
			d.made++
			if !yield(picture(i)) {
				return
			}
		}
	})
	if err != nil || got.Accepted != n || d.most > chunkRows {
		t.Errorf("%d were accepted (%v), and up to %d held at once; want %d at most", got.Accepted, err, d.most, chunkRows)
	}
}

// rows yields n pictures as lines from 1, and then err where there is one.
func rows(n int, err error) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for i := range n {
			if !yield(Row{Line: i + 1, Upload: picture(i)}, nil) {
				return
			}
		}
		if err != nil {
			yield(Row{}, err)
		}
	}
}

func eachRow(rows []Row) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

func TestSubmitRowsRefusesByLine(t *testing.T) {
	t.Parallel()
	l := openLedger(t)
	p := &Producer{Ledger: l}
	if _, err := p.Submit(t.Context(), tasks.Upload{Source: "first.jpg", Type: tasks.Image, ExternalID: "taken"}); err != nil {
		t.Fatal(err)
	}
	lines := []Row{
		{Line: 2, Upload: picture(1)},
		{Line: 3, Upload: tasks.Upload{Source: "other.jpg", Type: tasks.Image, ExternalID: "taken"}},
		{Line: 5, Err: &tasks.Error{Code: tasks.Invalid, Op: "read row", Err: errors.New("is no JSON")}},
		{Line: 7, Upload: tasks.Upload{Source: "../x", Type: tasks.Image, ExternalID: "out"}},
		{Line: 9, Upload: picture(2)},
	}
	heard := map[int]tasks.Code{}
	for i := range lines {
		lines[i].Receipt = func(r tasks.Receipt) {
			if (r.Err == nil) != (r.ID != uuid.Nil) {
				t.Errorf("line %d got the receipt %+v, want either an ID or a reason", lines[i].Line, r)
			}
			heard[lines[i].Line] = ""
			if r.Err != nil {
				heard[lines[i].Line] = r.Err.Code
			}
		}
	}
	got, err := p.SubmitRows(t.Context(), tasks.Batch{}, eachRow(lines))
	if err != nil {
		t.Fatal(err)
	}
	wantHeard := map[int]tasks.Code{2: "", 3: tasks.Conflict, 5: tasks.Invalid, 7: tasks.Denied, 9: ""}
	if diff := cmp.Diff(wantHeard, heard); diff != "" {
		t.Errorf("receipts by line (-want +got):\n%s", diff)
	}
	want := []tasks.Refusal{
		{Line: 3, ExternalID: "taken", Code: tasks.Conflict, Reason: `accept upload: "taken" was submitted before with another source`},
		{Line: 5, Code: tasks.Invalid, Reason: "read row: is no JSON"},
		{Line: 7, ExternalID: "out", Code: tasks.Denied, Reason: `read source: the path has "..": it may not leave its folder`},
	}
	values := cmpopts.IgnoreFields(tasks.Refusal{}, "Params") // the contract of the ledger looks at them
	if diff := cmp.Diff(want, got.First, values); diff != "" || got.Accepted != 2 || got.Refused != 3 {
		t.Errorf("accepted %d, refused %d (-want +got):\n%s", got.Accepted, got.Refused, diff)
	}
	stored, err := l.Refusals(t.Context(), got.Batch.ID, 0, 10)
	if diff := cmp.Diff(want, stored, values); err != nil || diff != "" {
		t.Errorf("recorded, %v (-want +got):\n%s", err, diff)
	}
}

func TestSubmitRowsKeepsTheFirstRefusals(t *testing.T) {
	t.Parallel()
	p := &Producer{Ledger: openLedger(t)}
	got, err := p.SubmitBatch(t.Context(), tasks.Batch{}, func(yield func(tasks.Upload) bool) {
		for range 2345 {
			if !yield(tasks.Upload{}) {
				return
			}
		}
	})
	if err != nil || got.Refused != 2345 || len(got.First) != 100 || got.First[99].Line != 100 {
		t.Errorf("refused %d, %d of them at hand, %v; want 2345 and the first 100", got.Refused, len(got.First), err)
	}
}

func TestSubmitRowsGoesOnWhereItBrokeOff(t *testing.T) {
	t.Parallel()
	l := openLedger(t)
	p := &Producer{Ledger: l}
	key := tasks.Batch{ExternalID: "import-7"}
	broken := errors.New("connection reset")
	first, err := p.SubmitRows(t.Context(), key, rows(1500, broken))
	if !errors.Is(err, broken) || first.Accepted != 1500 {
		t.Fatalf("a broken stream: %d accepted, %v; want all that came and the reason", first.Accepted, err)
	}
	if b, err := l.Batch(t.Context(), first.Batch.ID); err != nil || b.State != tasks.BatchOpen {
		t.Fatalf("the batch is %s, %v; want it open", b.State, err)
	}
	for _, want := range []BatchReceipt{{Accepted: 500, Existing: 1500}, {Existing: 2000}} {
		got, err := p.SubmitRows(t.Context(), key, rows(2000, nil))
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(BatchReceipt{}, "Batch")); err != nil || diff != "" {
			t.Errorf("submitted again, %v (-want +got):\n%s", err, diff)
		}
	}
	b, err := l.Batch(t.Context(), first.Batch.ID)
	if err != nil || b.Counts.Total != 2000 || b.State != tasks.BatchSealed {
		t.Errorf("the batch is %s with %d uploads, %v; want it sealed with 2000", b.State, b.Counts.Total, err)
	}
}

func TestRowIDsAreVersion7OfTheBatch(t *testing.T) {
	t.Parallel()
	batch := uuid.Must(uuid.NewV7())
	s := &batchStream{receipt: BatchReceipt{Batch: tasks.Batch{ID: batch, ExternalID: "k"}}}
	a, b := s.rowID(tasks.Upload{}, 1), s.rowID(tasks.Upload{}, 2)
	if a.Version() != 7 || a.Variant() != uuid.RFC4122 || a == b || [6]byte(a[:6]) != [6]byte(batch[:6]) {
		t.Errorf("rows 1 and 2 of %s are %s and %s, want different UUIDv7 of its moment", batch, a, b)
	}
	if id := s.rowID(tasks.Upload{ExternalID: "own"}, 1); id != uuid.Nil {
		t.Errorf("a row with its own ExternalID is given the ID %s", id)
	}
}

// paused is a ledger that says when rows came to it.
type paused struct {
	drain
	came chan int
}

func (p *paused) Submit(ctx context.Context, s tasks.Submission) (tasks.Accepted, error) {
	p.came <- len(s.Rows)
	return p.drain.Submit(ctx, s)
}

// Rows that come slowly are in the ledger a second later, and while none come the ledger hears that the stream lives.
func TestASlowStreamIsKeptUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &paused{came: make(chan int, 100)}
		next := make(chan Row)
		done := make(chan error)
		go func() {
			_, err := (&Producer{Ledger: l}).SubmitRows(t.Context(), tasks.Batch{}, func(yield func(Row, error) bool) {
				for row := range next {
					if !yield(row, nil) {
						return
					}
				}
			})
			done <- err
		}()
		heard := false
		next <- Row{Line: 1, Upload: picture(1), Receipt: func(tasks.Receipt) { heard = true }}
		began := time.Now()
		if n := <-l.came; n != 1 || time.Since(began) > time.Second {
			t.Errorf("%d rows came after %v", n, time.Since(began))
		}
		if n := <-l.came; n != 0 || time.Since(began) > 11*time.Minute {
			t.Errorf("%d rows came after %v, want a sign of life", n, time.Since(began))
		}
		next <- Row{Line: 2, Upload: picture(2)}
		synctest.Wait()
		if !heard {
			t.Error("the first row has no receipt when the second came")
		}
		close(next)
		if err := <-done; err != nil || l.accepted != 2 {
			t.Errorf("%d were accepted, %v", l.accepted, err)
		}
	})
}
