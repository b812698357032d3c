package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/mediaferry/mediaferry/tasks"
)

// window is the size of the buffer for lines: two lines of the greatest length, so that most lines need not be copied.
const window = 2 * MaxLine

// errTooLong is the error of one line. The next line can still be read.
var errTooLong = tasks.Textf("it is longer than 64 KiB")

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
		return nil, &tasks.Error{Code: tasks.Invalid, Op: "read manifest", Err: tasks.Textf("it is UTF-16"),
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

// next returns the next line without its end. The line is valid until the next call. next returns errTooLong for a line that
// it skipped, and io.EOF at the end.
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

// rows yields row(line) for each line, except those for which row returns false. field names what a line has.
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

// drop skips everything up to and including the next separator.
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

// unreadable returns the only row of a manifest that can't be read.
func unreadable(line int, err error) Row {
	r := broken(line, err)
	r.Whole = true
	return r
}

// broken returns the last row of a manifest that can't be read any further.
func broken(line int, err error) Row {
	var known *tasks.Error
	if !errors.As(err, &known) {
		err = &tasks.Error{Code: tasks.Unavailable, Op: "read manifest", Err: err, Hint: "give the manifest again: rows that were submitted are not submitted twice"}
	}
	return refuse(line, tasks.Upload{}, err)
}
