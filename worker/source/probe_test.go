package source

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// hanging is a store whose root hangs until mend is called, and the number of looks at it.
func hanging(t *testing.T, log *bytes.Buffer) (s *Store, looks *atomic.Int64, mend func()) {
	t.Helper()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "a.jpg"), []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Root: root, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	looks = new(atomic.Int64)
	answers := make(chan struct{})
	read := s.root.probe.look
	s.root.probe.look = func() error {
		looks.Add(1)
		<-answers
		return read()
	}
	return s, looks, func() { close(answers) }
}

// However many ask, one of them looks at a storage that hangs; all hear within seconds that it does not answer.
func TestAHangingStorageIsLookedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s, looks, mend := hanging(t, &log)
		ask := func(n int, within time.Duration, says string) {
			t.Helper()
			began := time.Now()
			var asked sync.WaitGroup
			for range n {
				asked.Go(func() {
					if err := s.Ready(t.Context()); tasks.CodeOf(err) != tasks.Storage || !strings.Contains(err.Error(), says) {
						t.Errorf("%v, want a Storage error that says %q", err, says)
					}
				})
			}
			asked.Wait()
			if took := time.Since(began); took > within || looks.Load() != 1 {
				t.Errorf("the answer took %s and %d looks, want %s at most and 1", took, looks.Load(), within)
			}
		}
		ask(1000, patience, "did not answer for 3s")
		time.Sleep(10 * time.Minute) // the bubble's clock: no time passes
		ask(1000, 0, "did not answer for 10m3s")

		if _, err := s.Open(t.Context(), "a.jpg"); tasks.CodeOf(err) != tasks.Storage {
			t.Errorf("Open: %v, want Storage, without a touch of the root", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Answers(gone, "s3://bucket/key"); err != nil {
			t.Errorf("a bucket is said not to answer: %v", err)
		}

		mend()
		synctest.Wait()
		if err := s.Ready(t.Context()); err != nil {
			t.Errorf("Ready once it answers again: %v", err)
		}
		if f, err := s.Open(t.Context(), "a.jpg"); err != nil {
			t.Errorf("Open once it answers again: %v", err)
		} else {
			f.Close()
		}
		if got := [2]int{strings.Count(log.String(), "can't be read"), strings.Count(log.String(), "the storage root is back")}; got != [2]int{1, 1} {
			t.Errorf("logged %v times away and back, want [1 1]:\n%s", got, log.String())
		}
	})
}

func TestAskingTheStorageEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _, mend := hanging(t, new(bytes.Buffer))
		defer mend()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Ready(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Ready: %v, want the end of its context", err)
		}
	})
}
