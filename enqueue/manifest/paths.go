package manifest

import (
	"bytes"
	"io"
	"iter"
	"path"
	"strings"

	"github.com/mediaferry/mediaferry/tasks"
)

// ReadPaths reads a list of paths or s3:// objects, one on each line, or separated by NUL bytes with o.NUL. They need not be
// UTF-8. It leaves out empty ones. It reads a row when the caller asks for it.
func ReadPaths(r io.Reader, o Options) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		l := lines{r: decoded(r, o), sep: '\n'}
		if o.NUL {
			l.sep = 0
		}
		l.rows("path", func(line []byte) (Row, bool) {
			if !o.NUL {
				line = bytes.TrimSuffix(line, []byte("\r"))
			}
			if len(line) == 0 {
				return Row{}, false
			}
			return pathRow(l.line, string(line), o), true
		}, yield)
	}
}

func pathRow(n int, p string, o Options) Row {
	if strings.ContainsRune(p, 0) {
		return refuse(n, tasks.Upload{}, &tasks.Error{Code: tasks.Invalid, Op: "path", Err: tasks.Textf("it has a NUL byte"),
			Hint: "if the list is separated by NUL bytes, say so"})
	}
	locate := o.Locate
	if locate == nil {
		locate = pathSource
	}
	src, err := locate(p)
	if err != nil {
		return refuse(n, tasks.Upload{Filename: filename(p)}, err)
	}
	return complete(n, tasks.Upload{Source: src, Filename: filename(p)})
}

// pathSource returns the source of a path below the storage root, or of an s3:// object.
func pathSource(p string) (string, error) {
	var src tasks.Source
	var err error
	if strings.HasPrefix(p, "s3://") {
		src, err = tasks.ParseSource(p)
	} else {
		src, err = tasks.PathSource(p)
	}
	if err != nil {
		return "", err
	}
	return src.String(), nil
}

// filename returns the last part of a path for people to read: bytes that are not UTF-8 become U+FFFD.
func filename(p string) string {
	return strings.ToValidUTF8(path.Base(p), "\uFFFD")
}
