package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/tasks"
)

// maxLine bounds one row, which may hold 16 KiB of metadata and its escapes.
const maxLine = 64 << 10

// maxLines bounds the lines of a batch, the empty ones included.
const maxLines = 2 * maxRows

// line is one row of a batch as it was sent.
type line struct {
	number int // from 1
	text   []byte
	fault  error // refuses the row; nil: text is to be decoded
}

var errLongLine = tasks.Textf("the row has over 65536 bytes")

// lines yields the rows of NDJSON, one at a time. It leaves out empty lines. The text of a row holds until the next. An
// error ends the rows.
func lines(r io.Reader) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		b := bufio.NewReaderSize(r, maxLine)
		for n := 1; ; n++ {
			text, err := nextLine(b)
			long := errors.Is(err, errLongLine)
			if err != nil && !errors.Is(err, io.EOF) && !long {
				yield(line{}, unread(err))
				return
			}
			if n > maxLines { // empty ones cost no rate
				yield(line{}, tooManyRows())
				return
			}
			l := line{number: n, text: bytes.TrimSpace(text)}
			switch {
			case long:
				l.fault = invalid("read row", "%v", errLongLine)
			case !utf8.Valid(l.text):
				l.fault = invalid("read row", "it is not UTF-8")
			}
			if (long || len(l.text) > 0) && !yield(l, nil) || err != nil && !long {
				return
			}
		}
	}
}

// nextLine returns the next line, io.EOF with the last one, and errLongLine, at the line's end, for one that is too
// long to be kept.
func nextLine(b *bufio.Reader) ([]byte, error) {
	text, err := b.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return text, err
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = b.ReadSlice('\n')
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return nil, errLongLine
}

// elements yields the elements of a JSON array, one at a time, and holds no more of it than one. It returns an error for
// what does not begin like an array.
func elements(r io.Reader) (iter.Seq2[line, error], error) {
	from := &limitedReader{Reader: r, left: maxLine}
	d := json.NewDecoder(from)
	first, err := d.Token()
	switch {
	case from.err != nil:
		return nil, unread(from.err)
	case err != nil:
		return nil, invalid("read batch", "body: %s", jsonFault(err))
	case first != json.Delim('['):
		return nil, invalid("read batch", "body: want an array of uploads")
	}
	return func(yield func(line, error) bool) {
		for n := 1; ; n++ {
			from.left = maxLine // beyond what the decoder holds already
			if !d.More() {
				break
			}
			var text json.RawMessage
			if err := d.Decode(&text); err != nil {
				yield(line{}, from.explain(err))
				return
			}
			l := line{number: n, text: text}
			if len(text) > maxLine {
				l.fault = invalid("read row", "%v", errLongLine)
			}
			if !yield(l, nil) {
				return
			}
		}
		if err := arrayEnd(d); err != nil {
			yield(line{}, from.explain(err))
		}
	}, nil
}

// arrayEnd reads what follows the last element.
func arrayEnd(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return err
	}
	if _, err := d.Token(); err == nil {
		return tasks.Textf("there is something after the array")
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// limitedReader gives a decoder only so many bytes for one element.
type limitedReader struct {
	io.Reader
	left int
	err  error // what ended it, but for io.EOF
}

func (r *limitedReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, errLongLine
	}
	n, err := r.Reader.Read(p[:min(len(p), r.left)])
	r.left -= n
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// explain says what is wrong with an array that ended with err.
func (r *limitedReader) explain(err error) error {
	if r.err != nil {
		return unread(r.err)
	}
	return invalid("read batch", "body: %s", jsonFault(err))
}
