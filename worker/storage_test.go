package worker_test

import (
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker"
)

// stuck is a file whose bytes come once the storage is mended.
type stuck struct {
	io.Reader
	mended <-chan struct{}
	reads  atomic.Int64
	closed atomic.Int64
}

func (s *stuck) Read(b []byte) (int, error) {
	s.reads.Add(1)
	<-s.mended
	return s.Reader.Read(b)
}

func (s *stuck) Close() error {
	s.closed.Add(1)
	return nil
}

// A call that hangs in the kernel can't be ended. Its upload goes to another worker all the same, without an attempt, and
// what the call holds is given back when it returns.
func TestAHangingStorageHoldsNoUpload(t *testing.T) {
	t.Parallel()
	for name, hangs := range map[string]struct{ open, read bool }{"at its opening": {open: true}, "at its reading": {read: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.change = func(c *worker.Config) { c.StoragePatience = time.Millisecond }
			s.hire(s.ledger)
			mended := make(chan struct{})
			file := &stuck{Reader: strings.NewReader("content"), mended: mended}
			s.files = func(string) (tasks.File, error) {
				if hangs.open {
					<-mended
				}
				return tasks.File{ReadCloser: file, Size: 7}, nil
			}
			s.answers = func() error {
				return &tasks.Error{Code: tasks.Storage, Op: "ask the storage root", Err: errors.New("it did not answer for 3s")}
			}
			id := s.submit(tasks.Upload{})
			s.turn()
			if o := s.want(id, tasks.Waiting, tasks.Storage, 0); !strings.Contains(o.Reason, "did not answer") {
				t.Errorf("reason %q", o.Reason)
			}
			if n := file.closed.Load(); n != 0 {
				t.Error("the file was closed under the call that reads it")
			}
			close(mended)
			taskstest.Until(t, "the file is closed", func() bool { return file.closed.Load() > 0 })
			if n := file.closed.Load(); n != 1 {
				t.Errorf("the file was closed %d times", n)
			}
		})
	}
}

// A slow storage is waited for as long as it answers.
func TestASlowStorageIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.change = func(c *worker.Config) { c.StoragePatience = time.Millisecond }
	s.hire(s.ledger)
	mended := make(chan struct{})
	s.files = func(string) (tasks.File, error) {
		return tasks.File{ReadCloser: &stuck{Reader: strings.NewReader("content"), mended: mended}, Size: 7}, nil
	}
	asked := 0
	s.answers = func() error {
		if asked++; asked == 5 {
			close(mended)
		}
		return nil
	}
	id := s.submit(tasks.Upload{})
	s.turn()
	s.want(id, tasks.Succeeded, "", 1)
	if asked < 5 {
		t.Errorf("asked %d times whether the storage answers", asked)
	}
}
