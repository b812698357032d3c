package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/mediaferry/mediaferry/tasks"
)

// ReadCSV reads a table whose first row names the columns, in any order and case:
//
//	path              below the storage root, or an s3:// object   (one of path and source)
//	source            a source as tasks.ParseSource reads it
//	id, external_id   the producer's own name for the upload
//	type              image, voice, video, thumb, auto
//	account, filename, callback, callback_url, priority
//	metadata          JSON; meta.NAME puts a text into it under NAME
//	no_reuse          true or false
//	keep_fresh_until, expires_by                                   RFC 3339
//
// Cells are separated by commas, or by tabs or semicolons if the first row has these and no comma. An unknown column is
// refused, since ignoring it would lose what it asks for. A report (see ReportWriter) can be read as a manifest again:
// ReadCSV leaves out the columns of the answers and restores the cells. Its paths may lie outside of the storage root where
// o.Own knows them. It leaves out empty rows. It reads a row when the
// caller asks for it.
func ReadCSV(r io.Reader, o Options) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		b, err := text(r, o)
		if err != nil {
			yield(unreadable(1, err))
			return
		}
		s := records{r: b, comma: comma(b)}
		t, err := readHeader(&s, o)
		if err != nil {
			yield(unreadable(max(s.line, 1), err))
			return
		}
		for {
			cells, err := s.next()
			switch {
			case errors.Is(err, io.EOF):
				return
			case errors.Is(err, errTooLong), errors.Is(err, errUnclosed), errors.Is(err, errQuote):
				if !yield(refuse(s.line, tasks.Upload{}, invalid("row", "%w", err))) {
					return
				}
				continue
			case err != nil:
				yield(broken(s.after+1, err))
				return
			}
			if !blank(cells) && !yield(t.row(s.line, cells)) {
				return
			}
		}
	}
}

// comma guesses what separates the cells by the first line.
func comma(b *bufio.Reader) byte {
	var head []byte
	for n := 1; n <= MaxLine; n = len(head) + 1 {
		if _, err := b.Peek(n); err != nil {
			break
		}
		head, _ = b.Peek(b.Buffered())
		if end := bytes.IndexByte(head, '\n'); end >= 0 {
			head = head[:end]
			break
		}
	}
	for _, c := range []byte(",\t;") {
		if bytes.IndexByte(head, c) >= 0 {
			return c
		}
	}
	return ','
}

// table is the columns of one manifest.
type table struct {
	columns []column
	names   []string // as they are written in the first row
	report  bool     // it is one that ReportWriter wrote: its cells are neutralized
	o       Options
}

func readHeader(s *records, o Options) (*table, error) {
	names, err := s.next()
	for err == nil && blank(names) {
		names, err = s.next()
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil, invalid("header", "there is no first row that names the columns")
	case err != nil:
		return nil, invalid("header", "%w", err)
	}
	if err := legible([]byte(strings.Join(names, ",")), o); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	t := &table{o: o}
	seen := map[string]string{}
	for _, name := range names {
		name = strings.TrimSpace(name)
		c, err := columnOf(name)
		if err != nil {
			return nil, err
		}
		if first, twice := seen[c.field]; twice && c.field != "" {
			return nil, invalid("header", "the columns %q and %q say the same", first, name)
		}
		seen[c.field] = name
		t.columns, t.names = append(t.columns, c), append(t.names, name)
		t.report = t.report || c.field == reportMark
	}
	if seen["source"] == "" {
		return nil, invalid("header", `there is no column "path" or "source"`)
	}
	return t, nil
}

// row makes an upload of one record.
func (t *table) row(line int, cells []string) Row {
	if len(cells) != len(t.columns) {
		return refuse(line, tasks.Upload{}, invalid("row", "it has %d cells, the first row has %d", len(cells), len(t.columns)))
	}
	d := draft{report: t.report}
	var first error // the cells after it are still read, for the report
	for i, cell := range cells {
		if t.report {
			cell = Restore(cell)
		}
		err := legible([]byte(cell), t.o)
		if err == nil && cell != "" && t.columns[i].set != nil {
			err = t.columns[i].set(&d, cell)
		}
		if err != nil && first == nil {
			first = fmt.Errorf("column %q: %w", short(t.names[i]), err)
		}
	}
	if first != nil {
		return refuse(line, d.Upload, first)
	}
	u, err := d.upload()
	if err == nil && d.own != "" {
		if u.Source, err = t.o.ownSource(d.id, d.own); err == nil {
			return complete(line, u)
		}
		u.Source = d.own
	}
	if err != nil {
		return refuse(line, u, err)
	}
	return accept(line, u)
}

func blank(cells []string) bool {
	for _, c := range cells {
		if strings.TrimSpace(c) != "" {
			return false
		}
	}
	return true
}
