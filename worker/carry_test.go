package worker_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/worker"
)

// shop is a worker on a real ledger, with files, a checker and a WeChat that do what the test says.
type shop struct {
	t      *testing.T
	ledger *ledger.Ledger
	worker *worker.Worker
	files  func(source string) (tasks.File, error)
	check  func(b []byte, t tasks.MediaType) (tasks.Content, error)
	upload func(ctx context.Context, p tasks.Payload) (tasks.Media, error)
	fix    func(ctx context.Context, b []byte) ([]byte, string, error)

	decodes func(head []byte) bool // nil: nothing must be decoded
	memory  func(b []byte) int64
	change  func(*worker.Config)
	answers func() error // nil: the storage does

	accounts []tasks.Account
	mu       sync.Mutex
	calls    int
}

func (s *shop) callCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func (s *shop) OpenWithin(_ context.Context, _, source string) (tasks.File, error) {
	return s.files(source)
}
func (s *shop) Fits(tasks.MediaType, int64) error { return nil }
func (s *shop) Fixable(tasks.MediaType) int64     { return 1 << 20 }
func (s *shop) Decodes(head []byte, _ int64, _ tasks.MediaType) bool {
	return s.decodes != nil && s.decodes(head)
}
func (s *shop) Memory(b []byte, _ tasks.MediaType) int64 {
	if s.memory == nil {
		return 0
	}
	return s.memory(b)
}
func (s *shop) Answers(context.Context, string) error {
	if s.answers == nil {
		return nil
	}
	return s.answers()
}
func (s *shop) Check(b []byte, t tasks.MediaType) (tasks.Content, error) { return s.check(b, t) }
func (s *shop) Fix(ctx context.Context, b []byte, _ tasks.MediaType) ([]byte, string, error) {
	return s.fix(ctx, b)
}
func (s *shop) Upload(ctx context.Context, _ string, p tasks.Payload) (tasks.Media, error) {
	s.mu.Lock()
	s.calls++
	s.mu.Unlock()
	return s.upload(ctx, p)
}

var account = tasks.Account{Name: "default", Realm: "sandbox", AppID: "wx1", Fingerprint: "f"}

func newShop(t *testing.T, accounts ...tasks.Account) *shop {
	t.Helper()
	l, err := ledger.Open(t.Context(), ledgertest.SQLite(t), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if err := l.Join(t.Context(), tasks.Process{Name: "test", Role: tasks.RoleRun}, []tasks.Account{account}); err != nil {
		t.Fatal(err)
	}
	if accounts == nil {
		accounts = []tasks.Account{account}
	}
	s := &shop{t: t, ledger: l}
	s.files = func(source string) (tasks.File, error) { return fileOf("content of " + source), nil }
	s.check = func(b []byte, kind tasks.MediaType) (tasks.Content, error) {
		return tasks.Content{Type: kind, Ext: ".jpg", Size: int64(len(b))}, nil
	}
	s.upload = func(context.Context, tasks.Payload) (tasks.Media, error) { return media(), nil }
	s.accounts = accounts
	s.hire(l)
	return s
}

// hire puts a worker on a ledger in the place of the one before.
func (s *shop) hire(l worker.Ledger) {
	c := worker.Config{Slots: 4, Retry: worker.Retry{Attempts: 3, Base: time.Nanosecond, UnknownPause: time.Nanosecond}}
	if s.change != nil {
		s.change(&c)
	}
	s.worker = worker.New(worker.Deps{Ledger: l, Files: s, Checker: s, Fixer: s, Uploader: s, Accounts: s.accounts}, c)
	s.t.Cleanup(s.worker.Close)
}

func fileOf(content string) tasks.File {
	return tasks.File{ReadCloser: io.NopCloser(strings.NewReader(content)), Size: int64(len(content))}
}

func media() tasks.Media {
	now := time.Now().UTC().Truncate(time.Second)
	return tasks.Media{ID: "media-" + uuid.NewString(), IssuedAt: now, ExpiresAt: now.Add(72 * time.Hour)}
}

// submit accepts one upload.
func (s *shop) submit(u tasks.Upload) uuid.UUID {
	s.t.Helper()
	u.Producer, u.Account, u.Type = "local", cmp.Or(u.Account, "default"), tasks.Image
	if u.Source == "" {
		u.Source = "a.jpg"
	}
	receipts, err := s.ledger.Accept(s.t.Context(), []tasks.Upload{u})
	if err != nil {
		s.t.Fatal(err)
	}
	return receipts[0].ID
}

// turn dispatches what is ready and carries it, once, and returns how many that were.
func (s *shop) turn() int {
	s.t.Helper()
	if _, err := s.ledger.Mature(s.t.Context(), 100); err != nil {
		s.t.Fatal(err)
	}
	ds, err := s.ledger.Dispatch(s.t.Context(), tasks.Window{Bulk: 100, Interactive: 100})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, d := range ds {
		if err := s.worker.Carry(s.t.Context(), s.payload(d)); err != nil {
			s.t.Fatal(err)
		}
	}
	return len(ds)
}

func (s *shop) payload(c tasks.Chunk) tasks.RunPayload {
	p := s.runs(c.Runs...)
	p.Account, p.Priority, p.Deaths = c.Account, c.Priority, c.Deaths
	return p
}

func (s *shop) runs(runs ...tasks.RunRef) tasks.RunPayload {
	return tasks.RunPayload{V: 2, Ledger: s.ledger.ID(), Runs: runs}
}

func (s *shop) outcome(id uuid.UUID) tasks.Outcome {
	s.t.Helper()
	o, err := s.ledger.Outcome(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

// want compares what matters of an outcome.
func (s *shop) want(id uuid.UUID, state tasks.State, code tasks.Code, attempts int) tasks.Outcome {
	s.t.Helper()
	o := s.outcome(id)
	if o.State != state || o.Code != code || o.Attempts != attempts {
		s.t.Errorf("upload is %s %q after %d attempts (%s), want %s %q after %d", o.State, o.Code, o.Attempts, o.Reason, state, code, attempts)
	}
	return o
}

func wechatError(code tasks.Code, errcode int) error {
	return &tasks.Error{Code: code, Op: "upload media", Errcode: errcode, RID: "rid-1", Err: errors.New("WeChat says no")}
}

func TestCarrySucceeds(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	m := media()
	s.upload = func(_ context.Context, p tasks.Payload) (tasks.Media, error) {
		if string(p.Body) != "content of a.jpg" {
			t.Errorf("WeChat got %q", p.Body)
		}
		return m, nil
	}
	id := s.submit(tasks.Upload{})
	s.turn()
	got := s.outcome(id)
	want := tasks.Outcome{
		ID: id, Producer: "local", Account: "default", Type: tasks.Image, Source: "a.jpg", Filename: "a.jpg",
		State: tasks.Succeeded, Attempts: 1, Round: 1, MediaID: m.ID, IssuedAt: m.IssuedAt, ExpiresAt: m.ExpiresAt,
		SHA256: tasks.HashOf([]byte("content of a.jpg")).String(), Size: 16,
		Current:   &tasks.CurrentMedia{MediaID: m.ID, IssuedAt: m.IssuedAt, ExpiresAt: m.ExpiresAt},
		Submitted: got.Submitted, Finished: got.Finished, History: got.History,
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(got.History) != 1 || got.History[0].Number != 1 || got.History[0].Code != "" {
		t.Errorf("history %+v", got.History)
	}
}

func TestCarryFollowsTheCode(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err      error
		turns    int
		state    tasks.State
		code     tasks.Code
		attempts int
		calls    int
	}{
		"temporary, once":       {wechatError(tasks.Temporary, -1), 1, tasks.Waiting, tasks.Temporary, 1, 1},
		"temporary, to the end": {wechatError(tasks.Temporary, -1), 5, tasks.Failed, tasks.Temporary, 3, 3},
		"unknown":               {wechatError(tasks.Unknown, 99999), 5, tasks.Failed, tasks.Unknown, 3, 3},
		"rejected":              {wechatError(tasks.Rejected, 40004), 5, tasks.Failed, tasks.Rejected, 1, 1},
		"our form":              {wechatError(tasks.Defect, 41005), 5, tasks.Failed, tasks.Defect, 1, 1},
		"daily limit":           {wechatError(tasks.DailyLimit, 45009), 5, tasks.Waiting, tasks.DailyLimit, 0, 1},
		"account":               {wechatError(tasks.AccountHeld, 40164), 5, tasks.Waiting, tasks.AccountHeld, 0, 1},
		"foreign error":         {errors.New("surprise"), 1, tasks.Waiting, tasks.Internal, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.upload = func(context.Context, tasks.Payload) (tasks.Media, error) { return tasks.Media{}, tc.err }
			id := s.submit(tasks.Upload{})
			for range tc.turns {
				s.turn()
			}
			o := s.want(id, tc.state, tc.code, tc.attempts)
			if s.calls != tc.calls {
				t.Errorf("%d calls, want %d", s.calls, tc.calls)
			}
			var e *tasks.Error
			if errors.As(tc.err, &e) && (o.Errcode != e.Errcode || o.RID != e.RID) {
				t.Errorf("errcode %d and rid %q are not those of the failure", o.Errcode, o.RID)
			}
		})
	}
}

func TestPanicFailsOneAttempt(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.check = func([]byte, tasks.MediaType) (tasks.Content, error) { panic("walker out of bounds") }
	id := s.submit(tasks.Upload{})
	s.turn()
	o := s.want(id, tasks.Waiting, tasks.Internal, 1)
	if !strings.Contains(o.Reason, "walker out of bounds") {
		t.Errorf("reason %q", o.Reason)
	}
	s.check = func([]byte, tasks.MediaType) (tasks.Content, error) { return tasks.Content{}, nil }
	s.turn()
	s.want(id, tasks.Succeeded, "", 2)
}

func TestSameContentIsUploadedOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.files = func(string) (tasks.File, error) { return fileOf("the same"), nil }
	first, second := s.submit(tasks.Upload{Source: "a.jpg"}), s.submit(tasks.Upload{Source: "b.jpg"})
	insist := s.submit(tasks.Upload{Source: "c.jpg", NoReuse: true})
	s.turn()
	a, b := s.want(first, tasks.Succeeded, "", 1), s.want(second, tasks.Succeeded, "", 0)
	if a.MediaID != b.MediaID || a.Reused || !b.Reused {
		t.Errorf("media %s (reused %v) and %s (reused %v)", a.MediaID, a.Reused, b.MediaID, b.Reused)
	}
	if c := s.want(insist, tasks.Succeeded, "", 1); c.Reused || s.calls != 2 {
		t.Errorf("no_reuse: reused %v after %d calls", c.Reused, s.calls)
	}
}

func TestTwinWaitsForTheFirst(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.files = func(string) (tasks.File, error) { return fileOf("the same"), nil }
	first, second := s.submit(tasks.Upload{Source: "a.jpg"}), s.submit(tasks.Upload{Source: "b.jpg"})
	ds, err := s.ledger.Dispatch(t.Context(), tasks.Window{Bulk: 10})
	if err != nil || len(ds) != 2 {
		t.Fatalf("%d dispatched, %v", len(ds), err)
	}
	s.upload = func(context.Context, tasks.Payload) (tasks.Media, error) {
		if err := s.worker.Carry(t.Context(), s.payload(ds[1])); err != nil {
			t.Error(err)
		}
		s.want(second, tasks.Waiting, tasks.Twin, 0)
		return media(), nil
	}
	if err := s.worker.Carry(t.Context(), s.payload(ds[0])); err != nil {
		t.Fatal(err)
	}
	s.turn()
	if a, b := s.outcome(first), s.want(second, tasks.Succeeded, "", 0); a.MediaID != b.MediaID || s.calls != 1 {
		t.Errorf("%d calls for one content", s.calls)
	}
}

func TestStaleTasksEndQuietly(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.submit(tasks.Upload{})
	ds, err := s.ledger.Dispatch(t.Context(), tasks.Window{Bulk: 10})
	if err != nil {
		t.Fatal(err)
	}
	d := ds[0]
	generation := d.Runs[0].Generation
	for name, p := range map[string]tasks.RunPayload{
		"another generation": s.runs(tasks.RunRef{Upload: id, Generation: generation + 1}),
		"another ledger":     {V: 2, Ledger: uuid.New(), Runs: d.Runs},
		"no such upload":     s.runs(tasks.RunRef{Upload: uuid.New(), Generation: 1}),
	} {
		if err := s.worker.Carry(t.Context(), p); err != nil || s.calls != 0 {
			t.Errorf("%s: %v after %d calls", name, err, s.calls)
		}
	}
	for range 3 { // the belt may bring a task more than once
		if err := s.worker.Carry(t.Context(), s.payload(d)); err != nil {
			t.Error(err)
		}
	}
	if s.calls != 1 {
		t.Errorf("%d calls for one generation", s.calls)
	}
}

func TestWorkerThatCantJudgeHandsBack(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		accounts []tasks.Account
		err      error
		code     tasks.Code
	}{
		"account unknown here": {[]tasks.Account{{Name: "other"}}, nil, tasks.NoWork},
		"storage missing":      {nil, &tasks.Error{Code: tasks.Storage, Err: errors.New("the storage root is gone")}, tasks.Storage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, tc.accounts...)
			s.files = func(string) (tasks.File, error) { return tasks.File{}, tc.err }
			id := s.submit(tasks.Upload{})
			s.turn()
			s.want(id, tasks.Waiting, tc.code, 0)
			if n := s.turn(); n != 0 {
				t.Errorf("it came back at once, %d times", n)
			}
		})
	}
}

func TestSourceThatChangesIsNeverUploaded(t *testing.T) {
	t.Parallel()
	changed := &tasks.Error{Code: tasks.Changed, Err: errors.New("its time changed")}
	for name, file := range map[string]tasks.File{
		"shorter":  {ReadCloser: io.NopCloser(strings.NewReader("abc")), Size: 4},
		"longer":   {ReadCloser: io.NopCloser(strings.NewReader("abcde")), Size: 4},
		"replaced": {ReadCloser: io.NopCloser(strings.NewReader("abcd")), Size: 4, Verify: func() error { return changed }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.files = func(string) (tasks.File, error) { return file, nil }
			id := s.submit(tasks.Upload{})
			s.turn()
			s.want(id, tasks.Waiting, tasks.Changed, 1)
			if s.calls != 0 {
				t.Error("it was uploaded all the same")
			}
			s.files = func(string) (tasks.File, error) { return fileOf("settled"), nil }
			s.turn()
			s.want(id, tasks.Succeeded, "", 2)
		})
	}
}

func TestPictureIsMadeToFitOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.check = func(b []byte, kind tasks.MediaType) (tasks.Content, error) {
		if string(b) == "small" {
			return tasks.Content{Type: kind}, nil
		}
		return tasks.Content{}, &tasks.Error{Code: tasks.TooLarge, Err: errors.New("too large")}
	}
	s.fix = func(context.Context, []byte) ([]byte, string, error) { return []byte("small"), "scaled to half", nil }
	plain, asked := s.submit(tasks.Upload{Source: "a.jpg"}), s.submit(tasks.Upload{Source: "b.jpg", Fix: true})
	s.turn()
	s.want(plain, tasks.Failed, tasks.TooLarge, 1)
	o := s.want(asked, tasks.Succeeded, "", 1)
	if o.Fixed != "scaled to half" || o.SHA256 != tasks.HashOf([]byte("small")).String() || o.Original != tasks.HashOf([]byte("content of b.jpg")).String() {
		t.Errorf("what was done is not in the outcome: %+v", o)
	}
}

func TestCallThatWasNotMadeIsNotCounted(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.upload = func(context.Context, tasks.Payload) (tasks.Media, error) {
		return tasks.Media{}, wechatError(tasks.Temporary, 0) // no token could be had
	}
	s.submit(tasks.Upload{})
	s.turn()
	if n := s.callsToday(); n != 0 {
		t.Errorf("%d calls counted, none was made", n)
	}
	s.upload = func(ctx context.Context, p tasks.Payload) (tasks.Media, error) {
		for range 2 {
			if err := p.Spend(ctx); err != nil {
				t.Error(err)
			}
		}
		return tasks.Media{}, wechatError(tasks.Temporary, -1)
	}
	s.turn()
	if n := s.callsToday(); n != 2 {
		t.Errorf("%d calls counted, two were made", n)
	}
}

func (s *shop) callsToday() int {
	s.t.Helper()
	accounts, err := s.ledger.Accounts(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return accounts[0].CallsToday
}

func TestCancelEndsARunningUpload(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.submit(tasks.Upload{})
	s.upload = func(ctx context.Context, _ tasks.Payload) (tasks.Media, error) {
		if _, err := s.ledger.Cancel(t.Context(), id); err != nil {
			t.Error(err)
		}
		<-ctx.Done() // the next renewal tells
		return tasks.Media{}, context.Cause(ctx)
	}
	s.turn()
	s.want(id, tasks.Canceled, tasks.Stopped, 0)
}

func TestCancelLosesToASuccess(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.submit(tasks.Upload{})
	s.upload = func(context.Context, tasks.Payload) (tasks.Media, error) {
		if _, err := s.ledger.Cancel(t.Context(), id); err != nil {
			t.Error(err)
		}
		return media(), nil
	}
	s.turn()
	s.want(id, tasks.Succeeded, "", 1)
}

func TestStopHandsBackWithoutAnAttempt(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.submit(tasks.Upload{})
	s.upload = func(ctx context.Context, _ tasks.Payload) (tasks.Media, error) {
		s.worker.Stop()
		<-ctx.Done()
		return tasks.Media{}, &tasks.Error{Code: tasks.Temporary, Err: ctx.Err()}
	}
	s.turn()
	s.want(id, tasks.Queued, "", 0)
}

// A file that is cut off and was modified just now is tried again; one that was left alone is refused for good. An
// object of a bucket is never half written.
func TestCutOffAndStillWritten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		age   time.Duration // when it is opened
		etag  string
		code  tasks.Code
		state tasks.State
	}{
		"just now":         {0, "", tasks.Unstable, tasks.Waiting},
		"an hour ago":      {time.Hour, "", tasks.Corrupt, tasks.Failed},
		"just now, object": {0, "e", tasks.Corrupt, tasks.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.files = func(source string) (tasks.File, error) {
				f := fileOf("half of " + source)
				f.Modified, f.ETag = time.Now().Add(-c.age), c.etag
				return f, nil
			}
			s.check = func([]byte, tasks.MediaType) (tasks.Content, error) {
				return tasks.Content{}, &tasks.Error{Code: tasks.Corrupt, Op: "check image", Err: tasks.ErrCutOff}
			}
			id := s.submit(tasks.Upload{})
			s.turn()
			o := s.outcome(id)
			if o.State != c.state || o.Code != c.code {
				t.Errorf("%s, %s: %s, want %s, %s", o.State, o.Code, o.Reason, c.state, c.code)
			}
		})
	}
}
