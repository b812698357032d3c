package worker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// opened is a source that was opened.
type opened struct {
	tasks.File
	head []byte // its first bytes, of an upload that may be made to fit; they are read again with the others
	left bool   // a call of the storage that was left behind still has it, and closes it
}

// headBytes is how much of a file is looked at to find out what must be done with it.
const headBytes = 4 << 10

// open opens the source, and says in result what it looks like. A file that is over the limit is refused before a byte of
// it is read.
func (w *Worker) open(ctx context.Context, claim tasks.Claim, result *tasks.Result) (*opened, error) {
	defer w.passed(tasks.StageOpen, time.Now())
	f := new(opened)
	left, err := w.patiently(ctx, claim, func() (err error) {
		if f.File, err = w.Files.OpenWithin(ctx, claim.Granted, claim.Source); err != nil {
			return err
		}
		if err = w.fits(claim, f.Size); err == nil && claim.Fix && w.Fixer != nil {
			err = f.readHead()
		}
		return err
	}, func() { f.close() })
	if !left {
		result.Read.Identity = f.Identity
	}
	if err != nil {
		if !left {
			f.close()
		}
		return nil, err
	}
	return f, nil
}

// readHead reads the first bytes ahead.
func (f *opened) readHead() error {
	head := make([]byte, min(headBytes, f.Size))
	n, err := io.ReadFull(f.File, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) { // that it is shorter now is found by read
		return readError(err)
	}
	f.head = head[:n]
	f.ReadCloser = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(f.head), f.ReadCloser), f.ReadCloser}
	return nil
}

func (f *opened) close() {
	if f.ReadCloser != nil && !f.left {
		f.Close()
	}
}
