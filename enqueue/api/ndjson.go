package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"unicode/utf8"
)

// maxLine bounds one row, which may hold 16 KiB of metadata and its escapes.
const maxLine = 64 << 10

// line is one row of a batch as it was sent.
type line struct {
	number int // from 1
	text   []byte
	err    error // the row is none; or, with fatal, what follows can't be read
	fatal  bool
}

var errLongLine = errors.New("the row has over 65536 bytes")

// lines yields the rows of NDJSON, one at a time. Empty lines are left out. The text of a row holds until the next.
func lines(r io.Reader) iter.Seq[line] {
	return func(yield func(line) bool) {
		b := bufio.NewReaderSize(r, maxLine)
		for n := 1; ; n++ {
			text, err := nextLine(b)
			if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLongLine) {
				yield(line{number: n, err: unread(err), fatal: true})
				return
			}
			text = bytes.TrimSpace(text)
			switch {
			case errors.Is(err, errLongLine):
				if !yield(line{number: n, err: invalid("read row", "%v", errLongLine)}) {
					return
				}
				continue
			case len(text) == 0:
			case !utf8.Valid(text):
				if !yield(line{number: n, err: invalid("read row", "it is not UTF-8")}) {
					return
				}
			case !yield(line{number: n, text: text}):
				return
			}
			if err != nil {
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

// elements yields the elements of a JSON array that is known to be one.
func elements(body []byte) iter.Seq[line] {
	return func(yield func(line) bool) {
		d := json.NewDecoder(bytes.NewReader(body))
		if _, err := d.Token(); err != nil {
			return
		}
		for n := 1; d.More(); n++ {
			var text json.RawMessage
			if err := d.Decode(&text); err != nil {
				yield(line{number: n, err: invalid("read row", "%s", jsonFault(err)), fatal: true})
				return
			}
			if !yield(line{number: n, text: text}) {
				return
			}
		}
	}
}
