package manifest

import (
	"path"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// PlainPath returns the path of a source as people know it: below the storage root, or from the file system's own root for
// what lies outside; an object as s3://. A source whose path can't be written so that it is read back comes as it is.
func PlainPath(source string) string {
	src, err := tasks.ParseSource(source)
	switch {
	case err != nil, src.Bucket != "", src.Inbox != "", !utf8.ValidString(src.Path):
		return source
	case src.Local():
		if whole := path.Join(src.Root, src.Path); utf8.ValidString(whole) {
			return whole
		}
		return source
	}
	if back, err := plainSource(src.Path); err != nil || back != src.String() || outside(src.Path) {
		return source
	}
	return src.Path
}

// plainSource reads what PlainPath returned for a source that does not lie outside of the storage root.
func plainSource(cell string) (string, error) {
	for _, scheme := range [...]string{"s3:", "file:", "inbox:"} {
		if strings.HasPrefix(cell, scheme) {
			src, err := tasks.ParseSource(cell)
			return src.String(), err
		}
	}
	return pathSource(cell)
}

// outside reports whether a path in a report lies outside of the storage root.
func outside(cell string) bool { return path.IsAbs(cell) || strings.HasPrefix(cell, "file:///") }

// ownSource returns the source of a path outside of the storage root.
func (o Options) ownSource(upload uuid.UUID, cell string) (string, error) {
	if o.Own == nil || upload == uuid.Nil {
		return "", &tasks.Error{Code: tasks.Denied, Op: "path", Err: tasks.Textf("it lies outside of the storage root, and is not a file of an earlier upload here"),
			Hint: "name the file or its folder on the command line"}
	}
	return o.Own(upload, cell)
}
