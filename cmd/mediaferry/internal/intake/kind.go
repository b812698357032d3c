package intake

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
)

// AutoKind asks for the media type that a file's own bytes say.
const AutoKind = "auto"

// sniffBytes is how much of a file is read to see what it is.
const sniffBytes = 64 << 10

// wanted is the media type that the row or else the flag asks for; "" leaves it to the file.
func (r Request) wanted(row manifest.Row) tasks.MediaType {
	if r.Kind == AutoKind || r.Kind == "" {
		return row.Upload.Type
	}
	return cmp.Or(row.Upload.Type, tasks.MediaType(r.Kind))
}

// examine reads what the row leaves open from the file: its type, and its size and time if the row's ID is derived from
// them. It does not access the file of any other row.
func (g *Gatherer) examine(ctx context.Context, row *manifest.Row) error {
	row.Upload.Type = g.Request.wanted(*row)
	if row.Upload.Type == "" {
		return g.sniff(ctx, row)
	}
	if row.Upload.ExternalID != "" || row.Size != 0 || !row.Modified.IsZero() || row.ETag != "" {
		return nil
	}
	return g.stat(ctx, row)
}

// KindOf returns the media type of a row's file: the one that is asked for, or else the one that its first bytes say.
func (g *Gatherer) KindOf(ctx context.Context, row manifest.Row) (tasks.MediaType, error) {
	err := g.examine(ctx, &row)
	return row.Upload.Type, err
}

// stat fills in what the file looks like, without opening it.
func (g *Gatherer) stat(ctx context.Context, row *manifest.Row) error {
	e, err := g.Files.Stat(ctx, row.Upload.Source)
	if err != nil {
		return err
	}
	row.Size, row.Modified, row.ETag, row.Identity = e.Size, e.Modified, e.ETag, e.Identity
	return nil
}

func (g *Gatherer) sniff(ctx context.Context, row *manifest.Row) error {
	file, err := g.Files.Open(ctx, row.Upload.Source)
	if err != nil {
		return err
	}
	defer file.Close()
	head, err := io.ReadAll(io.LimitReader(file, sniffBytes))
	if err != nil {
		return fmt.Errorf("read source: %w", err)
	}
	row.Upload.Type = guess(head, row.Upload)
	row.Size, row.Modified, row.ETag, row.Identity = file.Size, file.Modified, file.ETag, file.Identity
	return nil
}

// guess returns the media type by the first bytes, or by the name if they say nothing. Validation decides in the end.
func guess(head []byte, u tasks.Upload) tasks.MediaType {
	if kind, err := media.Guess(head); err == nil {
		return kind
	}
	switch strings.ToLower(path.Ext(cmp.Or(u.Filename, u.Source))) {
	case ".mp3", ".amr", ".wav", ".m4a", ".ogg":
		return tasks.Voice
	case ".mp4", ".mov", ".m4v", ".avi", ".mkv":
		return tasks.Video
	default:
		return tasks.Image
	}
}
