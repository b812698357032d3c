package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// How long a file waits for its upload, and one that failed for a retry.
const (
	inboxUnused = 24 * time.Hour
	inboxFailed = 24 * time.Hour
)

// Sweep removes the files that no upload needs any more: at once where all of a file's uploads succeeded or were
// canceled, a day later where one failed, and a day after it came where it was never submitted. It returns how many.
func (b *Inbox) Sweep(ctx context.Context, uses InboxUses) (int, error) {
	removed := 0
	quiet, found := b.room.quiet(), map[string]int64{}
	err := b.walk(func(src tasks.Source, info fs.FileInfo) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		use, err := uses.InboxUse(ctx, src.String())
		if err != nil || !b.over(use, info.ModTime()) {
			found[src.Owner()] += info.Size()
			return err
		}
		removed++
		return b.drop(src, info.Size())
	})
	if err != nil {
		return removed, fmt.Errorf("sweep inbox: %w", err)
	}
	b.room.recount(quiet, found)
	return removed, nil
}

// count finds out what each producer has there.
func (b *Inbox) count() error {
	found := map[string]int64{}
	err := b.walk(func(src tasks.Source, info fs.FileInfo) error {
		found[src.Owner()] += info.Size()
		return nil
	})
	if err != nil {
		return fmt.Errorf("read inbox: %w", err)
	}
	b.room.recount(nil, found)
	return nil
}

// walk calls visit for each file. One that goes meanwhile is left out.
func (b *Inbox) walk(visit func(tasks.Source, fs.FileInfo) error) error {
	root := filepath.Join(b.dir, b.id)
	return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && d.IsDir() {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		return visit(tasks.Source{Inbox: b.id, Path: filepath.ToSlash(rel)}, info)
	})
}

// drop removes a file, which gives its room back.
func (b *Inbox) drop(src tasks.Source, size int64) error {
	err := b.remove(src)
	if err == nil {
		b.room.add(src.Owner(), -size)
	}
	return err
}

// Drop removes a file whose sender was never told of it, or whose submission was refused.
func (b *Inbox) Drop(f Stored) error {
	src, err := tasks.ParseSource(f.Source)
	if err != nil {
		return err
	}
	return b.drop(src, f.Size)
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
