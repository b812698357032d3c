// Package manifest turns what people hand in (folders, globs, lists of paths, CSV, JSON lines, bucket prefixes) into
// uploads, one row at a time and in order, and writes the report that answers it row by row. It never holds a whole
// manifest: a million rows need no more memory than one.
package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// MaxLine is the longest line of a manifest, in bytes. It holds every field of an upload at its own limit.
const MaxLine = 64 << 10

// Row is one line of a manifest, one path of a list or one file of a folder.
type Row struct {
	// Line is where the row begins, from 1; for files found in folders and buckets their number.
	Line int
	// Upload is what the row asks for. Its Type is empty where the row leaves it open ("auto" or nothing), its
	// Account where the row names none; Producer, ID and Batch are the caller's to set.
	Upload tasks.Upload
	// Size, Modified and ETag are known for files found in folders and buckets, and zero for rows that only name one.
	Size     int64
	Modified time.Time
	ETag     string
	// Err says why this row can't be submitted, where, and what to do about it. The rows after it are not
	// concerned, unless it is the last.
	Err *tasks.Error
	// Whole says that Err is of the manifest as a whole, as of a first row that names no columns: it is the only row.
	Whole bool
}

// Options says how a manifest is to be read.
type Options struct {
	// GBK reads it as GBK (GB 18030), as older spreadsheets write it. Otherwise it is UTF-8, with or without a BOM.
	GBK bool
	// NUL separates a list of paths by NUL bytes, as find -print0 writes it. Otherwise by newlines.
	NUL bool
	// Locate makes the source of a path in a list on stdin, which is the person's own choice of files. Nil: paths
	// are relative to the storage root and can't leave it, as they always are in CSV and JSON lines.
	Locate func(path string) (source string, err error)
}

// refuse returns a row that says why it can't be submitted.
func refuse(line int, u tasks.Upload, err error) Row {
	cause := tasks.AsError(err)
	return Row{Line: line, Upload: u, Err: &tasks.Error{
		Code: cause.Code,
		Op:   fmt.Sprintf("line %d", line),
		Err:  err,
		Hint: cause.Hint,
	}}
}

// accept checks a row that was read and returns it, or a refusal. What the row leaves open is not held against it.
func accept(line int, u tasks.Upload) Row {
	src, err := tasks.ParseSource(u.Source)
	if err == nil && src.Local() {
		err = &tasks.Error{Code: tasks.Denied, Op: "source", Err: errors.New("a file: source of the command line can't be given in a manifest"),
			Hint: "give a path relative to the storage root"}
	}
	if err != nil {
		return refuse(line, u, err)
	}
	u.Source = src.String()
	return complete(line, u)
}

// complete checks the rest of a row whose source is known to be good.
func complete(line int, u tasks.Upload) Row {
	if u.Type == "auto" {
		u.Type = ""
	}
	whole := u
	whole.Type = cmp.Or(u.Type, tasks.Image)
	whole.Account = cmp.Or(u.Account, "default")
	if err := whole.Validate(); err != nil {
		return refuse(line, u, err)
	}
	return Row{Line: line, Upload: u}
}

// invalid is a refusal's cause that names a field.
func invalid(field, format string, args ...any) error {
	return &tasks.Error{Code: tasks.Invalid, Op: field, Err: fmt.Errorf(format, args...)}
}
