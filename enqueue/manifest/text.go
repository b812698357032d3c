package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/mediaferry/mediaferry/tasks"
)

// window is the size of the buffer lines are found in: two lines of the greatest length, so that most of them need
// no copying.
const window = 2 * MaxLine

// errTooLong is the fault of a line; the one after it can be read.
var errTooLong = errors.New("it is longer than 64 KiB")

// text returns r as UTF-8 without its BOM. It refuses UTF-16, which some spreadsheets call Unicode text.
func text(r io.Reader, o Options) (*bufio.Reader, error) {
	b := decoded(r, o)
	head, err := b.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, err = b.Discard(3)
		return b, err
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return nil, &tasks.Error{Code: tasks.Invalid, Op: "read manifest", Err: errors.New("it is UTF-16"),
			Hint: "save it as UTF-8 (in spreadsheets: CSV UTF-8)"}
	}
	return b, nil
}

func decoded(r io.Reader, o Options) *bufio.Reader {
	if o.GBK {
		r = simplifiedchinese.GB18030.NewDecoder().Reader(r)
	}
	return bufio.NewReaderSize(r, window)
}

// lines finds lines that end with one separator.
type lines struct {
	r    *bufio.Reader
	sep  byte
	line int // number of the last line returned
}

// next returns the next line without its end, valid until the next call; errTooLong for one that it left out; io.EOF
// at the end.
func (l *lines) next() ([]byte, error) {
	line, err := l.r.ReadSlice(l.sep)
	if len(line) == 0 && err != nil {
		return nil, err
	}
	l.line++
	if errors.Is(err, bufio.ErrBufferFull) {
		if err := drop(l.r, l.sep); err != nil {
			return nil, err
		}
		return nil, errTooLong
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	line = bytes.TrimSuffix(line, []byte{l.sep})
	if len(line) > MaxLine {
		return nil, errTooLong
	}
	return line, nil
}

// rows yields what row makes of each line, but for those it returns false for. field names what a line is.
func (l *lines) rows(field string, row func(line []byte) (Row, bool), yield func(Row) bool) {
	for {
		line, err := l.next()
		var r Row
		ok := true
		switch {
		case errors.Is(err, io.EOF):
			return
		case errors.Is(err, errTooLong):
			r = refuse(l.line, tasks.Upload{}, invalid(field, "%w", errTooLong))
		case err != nil:
			yield(broken(l.line+1, err))
			return
		default:
			r, ok = row(line)
		}
		if ok && !yield(r) {
			return
		}
	}
}

// drop reads up to and with the next separator.
func drop(r *bufio.Reader, sep byte) error {
	for {
		_, err := r.ReadSlice(sep)
		switch {
		case err == nil, errors.Is(err, io.EOF):
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// unreadable is the only row of a manifest of which none can be read.
func unreadable(line int, err error) Row {
	r := broken(line, err)
	r.Whole = true
	return r
}

// broken is the row that ends a manifest which can't be read any further.
func broken(line int, err error) Row {
	var known *tasks.Error
	if !errors.As(err, &known) {
		err = &tasks.Error{Code: tasks.Unavailable, Op: "read manifest", Err: err, Hint: "give the manifest again: rows that were submitted are not submitted twice"}
	}
	return refuse(line, tasks.Upload{}, err)
}
