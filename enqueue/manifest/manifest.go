// Package manifest reads lists of files (folders, globs, lists of paths, CSV, JSON lines, bucket prefixes) as uploads, row
// by row and in order, and writes the report with the outcome of each row. It never holds a whole manifest: a million rows
// need as much memory as one.
package manifest

import (
	"cmp"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// MaxLine is the longest line of a manifest, in bytes. It holds every field of an upload at its own limit.
const MaxLine = 64 << 10

// Row is one line of a manifest, one path of a list or one file of a folder.
type Row struct {
	// Line is the line in which the row begins, from 1. Files of folders and buckets are numbered.
	Line int
	// Upload is the row's upload. Type is empty if the row says "auto" or nothing, and Account if the row does not name
	// one. Producer, ID and Batch are empty.
	Upload tasks.Upload
	// Size, Modified, ETag and Identity are known for files found in folders and buckets, and zero for rows that only name
	// one. Identity is no part of a row's name: see tasks.File.
	Size     int64
	Modified time.Time
	ETag     string
	Identity string
	// Err says why this row can't be submitted, and what to do about it. Other rows may follow.
	Err *tasks.Error
	// Whole says that Err is about the manifest as a whole, for example about its first row. The row is the only one then.
	Whole bool
}

// Options say how to read a manifest.
type Options struct {
	// GBK reads it as GBK (GB 18030), as older spreadsheets write it. Otherwise it is UTF-8, with or without a BOM.
	GBK bool
	// NUL separates a list of paths by NUL bytes, as find -print0 writes it. Otherwise by newlines.
	NUL bool
	// Locate returns the source of a path in a list of paths, which the person chose. Nil: paths are relative to the
	// storage root and can't leave it, as always in CSV and JSON lines.
	Locate func(path string) (source string, err error)
	// Own returns the source of a row of a report whose path lies outside of the storage root: of a file that the person
	// named on the command line then, as upload. It returns an error for any other. Nil: such rows are refused.
	Own func(upload uuid.UUID, path string) (source string, err error)
}

// refuse returns a row that can't be submitted.
func refuse(line int, u tasks.Upload, err error) Row {
	cause := tasks.AsError(err)
	return Row{Line: line, Upload: u, Err: &tasks.Error{
		Code: cause.Code,
		Op:   fmt.Sprintf("line %d", line),
		Err:  err,
		Hint: cause.Hint,
	}}
}

// accept checks a row and returns it, or a refusal. Fields that the row leaves open are not checked.
func accept(line int, u tasks.Upload) Row {
	src, err := tasks.ParseSource(u.Source)
	if err == nil && src.Local() {
		err = &tasks.Error{Code: tasks.Denied, Op: "source", Err: tasks.Textf("a file: source of the command line can't be given in a manifest"),
			Hint: "give a path relative to the storage root"}
	}
	if err != nil {
		return refuse(line, u, err)
	}
	u.Source = src.String()
	return complete(line, u)
}

// complete checks the rest of a row with a valid source.
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

// invalid returns the cause of a refusal, which names the field.
func invalid(field, format string, args ...any) error {
	return &tasks.Error{Code: tasks.Invalid, Op: field, Err: tasks.Textf(format, args...)}
}
