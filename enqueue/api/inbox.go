package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/tasks"
)

// Inbox keeps the files that come over HTTP, below DIR/ID/producer/folder/name, until no upload needs them. A file is
// submitted as the source inbox:ID/producer/folder/name, by the producer that sent it and nobody else.
type Inbox struct {
	dir string
	id  string
	now func() time.Time
}

// OpenInbox opens the inbox in dir, and makes it at first use. now is nil for time.Now.
func OpenInbox(dir string, now func() time.Time) (*Inbox, error) {
	if now == nil {
		now = time.Now
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make inbox: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read inbox: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() && tasks.ValidName(e.Name()) {
			return &Inbox{dir, e.Name(), now}, nil
		}
	}
	// Its own name tells the workers of this machine, who see the folder, from those who don't.
	b := &Inbox{dir, random(), now}
	if err := os.Mkdir(filepath.Join(dir, b.id), 0o700); err != nil {
		return nil, fmt.Errorf("make inbox: %w", err)
	}
	return b, nil
}

// random names something that nobody else names.
func random() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Stored is a file that was taken into the inbox.
type Stored struct {
	Source   string `json:"source" doc:"Submit the file as this" example:"inbox:6f0c9a1e3b5d7f20/shop/9a7e4c1b2d3f5a60/cover.jpg"`
	Filename string `json:"filename" doc:"Your name for it"`
	Size     int64  `json:"size" doc:"Bytes"`
}

// Store takes a file of at most limit bytes, durably. TooLarge: it has more.
func (b *Inbox) Store(producer, filename string, from io.Reader, limit int64) (Stored, error) {
	if producer == "." || producer == ".." {
		return Stored{}, refused("producer: one of this name has no inbox")
	}
	filename = cleanName(filename)
	src := tasks.Source{Inbox: b.id, Path: path.Join(producer, random(), filename)}
	name := b.path(src)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return Stored{}, full(err)
	}
	size, err := write(name, from, limit)
	if err != nil {
		_ = b.remove(src) // the sweep finds what is left
		return Stored{}, err
	}
	// Who is told of the file may rely on it: its folders are on the disk, too.
	for dir := filepath.Dir(name); dir != b.dir; dir = filepath.Dir(dir) {
		if err := syncFolder(dir); err != nil {
			return Stored{}, full(err)
		}
	}
	return Stored{Source: src.String(), Filename: filename, Size: size}, nil
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func write(name string, from io.Reader, limit int64) (int64, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, full(err)
	}
	defer f.Close()
	size, err := io.Copy(f, reader{io.LimitReader(from, limit+1)})
	var broke *readError
	switch {
	case errors.As(err, &broke):
		return 0, unread(broke.error)
	case err != nil:
		return 0, full(err)
	case size > limit:
		return 0, &tasks.Error{Code: tasks.TooLarge, Op: "take file", Err: fmt.Errorf("it has over %d bytes", limit)}
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return 0, full(err)
	}
	return size, nil
}

// reader marks what goes wrong while a file is read, to tell it from what goes wrong while it is written.
type reader struct{ io.Reader }

type readError struct{ error }

func (r reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &readError{err}
	}
	return n, err
}

func full(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		err = of.Err // the path is nobody's business
	}
	return &tasks.Error{Code: tasks.Unavailable, Op: "keep file", Err: err, Hint: "make room on the disk of the data dir", RetryAfter: time.Minute}
}

func (b *Inbox) path(s tasks.Source) string {
	return filepath.Join(b.dir, s.Inbox, filepath.FromSlash(s.Path))
}

// remove takes a file and its folder away.
func (b *Inbox) remove(s tasks.Source) error {
	name := b.path(s)
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove file: %w", err)
	}
	if err := os.Remove(filepath.Dir(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove folder: %w", err)
	}
	return nil
}

// cleanName makes a sender's name for a file one that a folder can hold: its last part, readable, at most 200 bytes
// with its extension kept.
func cleanName(name string) string {
	name = strings.ToValidUTF8(name, "_")
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '_'
		}
		return r
	}, name)
	if name == "." || name == ".." || name == "/" {
		return "file"
	}
	const most = 200
	if len(name) <= most {
		return name
	}
	ext := path.Ext(name)
	if len(ext) > 20 {
		ext = ""
	}
	cut := most - len(ext)
	for !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut] + ext
}

// How long a file waits for its upload, and one that failed for a retry.
const (
	inboxUnused = 24 * time.Hour
	inboxFailed = 24 * time.Hour
)

// Sweep removes the files that no upload needs any more: at once where all of a file's uploads succeeded or were
// canceled, a day later where one failed, and a day after it came where it was never submitted. It returns how many.
func (b *Inbox) Sweep(ctx context.Context, uses InboxUses) (int, error) {
	removed := 0
	root := filepath.Join(b.dir, b.id)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case d.IsDir():
			return nil
		}
		done, err := b.sweepFile(ctx, uses, root, name, d)
		if done {
			removed++
		}
		return err
	})
	if err != nil {
		return removed, fmt.Errorf("sweep inbox: %w", err)
	}
	return removed, nil
}

func (b *Inbox) sweepFile(ctx context.Context, uses InboxUses, root, name string, d fs.DirEntry) (bool, error) {
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return false, err
	}
	src := tasks.Source{Inbox: b.id, Path: filepath.ToSlash(rel)}
	info, err := d.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	use, err := uses.InboxUse(ctx, src.String())
	if err != nil || !b.over(use, info.ModTime()) {
		return false, err
	}
	return true, b.remove(src)
}

func (b *Inbox) over(use tasks.SourceUse, came time.Time) bool {
	now := b.now()
	switch {
	case use.Open > 0:
		return false
	case use.Uploads == 0:
		return now.Sub(came) > inboxUnused
	case use.Failed > 0:
		return now.Sub(use.Finished) > inboxFailed
	}
	return true
}
