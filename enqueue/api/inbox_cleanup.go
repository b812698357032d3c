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

// How long a file is kept for its first upload, and after a failed one for a retry.
const (
	inboxUnused = 24 * time.Hour
	inboxFailed = 24 * time.Hour
)

// CleanUp removes the files that no upload needs any more, and returns their number. It keeps a file whose media is kept alive. It
// removes any other at once if all of its uploads succeeded or were canceled, a day after the outcome if one failed, and a day after it was received if it
// was never submitted.
func (b *Inbox) CleanUp(ctx context.Context, uses InboxUses) (int, error) {
	removed := 0
	idle, found := b.quota.idle(), map[string]int64{}
	err := b.walk(func(src tasks.Source, info fs.FileInfo) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		use, err := uses.InboxUse(ctx, src.String())
		if err != nil || !b.unneeded(use, info.ModTime()) {
			found[src.Owner()] += costOf(info.Size())
			return err
		}
		removed++
		return b.drop(src, info.Size())
	})
	if err != nil {
		return removed, fmt.Errorf("clean up inbox: %w", err)
	}
	b.quota.recount(idle, found)
	return removed, nil
}

// count reads from the disk what each producer has.
func (b *Inbox) count() error {
	found := map[string]int64{}
	err := b.walk(func(src tasks.Source, info fs.FileInfo) error {
		found[src.Owner()] += costOf(info.Size())
		return nil
	})
	if err != nil {
		return fmt.Errorf("read inbox: %w", err)
	}
	b.quota.recount(nil, found)
	return nil
}

// walk calls visit for each file. It leaves out files that are removed meanwhile.
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

// drop removes a file and gives its bytes back to the quota.
func (b *Inbox) drop(src tasks.Source, size int64) error {
	err := b.remove(src)
	if err == nil {
		b.quota.add(src.Owner(), -costOf(size))
	}
	return err
}

// Drop removes a file that its sender can't submit: the answer never named it, or its submission was refused.
func (b *Inbox) Drop(f Stored) error {
	src, err := tasks.ParseSource(f.Source)
	if err != nil {
		return err
	}
	return b.drop(src, f.Size)
}

func (b *Inbox) unneeded(use tasks.SourceUse, came time.Time) bool {
	now := b.now()
	switch {
	case use.Open > 0, use.Kept > 0:
		return false
	case use.Uploads == 0:
		return now.Sub(came) > inboxUnused
	case use.Failed > 0:
		return now.Sub(use.Finished) > inboxFailed
	}
	return true
}
