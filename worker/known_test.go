package worker_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/source"
)

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

// A call that was counted before the file was read is given back where the reading fails.
func TestCallThatWasCountedAndNotMadeIsGivenBack(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var broken error
	s.files = func(string) (tasks.File, error) {
		f := fileOf("the same")
		f.Identity = "8 bytes of yesterday"
		if broken != nil {
			f.ReadCloser = io.NopCloser(iotest.ErrReader(broken))
		}
		return f, nil
	}
	first, second := s.submit(tasks.Upload{Source: "a.jpg"}), s.submit(tasks.Upload{Source: "b.jpg"})
	chunks, err := s.ledger.Dispatch(t.Context(), tasks.Window{Bulk: 10})
	if err != nil {
		t.Fatal(err)
	}
	s.upload = func(context.Context, tasks.Payload) (tasks.Media, error) {
		err := s.worker.Carry(t.Context(), s.payload(chunks[1])) // it waits for its twin
		return tasks.Media{}, cmp.Or(err, wechatError(tasks.Rejected, 40009))
	}
	if err := s.worker.Carry(t.Context(), s.payload(chunks[0])); err != nil {
		t.Fatal(err)
	}
	broken = &tasks.Error{Code: tasks.Missing}
	s.turn()
	s.want(first, tasks.Failed, tasks.Rejected, 1)
	s.want(second, tasks.Failed, tasks.Missing, 1)
	if n := s.callsToday(); n != 0 {
		t.Errorf("%d calls counted, none was made", n)
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
