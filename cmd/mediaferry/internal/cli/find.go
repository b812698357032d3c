package cli

import (
	"cmp"
	"context"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/tasks"
)

// find looks up the upload that a person names: by its ID, by the external ID of its producer, by the path of its file,
// or by the beginning of its ID. It returns NotFound if there is no such upload.
func find(ctx context.Context, s *wire.Stack, producer, name string) (tasks.Outcome, error) {
	lookUps := []func() (tasks.Outcome, error){
		func() (tasks.Outcome, error) { return s.Ledger.Find(ctx, producer, name) },
		func() (tasks.Outcome, error) { return findPath(ctx, s, producer, name) },
		func() (tasks.Outcome, error) { return findPrefix(ctx, s, name) },
	}
	if id, err := uuid.Parse(name); err == nil {
		lookUps = append([]func() (tasks.Outcome, error){func() (tasks.Outcome, error) { return s.Ledger.Outcome(ctx, id) }}, lookUps...)
	}
	for _, lookUp := range lookUps {
		if o, err := lookUp(); err == nil || tasks.CodeOf(err) != tasks.NotFound {
			return o, err
		}
	}
	return tasks.Outcome{}, &tasks.Error{Code: tasks.NotFound, Op: "look up upload",
		Err: tasks.Textf("no upload has %q as its ID, as the beginning of its ID, as its external ID or as its path", name), Hint: "mediaferry list shows the uploads"}
}

// findPath returns the upload of a file that was submitted last.
func findPath(ctx context.Context, s *wire.Stack, producer, path string) (tasks.Outcome, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return tasks.Outcome{}, err
	}
	f := tasks.Filter{Producer: producer, Query: filepath.Base(abs), Limit: 1000}
	for {
		page, next, err := s.Ledger.List(ctx, f)
		if err != nil {
			return tasks.Outcome{}, err
		}
		for _, o := range page {
			if isAt(s, o.Source, path, abs) {
				return s.Ledger.Outcome(ctx, o.ID)
			}
		}
		if f.Cursor = next; next == "" {
			return tasks.Outcome{}, &tasks.Error{Code: tasks.NotFound, Op: "look up upload", Err: tasks.Textf("no upload is of this path")}
		}
	}
}

// isAt reports whether a source is the file that a person names: by its source, by its path, or by its path below the
// storage root.
func isAt(s *wire.Stack, source, path, abs string) bool {
	src, err := tasks.ParseSource(source)
	if source == path || err != nil || src.Bucket != "" || src.Inbox != "" {
		return source == path
	}
	root := s.Config.StorageRoot
	full := filepath.Join(cmp.Or(src.Root, root), src.Path)
	return full == abs || root != "" && full == filepath.Join(root, path)
}

// minPrefix is the shortest beginning of an ID that is taken for one.
const minPrefix = 4

// findPrefix returns the one upload whose ID begins with prefix.
func findPrefix(ctx context.Context, s *wire.Stack, prefix string) (tasks.Outcome, error) {
	first, last, ok := prefixRange(prefix)
	if !ok {
		return tasks.Outcome{}, &tasks.Error{Code: tasks.NotFound, Op: "look up upload", Err: tasks.Textf("this is no beginning of an ID")}
	}
	found, err := s.Ledger.OutcomesBetween(ctx, first, last, 2)
	switch {
	case err != nil:
		return tasks.Outcome{}, err
	case len(found) == 0:
		return tasks.Outcome{}, &tasks.Error{Code: tasks.NotFound, Op: "look up upload", Err: tasks.Textf("no ID begins so")}
	case len(found) > 1:
		return tasks.Outcome{}, &tasks.Error{Code: tasks.Invalid, Op: "look up upload",
			Err: tasks.Textf("more than one ID begins with %s, as %s and %s", prefix, found[0].ID, found[1].ID), Hint: "give more of the ID"}
	}
	return s.Ledger.Outcome(ctx, found[0].ID)
}

// prefixRange returns the first and the last ID that begin with a text. It returns false for what begins no ID.
func prefixRange(prefix string) (first, last uuid.UUID, ok bool) {
	const nothing, everything = "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"
	prefix = strings.ToLower(prefix)
	if len(prefix) < minPrefix || len(prefix) > len(nothing) {
		return first, last, false
	}
	first, err := uuid.Parse(prefix + nothing[len(prefix):])
	if err != nil {
		return first, last, false
	}
	last, err = uuid.Parse(prefix + everything[len(prefix):])
	return first, last, err == nil
}
