package worker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/source"
)

// lossy is a ledger whose answers get lost on the way, after they were committed.
type lossy struct {
	*ledger.Ledger
	lost int
}

func (l *lossy) Claim(ctx context.Context, bids []tasks.Bid, worker string, lease time.Duration) ([]tasks.Claim, error) {
	claims, err := l.Ledger.Claim(ctx, bids, worker, lease)
	if l.lost++; l.lost == 1 && err == nil {
		return nil, &tasks.Error{Code: tasks.Unavailable, Op: "claim", Err: errors.New("the answer to COMMIT was lost")}
	}
	return claims, err
}

// The claim was made, so nobody else can have the upload: where it could not be asked for again, its lease would have to
// run out, and the upload would be blamed for a death.
func TestALostAnswerToAClaimCostsNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	l := &lossy{Ledger: s.ledger}
	s.hire(l)
	ids := []uuid.UUID{s.submit(tasks.Upload{Source: "a.jpg"}), s.submit(tasks.Upload{Source: "b.jpg"})}
	s.turn()
	for _, id := range ids {
		s.want(id, tasks.Succeeded, "", 1)
	}
	if l.lost != 3 || s.calls != 2 {
		t.Errorf("%d claims and %d calls, want 3 and 2", l.lost, s.calls)
	}
}

// carryAll carries all that is dispatched as one chunk, as the belt would bring it.
func (s *shop) carryAll() {
	s.t.Helper()
	chunks, err := s.ledger.Dispatch(s.t.Context(), tasks.Window{Bulk: 100})
	if err != nil {
		s.t.Fatal(err)
	}
	var all tasks.Chunk
	for _, c := range chunks {
		all.Runs = append(all.Runs, c.Runs...)
	}
	if err := s.worker.Carry(s.t.Context(), s.payload(all)); err != nil {
		s.t.Error(err)
	}
}

func TestASlowNeighbourDelaysNoOutcome(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	const n = 16
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = s.submit(tasks.Upload{Source: fmt.Sprintf("%d.jpg", i)})
	}
	slow := make(chan struct{})
	s.upload = func(_ context.Context, p tasks.Payload) (tasks.Media, error) {
		if string(p.Body) == "content of 3.jpg" {
			<-slow
		}
		return media(), nil
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.carryAll()
	}()
	for i, id := range ids {
		taskstest.Until(t, "the others are recorded", func() bool { return i == 3 || s.outcome(id).State == tasks.Succeeded })
	}
	s.want(ids[3], tasks.Running, "", 0)
	close(slow)
	<-done
	s.want(ids[3], tasks.Succeeded, "", 1)
}

// An account whose calls are slow must not keep a quick one from being served, by slots or by memory.
func TestAnAccountWithSlowCallsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	quick := tasks.Account{Name: "quick", Realm: "sandbox", AppID: "wx2", Fingerprint: "f"}
	s := newShop(t, account, quick)
	release := make(chan struct{})
	s.upload = func(_ context.Context, p tasks.Payload) (tasks.Media, error) {
		if p.Body[len(p.Body)-1] == 's' {
			<-release
		}
		return media(), nil
	}
	var slow, quicks []uuid.UUID
	var carried sync.WaitGroup
	for i := range 8 {
		slow = append(slow, s.submit(tasks.Upload{Source: fmt.Sprintf("%d.slows", i)}))
	}
	carried.Go(s.carryAll)
	taskstest.Until(t, "slow calls hold all slots", func() bool { return s.callCount() == 4 })
	for i := range 40 {
		quicks = append(quicks, s.submit(tasks.Upload{Account: quick.Name, Source: fmt.Sprintf("%d.jpg", i)}))
	}
	for range 4 {
		s.carryAll()
	}
	for _, id := range quicks {
		s.want(id, tasks.Succeeded, "", 1)
	}
	close(release)
	carried.Wait()
	for _, id := range slow {
		s.want(id, tasks.Succeeded, "", 1)
	}
}

// What was read once and had to wait is answered before it is read again.
func TestWhatIsKnownIsReusedWithoutAReading(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	reads := 0
	s.files = func(string) (tasks.File, error) {
		reads++
		f := fileOf("the same")
		f.Identity = "8 bytes of yesterday"
		return f, nil
	}
	checks := 0
	s.check = func([]byte, tasks.MediaType) (tasks.Content, error) {
		checks++
		return tasks.Content{}, nil
	}
	first, second := s.submit(tasks.Upload{Source: "a.jpg"}), s.submit(tasks.Upload{Source: "b.jpg"})
	chunks, err := s.ledger.Dispatch(t.Context(), tasks.Window{Bulk: 10})
	if err != nil {
		t.Fatal(err)
	}
	s.upload = func(context.Context, tasks.Payload) (tasks.Media, error) {
		return media(), s.worker.Carry(t.Context(), s.payload(chunks[1])) // it waits for its twin
	}
	if err := s.worker.Carry(t.Context(), s.payload(chunks[0])); err != nil {
		t.Fatal(err)
	}
	s.turn()
	a, b := s.want(first, tasks.Succeeded, "", 1), s.want(second, tasks.Succeeded, "", 0)
	if !b.Reused || a.MediaID != b.MediaID || b.SHA256 != a.SHA256 || b.Size != a.Size {
		t.Errorf("outcomes %+v and %+v", a, b)
	}
	if reads != 3 || checks != 2 {
		t.Errorf("opened %d times and checked %d times, want 3 and 2", reads, checks)
	}
}

// Where the file is another one by now, nothing of what was read counts.
func TestWhatWasKnownOfAnotherFileIsForgotten(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	content, identity := "the same", "1"
	s.files = func(string) (tasks.File, error) {
		f := fileOf(content)
		f.Identity = identity
		return f, nil
	}
	first, second := s.submit(tasks.Upload{Source: "a.jpg"}), s.submit(tasks.Upload{Source: "b.jpg"})
	chunks, err := s.ledger.Dispatch(t.Context(), tasks.Window{Bulk: 10})
	if err != nil {
		t.Fatal(err)
	}
	s.upload = func(context.Context, tasks.Payload) (tasks.Media, error) {
		if identity == "1" {
			if err := s.worker.Carry(t.Context(), s.payload(chunks[1])); err != nil {
				t.Error(err)
			}
		}
		content, identity = "another", "2"
		return media(), nil
	}
	if err := s.worker.Carry(t.Context(), s.payload(chunks[0])); err != nil {
		t.Fatal(err)
	}
	s.turn()
	s.want(first, tasks.Succeeded, "", 1)
	if o := s.want(second, tasks.Succeeded, "", 1); o.Reused || o.SHA256 != tasks.HashOf([]byte("another")).String() {
		t.Errorf("outcome %+v", o)
	}
}

// A file that was rewritten while it waited is read again, though size and mtime are as they were.
func TestWhatWasKnownOfARewrittenFileIsForgotten(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	root := t.TempDir()
	at := time.Now().Add(-time.Hour)
	write := func(name, content string) {
		path := filepath.Join(root, name)
		if err := errors.Join(os.WriteFile(path, []byte(content), 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Error(err)
		}
	}
	store, err := source.New(source.Config{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	s.files = func(src string) (tasks.File, error) { return store.Open(t.Context(), src) }
	write("a.jpg", "the same")
	write("b.jpg", "the same")
	taskstest.Until(t, "the files have an identity", func() bool {
		e, err := store.Stat(t.Context(), "b.jpg")
		return err == nil && e.Identity != ""
	})
	first, second := s.submit(tasks.Upload{Source: "a.jpg"}), s.submit(tasks.Upload{Source: "b.jpg"})
	chunks, err := s.ledger.Dispatch(t.Context(), tasks.Window{Bulk: 10})
	if err != nil {
		t.Fatal(err)
	}
	s.upload = func(_ context.Context, p tasks.Payload) (tasks.Media, error) {
		if string(p.Body) == "the same" {
			if err := s.worker.Carry(t.Context(), s.payload(chunks[1])); err != nil { // it waits for its twin
				t.Error(err)
			}
			write("b.jpg", "not that")
		}
		return media(), nil
	}
	if err := s.worker.Carry(t.Context(), s.payload(chunks[0])); err != nil {
		t.Fatal(err)
	}
	s.turn()
	s.want(first, tasks.Succeeded, "", 1)
	if o := s.want(second, tasks.Succeeded, "", 1); o.Reused || o.SHA256 != tasks.HashOf([]byte("not that")).String() {
		t.Errorf("outcome %+v", o)
	}
}

// What was read goes with every outcome, a refusal too.
func TestWhatWasReadIsRecorded(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.files = func(src string) (tasks.File, error) {
		f := fileOf("content of " + src)
		f.Identity = "look of " + src
		return f, nil
	}
	s.check = func(b []byte, kind tasks.MediaType) (tasks.Content, error) {
		switch string(b) {
		case "content of bad", "content of fixed":
			return tasks.Content{}, &tasks.Error{Code: tasks.Corrupt, Err: errors.New("damaged")}
		}
		return tasks.Content{Type: kind}, nil
	}
	s.fix = func(context.Context, []byte) ([]byte, string, error) { return []byte("small"), "scaled to half", nil }
	for _, name := range []string{"good", "bad", "fixed"} {
		s.submit(tasks.Upload{Source: name, ExternalID: name, Fix: name == "fixed"})
	}
	s.turn()
	got, err := s.ledger.KnownSources(t.Context(), "local", []string{"good", "bad", "fixed"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]tasks.KnownSource{}
	for _, name := range []string{"good", "bad", "fixed"} {
		want[name] = tasks.KnownSource{Type: tasks.Image, KnownContent: tasks.KnownContent{Hash: tasks.HashOf([]byte("content of " + name)), Identity: "look of " + name}}
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
}
