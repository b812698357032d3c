package api

import (
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
// submitted as the source inbox:ID/producer/folder/name. Only the producer that sent it may submit it.
type Inbox struct {
	dir      string
	id       string
	now      func() time.Time
	quota    inboxQuota
	readable func(id string) error
}

// InboxConfig has the settings of an inbox.
type InboxConfig struct {
	Dir string
	// Size bounds the bytes of files that one producer may have there. Zero: only the disk bounds them.
	Size int64
	// Readable returns why no worker can read the inbox of that ID: then files are refused. Nil: all workers can.
	Readable func(id string) error
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// OpenInbox opens the inbox. At first use it makes it.
func OpenInbox(cfg InboxConfig) (*Inbox, error) {
	dir, err := inboxID(cfg.Dir)
	if err != nil {
		return nil, err
	}
	b := &Inbox{dir: cfg.Dir, id: dir, now: cfg.Now, readable: cfg.Readable, quota: inboxQuota{limit: cfg.Size, producers: map[string]*inboxUsage{}}}
	if b.now == nil {
		b.now = time.Now
	}
	if b.readable == nil {
		b.readable = func(string) error { return nil }
	}
	return b, b.count()
}

// ID names the inbox in the sources of its files.
func (b *Inbox) ID() string { return b.id }

// inboxID returns the name of the inbox in dir.
func inboxID(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make inbox: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("read inbox: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() && tasks.ValidName(e.Name()) {
			return e.Name(), nil
		}
	}
	// By its name workers tell whether they see this inbox: those of other machines don't.
	id := random()
	if err := os.Mkdir(filepath.Join(dir, id), 0o700); err != nil {
		return "", fmt.Errorf("make inbox: %w", err)
	}
	return id, nil
}

// random returns a unique name.
func random() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Stored is a file in the inbox.
type Stored struct {
	Source   string `json:"source" doc:"Submit the file as this" example:"inbox:6f0c9a1e3b5d7f20/shop/9a7e4c1b2d3f5a60/cover.jpg"`
	Filename string `json:"filename" doc:"Your name for it"`
	Size     int64  `json:"size" doc:"Bytes"`
}

// Store keeps a file of at most limit bytes, durably. It returns TooLarge for a larger file, TooMany if the producer's
// files in the inbox leave no room for it, and what Readable says if no worker could read it.
func (b *Inbox) Store(producer, filename string, from io.Reader, limit int64) (_ Stored, err error) {
	if producer == "." || producer == ".." {
		return Stored{}, invalid("keep file", "producer: one of this name has no inbox")
	}
	if err := b.readable(b.id); err != nil {
		return Stored{}, err
	}
	filename = cleanName(filename)
	src := tasks.Source{Inbox: b.id, Path: path.Join(producer, random(), filename)}
	name := b.path(src)
	counted, err := b.quota.open(producer, from)
	if err != nil {
		return Stored{}, err
	}
	defer func() { counted.close(err == nil) }()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return Stored{}, full(err)
	}
	size, err := write(name, counted, limit)
	if err != nil {
		_ = b.remove(src) // CleanUp finds what is left
		return Stored{}, err
	}
	// Who is told of the file may rely on it: its folders are on the disk, too.
	for dir := filepath.Dir(name); dir != b.dir; dir = filepath.Dir(dir) {
		if err := syncFolder(dir); err != nil {
			_ = b.remove(src)
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
	var refused *tasks.Error
	switch {
	case errors.As(err, &refused):
		return 0, refused
	case errors.As(err, &broke):
		return 0, unread(broke.error)
	case err != nil:
		return 0, full(err)
	case size > limit:
		return 0, &tasks.Error{Code: tasks.TooLarge, Op: "take file", Err: tasks.Textf("it has over %d bytes", limit)}
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return 0, full(err)
	}
	return size, nil
}

// reader marks what goes wrong while a file is read, to tell it from what goes wrong while it is written.
type reader struct{ io.Reader }

type readError struct{ error }

func (e *readError) Unwrap() error { return e.error }

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
		err = of.Err // the path must not be shown
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
