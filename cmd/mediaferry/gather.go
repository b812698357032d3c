package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/spf13/pflag"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
	"github.com/mediaferry/mediaferry/worker/source"
)

// gatherFlags say which files of a folder are meant.
type gatherFlags struct {
	include, exclude []string
	hidden           bool
}

func (g *gatherFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&g.include, "include", nil, "of a folder take only files that match this `GLOB`, as **/*.jpg (repeatable)")
	flags.StringArrayVar(&g.exclude, "exclude", nil, "of a folder leave out what matches this `GLOB` (repeatable)")
	flags.BoolVar(&g.hidden, "hidden", false, "take hidden files of a folder too")
}

// skip reports whether a listing leaves a name out.
func (g *gatherFlags) skip(name string, dir bool) bool {
	if !g.hidden && strings.HasPrefix(filepath.Base(name), ".") {
		return true
	}
	if matches(g.exclude, name) {
		return true
	}
	return !dir && len(g.include) > 0 && !matches(g.include, name)
}

func matches(globs []string, name string) bool {
	for _, g := range globs {
		if ok, err := doublestar.Match(g, name); ok && err == nil {
			return true
		}
		if ok, err := doublestar.Match(g, filepath.Base(name)); ok && err == nil && !strings.Contains(g, "/") {
			return true
		}
	}
	return false
}

func (g *gatherFlags) check() error {
	for _, glob := range append(g.include, g.exclude...) {
		if !doublestar.ValidatePattern(glob) {
			return usagef("%q is not a glob", glob)
		}
	}
	return nil
}

// gatherer turns what a person named into uploads.
type gatherer struct {
	stack  *stack
	flags  uploadFlags
	limits media.Limits
}

// found is one file that was named, or why it can't be one.
type found struct {
	tasks.Entry
	err error
}

// files yields every file that args name: files, folders, globs.
func (g *gatherer) files(ctx context.Context, args []string) iter.Seq[found] {
	return func(yield func(found) bool) {
		for _, arg := range args {
			paths, err := expand(arg)
			if err != nil {
				if !yield(found{Entry: tasks.Entry{Source: arg}, err: err}) {
					return
				}
				continue
			}
			for _, path := range paths {
				if !g.list(ctx, path, yield) {
					return
				}
			}
		}
	}
}

// expand resolves a glob that the shell has left alone. What exists under its own name is never a glob.
func expand(arg string) ([]string, error) {
	if strings.HasPrefix(arg, "s3://") {
		return []string{arg}, nil
	}
	if _, err := os.Lstat(arg); err == nil {
		return []string{arg}, nil
	}
	paths, err := doublestar.FilepathGlob(arg)
	switch {
	case err != nil:
		return nil, &tasks.Error{Code: tasks.Invalid, Op: "expand glob", Err: err}
	case len(paths) == 0:
		return nil, &tasks.Error{Code: tasks.Missing, Op: "look up path", Err: errors.New("nothing is there")}
	}
	return paths, nil
}

func (g *gatherer) list(ctx context.Context, path string, yield func(found) bool) bool {
	src, err := g.locate(path)
	if err != nil {
		return yield(found{Entry: tasks.Entry{Source: path}, err: err})
	}
	for entry, err := range g.stack.files.List(ctx, src, g.skipBelow(path)) {
		if entry.Source == "" {
			entry.Source = path
		}
		if !yield(found{entry, err}) {
			return false
		}
	}
	return true
}

// skipBelow applies the globs to what lies in a folder; a file that is named itself is always meant.
func (g *gatherer) skipBelow(path string) func(string, bool) bool {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return nil
	}
	return g.flags.gather.skip
}

// locate returns the source of a path. Embedded, a path of the command line may lie anywhere; workers of a fleet see
// the storage root only.
func (g *gatherer) locate(path string) (string, error) {
	if strings.HasPrefix(path, "s3://") {
		return path, nil
	}
	if !g.stack.embedded {
		if g.stack.cfg.StorageRoot == "" {
			return "", usagef("storage_root is not set: with a shared Redis, paths must lie under the root that the workers see")
		}
		return source.Under(g.stack.cfg.StorageRoot, path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("locate path: %w", err)
	}
	if info, err := os.Stat(abs); err == nil && info.IsDir() {
		return source.Local(abs, "."), nil
	}
	return source.Local(filepath.Dir(abs), filepath.Base(abs)), nil
}

// submit submits all files as one batch. What can't even be submitted is in refused.
func (g *gatherer) submit(ctx context.Context, p *enqueue.Producer, args []string) (submitted, error) {
	var s submitted
	line := 0
	rows := func(yield func(enqueue.Row) bool) {
		for f := range g.files(ctx, args) {
			line++
			u, err := g.upload(ctx, f)
			if err != nil {
				s.refused = append(s.refused, refusedRow{f.Source, tasks.AsError(err)})
				continue
			}
			row := enqueue.Row{Line: line, Upload: u, Receipt: func(r tasks.Receipt) { s.receive(f.Source, r) }}
			if !yield(row) {
				return
			}
		}
	}
	receipt, err := p.SubmitRows(ctx, tasks.Batch{CallbackURL: g.flags.callback}, rows)
	if err != nil {
		return s, fmt.Errorf("submit: %w", err)
	}
	s.batch = receipt.Batch.ID
	return s, g.reopen(ctx, s.again)
}

func (s *submitted) receive(src string, r tasks.Receipt) {
	if r.Err != nil {
		s.refused = append(s.refused, refusedRow{src, r.Err})
		return
	}
	s.ids = append(s.ids, r.ID)
	if !r.Created && r.State.Final() {
		s.again = append(s.again, r.ID)
	}
}

// upload makes the request for one file.
func (g *gatherer) upload(ctx context.Context, f found) (tasks.Upload, error) {
	if f.err != nil {
		return tasks.Upload{}, f.err
	}
	kind, err := g.kind(ctx, f.Entry)
	if err != nil {
		return tasks.Upload{}, err
	}
	u := tasks.Upload{
		Account: g.flags.account, Type: kind, Source: f.Source, CallbackURL: g.flags.callback,
		NoReuse: g.flags.noReuse, Fix: g.flags.fix,
	}
	if g.flags.metadata != "" {
		u.Metadata = json.RawMessage(g.flags.metadata)
	}
	u.ExternalID = g.externalID(u, f.Entry)
	return u, nil
}

// sniffBytes is how much of a file is read to see what it is.
const sniffBytes = 64 << 10

// kind is the media type that was asked for, or what the file's first bytes say, or its name where they say nothing:
// validation then has the last word, with its reason.
func (g *gatherer) kind(ctx context.Context, e tasks.Entry) (tasks.MediaType, error) {
	if g.flags.kind != "auto" {
		return tasks.ParseMediaType(g.flags.kind)
	}
	file, err := g.stack.files.Open(ctx, e.Source)
	if err != nil {
		return "", err
	}
	defer file.Close()
	head, err := io.ReadAll(io.LimitReader(file, sniffBytes))
	if err != nil {
		return "", fmt.Errorf("read source: %w", err)
	}
	if kind, err := media.Guess(head); err == nil {
		return kind, nil
	}
	switch strings.ToLower(filepath.Ext(e.Name)) {
	case ".mp3", ".amr", ".wav", ".m4a", ".ogg":
		return tasks.Voice, nil
	case ".mp4", ".mov", ".m4v", ".avi", ".mkv":
		return tasks.Video, nil
	default:
		return tasks.Image, nil
	}
}
