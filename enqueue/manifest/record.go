package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/mediaferry/mediaferry/tasks"
)

// Errors of one record. The next record can still be read.
var (
	errUnclosed = tasks.Textf(`a quoted cell has no closing quote within 64 KiB`)
	errQuote    = tasks.Textf(`a quote stands inside a cell: write the whole cell in quotes, and a quote in it twice`)
)

// records finds the records of CSV (RFC 4180). Quoted cells may have line ends. Unlike encoding/csv it loses only one line to
// a quote that is never closed, and not the rest of the manifest.
type records struct {
	r     *bufio.Reader
	comma byte
	line  int // the line the last record began in
	after int // the line the next one begins in, less one
}

// next returns the cells of the next record; errTooLong, errUnclosed or errQuote for one that is left out; io.EOF at
// the end.
func (s *records) next() ([]string, error) {
	record, err := s.find()
	switch {
	case errors.Is(err, errTooLong), errors.Is(err, errUnclosed):
		return nil, errors.Join(err, s.dropLine())
	case err != nil:
		return nil, err
	}
	cells, err := cells(trimEnd(record), s.comma)
	s.line = s.after + 1
	s.after += max(bytes.Count(record, []byte("\n")), 1)
	_, errDiscard := s.r.Discard(len(record))
	return cells, errors.Join(err, errDiscard)
}

// find returns the next record with its line end, still in the buffer.
func (s *records) find() ([]byte, error) {
	var at state
	for pos := 0; ; {
		buffered, _ := s.r.Peek(s.r.Buffered())
		for ; pos < len(buffered); pos++ {
			c := buffered[pos]
			if c == '\n' && at != quoted {
				return bounded(buffered[:pos+1])
			}
			at = at.after(c, s.comma)
		}
		if pos > MaxLine {
			break
		}
		if _, err := s.r.Peek(pos + 1); err != nil {
			switch {
			case !errors.Is(err, io.EOF):
				return nil, err
			case pos == 0:
				return nil, io.EOF
			case at == quoted:
				return nil, errUnclosed
			}
			rest, _ := s.r.Peek(pos)
			return bounded(rest)
		}
	}
	if at == quoted {
		return nil, errUnclosed
	}
	return nil, errTooLong
}

func bounded(record []byte) ([]byte, error) {
	if len(trimEnd(record)) > MaxLine {
		return nil, errTooLong
	}
	return record, nil
}

// dropLine skips the line that a bad record begins in.
func (s *records) dropLine() error {
	s.after++
	s.line = s.after
	return drop(s.r, '\n')
}

func trimEnd(record []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(record, []byte("\n")), []byte("\r"))
}

// state is the state of the scanner at one byte of a record.
type state int8

const (
	begin   state = iota // of a cell
	plain                // in a cell without quotes
	quoted               // in a cell with quotes
	closing              // behind a quote in such a cell: its end, or the first of two that mean one
)

func (s state) after(c, comma byte) state {
	switch {
	case s == quoted && c == '"':
		return closing
	case s == quoted, s == closing && c == '"', s == begin && c == '"':
		return quoted
	case c == comma:
		return begin
	}
	return plain
}

// cells splits one record without its line end.
func cells(record []byte, comma byte) ([]string, error) {
	var all []string
	for {
		cell, rest, err := firstCell(record, comma)
		if err != nil {
			return nil, err
		}
		all = append(all, cell)
		if rest == nil {
			return all, nil
		}
		record = rest
	}
}

// firstCell returns the first cell and the rest after its comma; nil if the record has no more cells.
func firstCell(record []byte, comma byte) (string, []byte, error) {
	if len(record) == 0 || record[0] != '"' {
		cell, rest, found := bytes.Cut(record, []byte{comma})
		if bytes.IndexByte(cell, '"') >= 0 {
			return "", nil, errQuote
		}
		if !found {
			rest = nil
		}
		return string(cell), rest, nil
	}
	var cell strings.Builder
	for rest := record[1:]; ; {
		end := bytes.IndexByte(rest, '"')
		if end < 0 {
			return "", nil, errUnclosed
		}
		cell.Write(rest[:end])
		rest = rest[end+1:]
		switch {
		case len(rest) == 0:
			return cell.String(), nil, nil
		case rest[0] == comma:
			return cell.String(), rest[1:], nil
		case rest[0] != '"':
			return "", nil, errQuote
		}
		cell.WriteByte('"')
		rest = rest[1:]
	}
}
