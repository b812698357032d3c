package intake

import (
	"context"
	"crypto/sha256"
	"io"

	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
)

// unchanged reports whether a row's file still holds what o tells of. A file that looks as it did when it was read is not
// opened, unless checksums are asked for; any other is read. now is what was found where it had to be.
func (b *Batch) unchanged(ctx context.Context, row manifest.Row, o tasks.Outcome, known tasks.KnownContent) (same bool, now tasks.KnownContent) {
	if !b.Request.Checksum && b.looksLike(ctx, &row, known.Identity) {
		return true, now
	}
	if known.Hash == (tasks.Hash{}) { // it was refused before it was read
		return false, now
	}
	now, err := b.sum(ctx, row.Upload.Source, o)
	return err == nil && now.Hash == known.Hash, now
}

// sum reads a source. It is not read where its size alone says that it holds something else.
func (b *Batch) sum(ctx context.Context, source string, o tasks.Outcome) (now tasks.KnownContent, err error) {
	file, err := b.Files.Open(ctx, source)
	if err != nil {
		return now, err
	}
	defer file.Close()
	if o.Size != 0 && o.Original == "" && o.Size != file.Size {
		return now, nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return now, err
	}
	if file.Verify != nil {
		if err := file.Verify(); err != nil {
			return now, err
		}
	}
	h.Sum(now.Hash[:0])
	now.Identity = file.Identity
	return now, nil
}
