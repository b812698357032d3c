package manifest

import (
	"context"
	"errors"
	"iter"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/mediaferry/mediaferry/tasks"
)

// Storage finds what a person named on the command line.
type Storage interface {
	// Locate returns the source of a path or an s3:// address. It returns Missing if it knows that the file does not exist.
	Locate(path string) (source string, err error)
	// List yields the files below a source, or the one file that it names. An error with an Entry that has a Source is
	// about that entry only; any other error ends the listing. List leaves out the names for which skip returns true.
	List(ctx context.Context, source string, skip func(name string, dir bool) bool) iter.Seq2[tasks.Entry, error]
}

// Filter chooses among the files of folders and buckets. Its patterns are globs with ** (any depth), {a,b} and [a-z]. A
// pattern without a slash matches the last part of a name, any other the whole name below the folder. Filter does not
// apply to files that are named themselves.
type Filter struct {
	Include []string // a file is taken if one of these matches; empty: every file
	Exclude []string // a file that matches one of these is left out, and a folder is not entered
	Hidden  bool     // take files and enter folders whose names begin with a dot, too

	// System is called for each file that is left out because the system, or an office program, keeps it there for
	// itself. Nil: not called.
	System func(name string)
}

// Walk finds the files that args name: files, folders (recursively), globs, s3:// objects and prefixes. It yields them in
// the order of args, numbered from 1, and reads no further ahead than st does. A file that can't be taken (it does not
// exist, a link leads out, it is a FIFO, a folder has no permission) is a Row with Err, and Walk goes on. An argument is a
// glob only if no file has it as its name.
func Walk(ctx context.Context, st Storage, args []string, f Filter) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		w := walk{st: st, filter: f, yield: yield}
		if err := f.check(); err != nil {
			w.refuse("", err)
			return
		}
		for _, arg := range args {
			if !w.argument(ctx, arg) {
				return
			}
		}
	}
}

// walk is one Walk. Its methods return false when the caller wants no more rows.
type walk struct {
	st     Storage
	filter Filter
	yield  func(Row) bool
	line   int
}

func (w *walk) argument(ctx context.Context, arg string) bool {
	isGlob := hasMeta(arg)
	before := w.line
	src, err := w.st.Locate(arg)
	if err == nil {
		var more bool
		more, err = w.list(ctx, src, w.filter.skip)
		if !more {
			return false
		}
	}
	absent := tasks.CodeOf(err) == tasks.Missing || err == nil && strings.HasPrefix(arg, "s3://") // a prefix is never missing
	if isGlob && w.line == before && absent {
		return w.glob(ctx, arg)
	}
	if err != nil {
		return w.refuse(src, err)
	}
	return true
}

// glob lists the folder above the first part with a wildcard, and takes the matching files.
func (w *walk) glob(ctx context.Context, arg string) bool {
	base, pattern := split(arg)
	if !doublestar.ValidatePattern(pattern) {
		return w.refuse("", invalid("path", "%q is neither a file nor a pattern", short(arg)))
	}
	src, err := w.st.Locate(base)
	if err != nil {
		return w.refuse("", err)
	}
	before := w.line
	filter := w.filter
	filter.Hidden = filter.Hidden || strings.HasPrefix(pattern, ".") || strings.Contains(pattern, "/.")
	deep := strings.Contains(pattern, "**") || strings.Contains(pattern, "{")
	parts := strings.Count(pattern, "/") + 1
	more, err := w.list(ctx, src, func(name string, dir bool) bool {
		switch {
		case filter.skip(name, dir):
			return true
		case dir:
			return !deep && strings.Count(name, "/")+1 >= parts
		}
		return !doublestar.MatchUnvalidated(pattern, name)
	})
	switch {
	case !more:
		return false
	case err != nil:
		return w.refuse(src, err)
	case w.line == before:
		return w.refuse("", &tasks.Error{Code: tasks.Missing, Op: "find files", Err: tasks.Textf("nothing matches %q", short(arg))})
	}
	return true
}

// list yields the files of one listing and returns the error that ended it.
func (w *walk) list(ctx context.Context, src string, skip func(string, bool) bool) (more bool, err error) {
	for e, err := range w.st.List(ctx, src, skip) {
		switch {
		case err != nil && e.Source == "":
			return true, err
		case err != nil:
			if !w.refuse(e.Source, err) {
				return false, nil
			}
		case !w.take(e):
			return false, nil
		}
	}
	return true, nil
}

func (w *walk) take(e tasks.Entry) bool {
	w.line++
	row := complete(w.line, tasks.Upload{Source: e.Source, Filename: filename(e.Name)})
	row.Size, row.Modified, row.ETag, row.Identity = e.Size, e.Modified, e.ETag, e.Identity
	return w.yield(row)
}

func (w *walk) refuse(src string, err error) bool {
	w.line++
	cause := tasks.AsError(err)
	if src != "" {
		return w.yield(Row{Line: w.line, Upload: tasks.Upload{Source: src}, Err: cause})
	}
	return w.yield(Row{Line: w.line, Err: cause})
}

// check reports patterns that can't be used.
func (f Filter) check() error {
	var errs []error
	for _, p := range append(append([]string(nil), f.Include...), f.Exclude...) {
		if !doublestar.ValidatePattern(p) {
			errs = append(errs, tasks.Textf("%q is not a pattern", short(p)))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return &tasks.Error{Code: tasks.Invalid, Op: "include, exclude", Err: errors.Join(errs...)}
}

// skip reports whether a name is left out.
func (f Filter) skip(name string, dir bool) bool {
	if !dir && systemFile(path.Base(name)) {
		if f.System != nil {
			f.System(name)
		}
		return true
	}
	switch {
	case !f.Hidden && (strings.HasPrefix(name, ".") || strings.Contains(name, "/.")):
		return true
	case matchAny(f.Exclude, name):
		return true
	case dir || len(f.Include) == 0:
		return false
	}
	return !matchAny(f.Include, name)
}

// systemFile reports whether the system keeps a file of that name for itself: thumbnails and settings of Windows and macOS,
// and lock files of Office.
func systemFile(base string) bool {
	switch strings.ToLower(base) {
	case "thumbs.db", "ehthumbs.db", "desktop.ini", ".ds_store":
		return true
	}
	return strings.HasPrefix(base, "~$") || strings.HasPrefix(base, "._")
}

func matchAny(patterns []string, name string) bool {
	for _, p := range patterns {
		p = strings.TrimSuffix(p, "/")
		target := name
		if !strings.Contains(p, "/") {
			target = path.Base(name)
		}
		if doublestar.MatchUnvalidated(p, target) {
			return true
		}
	}
	return false
}

// split returns the folder or prefix above the first wildcard of a glob, and the rest.
func split(arg string) (base, pattern string) {
	rest, isObject := strings.CutPrefix(arg, "s3://")
	base, pattern = doublestar.SplitPattern(rest)
	if isObject {
		return "s3://" + base + "/", pattern
	}
	return base, pattern
}

// hasMeta reports whether s may be a glob.
func hasMeta(s string) bool { return strings.ContainsAny(s, `*?[{\`) }
