// Package source opens and lists shared storage: folders and S3 buckets. It alone knows how a tasks.Source becomes
// bytes. What it refuses is a *tasks.Error: Missing, Denied and Invalid judge the source itself; Storage says that
// the root, the mount or the bucket can't be reached from here, which judges nothing; Changed asks for another try.
package source

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/mediaferry/mediaferry/tasks"
)

// Config says what storage there is.
type Config struct {
	// Root is the storage root. Empty: there is none, and sources below it are refused.
	Root string
	// Inbox is the folder that holds the inboxes of files that came over HTTP, one folder each. Empty: there is none.
	Inbox string
	// Remote opens a file of an inbox that is not in that folder. Nil: such a file can't be read here.
	Remote func(ctx context.Context, src tasks.Source) (tasks.File, error)
	// Local lets sources of the person at the command line (file:///folder#path) be read, wherever they are.
	Local bool
	// S3 is the object storage; nil: none.
	S3 *S3Config
	// Log gets a line when the storage root goes away and when it is back. Nil: no log.
	Log *slog.Logger
}

// Store is all the storage this process can read. It is safe for concurrent use and holds nothing open between calls.
type Store struct {
	root   *mount // nil: no storage root
	inbox  string // absolute; empty: none
	remote func(ctx context.Context, src tasks.Source) (tasks.File, error)
	local  bool
	s3     *buckets // nil: no object storage
	cloud  probe    // of s3
	ident  identifier
}

// Entry is one file or object that List found.
type Entry = tasks.Entry

// New returns the store. It does not touch the storage: a root that is not mounted yet may come later (see Ready).
func New(cfg Config) (*Store, error) {
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Store{local: cfg.Local, remote: cfg.Remote}
	if cfg.Root != "" {
		abs, err := filepath.Abs(cfg.Root)
		if err != nil {
			return nil, fmt.Errorf("storage root: %w", err)
		}
		s.root = newMount(abs, log)
	}
	if cfg.Inbox != "" {
		abs, err := filepath.Abs(cfg.Inbox)
		if err != nil {
			return nil, fmt.Errorf("inbox: %w", err)
		}
		s.inbox = abs
	}
	if cfg.S3 != nil {
		b, err := newBuckets(*cfg.S3)
		if err != nil {
			return nil, fmt.Errorf("object storage: %w", err)
		}
		s.s3 = b
		s.cloud = probe{what: "the object storage", look: b.answers}
	}
	return s, nil
}

// Open opens a regular file or an object. The caller reads it once, calls Verify if there is one, then closes it.
// Errors of Read are *tasks.Errors as well. A hung network mount blocks it in the kernel, where no ctx reaches.
func (s *Store) Open(ctx context.Context, source string) (tasks.File, error) {
	return s.OpenWithin(ctx, "", source)
}

// OpenWithin opens a source as Open does, if it lies in grant, which is what tasks.Rights.MayRead returned for it: the
// empty one grants the whole storage root and every bucket. It returns Denied for a source outside, and for one that a
// link leads out of the granted folder, wherever in the storage root it leads.
func (s *Store) OpenWithin(ctx context.Context, grant, source string) (tasks.File, error) {
	const op = "open source"
	if err := ctx.Err(); err != nil {
		return tasks.File{}, fmt.Errorf("%s: %w", op, err)
	}
	src, err := tasks.ParseSource(source)
	if err != nil {
		return tasks.File{}, err
	}
	folder, name, ok := src.Below(grant)
	if !ok {
		return tasks.File{}, denied(op, src, "it is not in what its producer may read")
	}
	if src.Bucket != "" {
		if err := s.granted(op, src); err != nil {
			return tasks.File{}, err
		}
		return s.s3.open(ctx, src)
	}
	if src.Inbox != "" && s.remote != nil && !s.HasInbox(src.Inbox) {
		return s.remote(ctx, src)
	}
	at, err := s.folder(op, src)
	if err != nil {
		return tasks.File{}, err
	}
	if folder != "." {
		at = within(at, folder, src)
	}
	return s.openFile(at, name, src)
}

// List yields every file below a folder, every object under a prefix, or the one file that source names. It streams:
// nothing is read ahead but up to a few thousand names of the folder it is in. Files of one folder come by name if
// they are no more than that, otherwise in the order of the file system; objects come by key.
//
// An error beside an entry with a Source concerns that one alone (a link that leads out, a FIFO, a folder without
// permission) and the listing goes on; an error beside an empty Entry ends it. Links to folders are not followed.
// skip, if not nil, is asked for the Name of each entry and of each folder (dir) and leaves out what it returns
// true for; buckets have no folders.
func (s *Store) List(ctx context.Context, source string, skip func(name string, dir bool) bool) iter.Seq2[Entry, error] {
	const op = "list source"
	if skip == nil {
		skip = func(string, bool) bool { return false }
	}
	return func(yield func(Entry, error) bool) {
		src, err := tasks.ParseSource(source)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		if src.Bucket != "" {
			if err := s.granted(op, src); err != nil {
				yield(Entry{}, err)
				return
			}
			s.s3.list(ctx, src, skip, yield)
			return
		}
		at, err := s.folder(op, src)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		s.listFolder(ctx, at, src, skip, yield)
	}
}

// Ready reports whether all of the storage can be reached now: a Storage error says what can't. It answers within a few
// seconds also where the storage hangs, and however many ask, the storage is looked at once at a time.
func (s *Store) Ready(ctx context.Context) error {
	var errs []error
	if s.root != nil {
		errs = append(errs, s.root.ready(ctx))
	}
	if s.s3 != nil {
		errs = append(errs, s.cloud.answer(ctx))
	}
	return errors.Join(errs...)
}

// Answers is Ready for the storage that source lies in. It returns nil where that is known to answer by itself or to fail:
// object storage, and folders of the command line.
func (s *Store) Answers(ctx context.Context, source string) error {
	src, err := tasks.ParseSource(source)
	if err != nil || s.root == nil || src.Bucket != "" || src.Local() || src.Inbox != "" {
		return nil //nolint:nilerr // what can't be read is in no storage
	}
	return s.root.ready(ctx)
}

// folder returns how to open the folder that src lies in, if this store may read it.
func (s *Store) folder(op string, src tasks.Source) (rooter, error) {
	switch {
	case src.Local() && !s.local:
		return nil, denied(op, src, "a folder of the command line can't be read by this process")
	case src.Local():
		return func() (*os.Root, error) { return openLocal(src) }, nil
	case src.Inbox != "":
		return func() (*os.Root, error) { return s.openInbox(op, src) }, nil
	case s.root == nil:
		return nil, &tasks.Error{Code: tasks.Storage, Op: op, Err: tasks.Textf("this process has no storage root"),
			Hint: "set the storage root (MEDIAFERRY_STORAGE_ROOT)"}
	}
	return s.root.open, nil
}

// granted reports whether src's bucket may be read.
func (s *Store) granted(op string, src tasks.Source) error {
	if s.s3 == nil {
		return &tasks.Error{Code: tasks.Storage, Op: op, Err: tasks.Textf("this process has no object storage"),
			Hint: "add s3 to its settings"}
	}
	if !s.s3.grants(src.Bucket) {
		return denied(op, src, "the bucket is not among those that may be read")
	}
	return nil
}
