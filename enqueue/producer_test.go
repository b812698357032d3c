package enqueue

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
)

var _ interface {
	DispatchLedger
	ProducerLedger
	ResultsLedger
} = (*ledger.Ledger)(nil)

func openLedger(t testing.TB) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func picture(n int) tasks.Upload {
	return tasks.Upload{Source: fmt.Sprintf("2026/%d.jpg", n), Type: tasks.Image}
}

func pictures(n int) iter.Seq[tasks.Upload] {
	return func(yield func(tasks.Upload) bool) {
		for i := range n {
			if !yield(picture(i)) {
				return
			}
		}
	}
}

func TestSubmitFillsInWhatWasLeftOut(t *testing.T) {
	t.Parallel()
	l := openLedger(t)
	var nudges atomic.Int32
	p := &Producer{Ledger: l, Nudge: func() { nudges.Add(1) }}
	foreign := uuid.New()
	u := picture(1)
	u.ID, u.Batch, u.Producer = foreign, foreign, "somebody"
	r, err := p.Submit(t.Context(), u)
	if err != nil || !r.Created {
		t.Fatalf("Submit: %+v, %v", r, err)
	}
	got, err := p.Outcome(t.Context(), r.ID)
	want := tasks.Outcome{ID: r.ID, Producer: "local", Account: "default", Type: tasks.Image, Source: "2026/1.jpg",
		Filename: "1.jpg", State: tasks.Queued, Round: 1}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(tasks.Outcome{}, "Submitted"), cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("accepted, %v (-want +got):\n%s", err, diff)
	}
	if r.ID == foreign {
		t.Error("the request chose its own ID")
	}
	if nudges.Load() != 1 {
		t.Errorf("%d nudges, want 1", nudges.Load())
	}
}

func TestSubmitIsIdempotentByExternalID(t *testing.T) {
	t.Parallel()
	p := &Producer{Ledger: openLedger(t), Name: "shop"}
	u := picture(1)
	u.ExternalID = "order-1"
	receipts := make([]tasks.Receipt, 20)
	var wg sync.WaitGroup
	for i := range receipts {
		wg.Go(func() {
			var err error
			if receipts[i], err = p.Submit(t.Context(), u); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	created := 0
	for _, r := range receipts {
		if r.ID != receipts[0].ID {
			t.Errorf("receipts for %s and %s, want one upload", r.ID, receipts[0].ID)
		}
		if r.Created {
			created++
		}
	}
	if created != 1 {
		t.Errorf("created %d times, want once", created)
	}
	u.Source = "another.jpg"
	if _, err := p.Submit(t.Context(), u); tasks.CodeOf(err) != tasks.Conflict {
		t.Errorf("another request under the same ExternalID: %v, want Conflict", err)
	}
}

// The same request is the same upload, alone or in a batch, whoever filled in the callback; another one is refused with the
// field that differs, alone or in a batch. Where the name was made from the file, the earlier upload answers.
func TestTheSameRequestByEveryWay(t *testing.T) {
	t.Parallel()
	l := openLedger(t)
	alone := &Producer{Ledger: l, Name: "shop", CallbackURL: "https://shop.example/settings"}
	u := picture(1)
	u.ExternalID = "order-1"
	first, err := alone.Submit(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	bare := &Producer{Ledger: l, Name: "shop"}
	if again, err := bare.Submit(t.Context(), u); err != nil || again.ID != first.ID || again.Created {
		t.Errorf("without the settings' callback: %+v, %v", again, err)
	}
	other := u
	other.CallbackURL = "https://shop.example/own"
	if _, err := bare.Submit(t.Context(), other); tasks.CodeOf(err) != tasks.Conflict || !strings.Contains(err.Error(), "with another callback_url") {
		t.Errorf("with a callback of its own: %v", err)
	}
	var got tasks.Receipt
	receipt, err := bare.SubmitRows(t.Context(), tasks.Batch{CallbackURL: "https://shop.example/batch"}, eachRow([]Row{
		{Line: 1, Upload: u}, {Line: 2, Upload: other}, {Line: 3, Upload: other, Derived: true, Receipt: func(r tasks.Receipt) { got = r }},
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := []tasks.Refusal{{Line: 2, ExternalID: "order-1", Code: tasks.Conflict, Reason: `accept upload: "order-1" was submitted before with another callback_url`}}
	if diff := cmp.Diff(want, receipt.First, cmpopts.IgnoreFields(tasks.Refusal{}, "Params")); diff != "" || receipt.Existing != 2 || receipt.Refused != 1 || receipt.Accepted != 0 {
		t.Errorf("%+v %s", receipt, diff)
	}
	if got.ID != first.ID || got.Err == nil || got.Err.Code != tasks.Conflict {
		t.Errorf("the row of the same file has the receipt %+v", got)
	}
	if b, err := l.Batch(t.Context(), receipt.Batch.ID); err != nil || b.Counts != (tasks.BatchCounts{Refused: 1}) {
		t.Errorf("the batch counts %+v, %v", b.Counts, err)
	}
}

func TestSubmitRefuses(t *testing.T) {
	t.Parallel()
	p := &Producer{Ledger: openLedger(t)}
	tests := map[string]struct {
		upload tasks.Upload
		code   tasks.Code
		says   string
	}{
		"nothing":      {tasks.Upload{}, tasks.Invalid, "source: is missing"},
		"no type":      {tasks.Upload{Source: "a.jpg"}, tasks.Invalid, "type:"},
		"a way out":    {tasks.Upload{Source: "../etc/passwd", Type: tasks.Image}, tasks.Denied, ".."},
		"a local file": {tasks.Upload{Source: "file:///etc#passwd", Type: tasks.Image}, tasks.Denied, "command line"},
		"odd callback": {tasks.Upload{Source: "a.jpg", Type: tasks.Image, CallbackURL: "ftp://x/"}, tasks.Invalid, "callback_url"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := p.Submit(t.Context(), test.upload)
			if tasks.CodeOf(err) != test.code || !strings.Contains(err.Error(), test.says) {
				t.Errorf("Submit: %v, want %s about %q", err, test.code, test.says)
			}
		})
	}
}

func TestSubmitTakesLocalSourcesFromTheCommandLine(t *testing.T) {
	t.Parallel()
	p := &Producer{Ledger: openLedger(t), Local: true}
	r, err := p.Submit(t.Context(), tasks.Upload{Source: "file:///home/li#%E5%B0%81%E9%9D%A2%201.jpg", Type: tasks.Image})
	if err != nil {
		t.Fatal(err)
	}
	if o, err := p.Outcome(t.Context(), r.ID); err != nil || o.Filename != "封面 1.jpg" {
		t.Errorf("its filename is %q, %v; want it unescaped", o.Filename, err)
	}
}

func TestProducerTouchesItsOwnAlone(t *testing.T) {
	t.Parallel()
	l := openLedger(t)
	mine, theirs := &Producer{Ledger: l, Name: "mine"}, &Producer{Ledger: l, Name: "theirs"}
	got, err := mine.SubmitBatch(t.Context(), tasks.Batch{}, pictures(1))
	if err != nil {
		t.Fatal(err)
	}
	page, _, err := l.List(t.Context(), tasks.Filter{})
	if err != nil || len(page) != 1 {
		t.Fatalf("List: %d, %v", len(page), err)
	}
	id := page[0].ID
	_, errWait := theirs.Wait(t.Context(), id)
	_, errCancel := theirs.Cancel(t.Context(), id)
	_, errBatch := theirs.RetryFailed(t.Context(), got.Batch.ID)
	for what, err := range map[string]error{
		"Wait": errWait, "Cancel": errCancel, "Retry": theirs.Retry(t.Context(), id, false), "RetryFailed": errBatch,
	} {
		if tasks.CodeOf(err) != tasks.NotFound {
			t.Errorf("%s of another producer's: %v, want NotFound", what, err)
		}
	}
	if s, err := mine.Cancel(t.Context(), id); err != nil || s != tasks.Canceled {
		t.Errorf("Cancel of its own: %s, %v", s, err)
	}
}

// failAll runs every upload of the ledger to a failed outcome.
func failAll(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	ds, err := l.Dispatch(t.Context(), tasks.Window{Bulk: 1000, Interactive: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range ds {
		claims, err := l.Claim(t.Context(), tasks.NewBids(d.Runs), "test", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		cause := &tasks.Error{Code: tasks.Missing, Op: "open source"}
		for _, c := range claims {
			if err := l.Finish(t.Context(), c.Token, tasks.Result{State: tasks.Failed, Cause: cause}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestRetryFailedOpensARoundForEach(t *testing.T) {
	t.Parallel()
	l := openLedger(t)
	p := &Producer{Ledger: l}
	got, err := p.SubmitBatch(t.Context(), tasks.Batch{}, pictures(30))
	if err != nil {
		t.Fatal(err)
	}
	failAll(t, l)
	for _, want := range []int{30, 0} {
		if n, err := p.RetryFailed(t.Context(), got.Batch.ID); err != nil || n != want {
			t.Errorf("RetryFailed: %d, %v; want %d", n, err, want)
		}
	}
	page, _, err := l.List(t.Context(), tasks.Filter{Batch: got.Batch.ID})
	if err != nil || len(page) != 30 || page[0].Round != 2 || page[0].State != tasks.Queued {
		t.Errorf("after the retry: %d uploads, the newest %+v, %v", len(page), page[0], err)
	}
}

// oneLook ends a context once an upload was looked at.
type oneLook struct {
	*ledger.Ledger
	end func()
}

func (l oneLook) Outcome(ctx context.Context, id uuid.UUID) (tasks.Outcome, error) {
	defer l.end()
	return l.Ledger.Outcome(ctx, id)
}

func TestWaitReturnsTheOutcome(t *testing.T) {
	t.Parallel()
	l := openLedger(t)
	p := &Producer{Ledger: l}
	r, err := p.Submit(t.Context(), picture(1))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	impatient := &Producer{Ledger: oneLook{l, cancel}}
	if o, err := impatient.Wait(ctx, r.ID); !errors.Is(err, context.Canceled) || o.State != tasks.Queued {
		t.Errorf("Wait whose context ended after one look: %s, %v", o.State, err)
	}
	failAll(t, l)
	if o, err := p.Wait(t.Context(), r.ID); err != nil || o.State != tasks.Failed || o.Code != tasks.Missing {
		t.Errorf("Wait: %+v, %v; want failed, missing", o, err)
	}
}

func TestProducersCallbackServesThoseWithoutOne(t *testing.T) {
	t.Parallel()
	l := openLedger(t)
	p := &Producer{Ledger: l, CallbackURL: "https://shop.example/all"}
	own := "https://shop.example/own"
	for _, u := range []tasks.Upload{{Type: tasks.Image, Source: "a.jpg"}, {Type: tasks.Image, Source: "b.jpg", CallbackURL: own}} {
		if _, err := p.Submit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	r, err := p.SubmitBatch(t.Context(), tasks.Batch{}, slices.Values([]tasks.Upload{}))
	if err != nil || r.Batch.CallbackURL != p.CallbackURL {
		t.Errorf("the batch tells %q, %v", r.Batch.CallbackURL, err)
	}
	ds, err := l.Dispatch(t.Context(), tasks.Window{Bulk: 10})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, d := range ds {
		claims, err := l.Claim(t.Context(), tasks.NewBids(d.Runs), "w", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range claims {
			told = append(told, c.CallbackURL)
		}
	}
	slices.Sort(told)
	if diff := cmp.Diff([]string{p.CallbackURL, own}, told); diff != "" {
		t.Error(diff)
	}
}

func TestMediaAreKeptAliveWithinTheCap(t *testing.T) {
	t.Parallel()
	p := &Producer{Ledger: openLedger(t), MaxKept: 2}
	ask := func(source string, until time.Duration) error {
		_, err := p.Submit(t.Context(), tasks.Upload{Type: tasks.Image, Source: source, KeepFreshUntil: time.Now().Add(until)})
		return err
	}
	for _, source := range []string{"a.jpg", "b.jpg"} {
		if err := ask(source, time.Hour); err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
	for source, until := range map[string]time.Duration{"c.jpg": time.Hour, "past.jpg": -time.Hour} {
		if err := ask(source, until); tasks.CodeOf(err) != tasks.Invalid || !strings.Contains(err.Error(), "keep_fresh_until: ") {
			t.Errorf("%s: %v, want Invalid for keep_fresh_until", source, err)
		}
	}
	receipt, err := p.SubmitBatch(t.Context(), tasks.Batch{}, slices.Values([]tasks.Upload{
		{Type: tasks.Image, Source: "d.jpg", KeepFreshUntil: time.Now().Add(time.Hour)}, {Type: tasks.Image, Source: "e.jpg"},
	}))
	if err != nil || receipt.Refused != 1 || receipt.Accepted != 1 {
		t.Errorf("of a batch %d rows are accepted and %d refused: %v", receipt.Accepted, receipt.Refused, err)
	}
}
