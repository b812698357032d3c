package intake

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
)

// Judged is what a file is, its bytes as WeChat would get them, and what --fix did to them.
type Judged struct {
	tasks.Content
	Size  int64 // of the file
	Bytes []byte
	Did   string
}

// Judge reads a row's file and says what it is. It stops reading where the file is refused.
func (g *Gatherer) Judge(ctx context.Context, row manifest.Row) (j Judged, err error) {
	j.Type, j.Size = g.Request.wanted(row), row.Size
	if row.Err != nil {
		return j, row.Err
	}
	file, err := g.Files.Open(ctx, row.Upload.Source)
	if err != nil {
		return j, err
	}
	defer file.Close()
	j.Size = file.Size
	head, err := io.ReadAll(io.LimitReader(file, min(sniffBytes, file.Size+1)))
	if err != nil {
		return j, fmt.Errorf("read source: %w", err)
	}
	if j.Type == "" {
		j.Type = guess(head, row.Upload)
	}
	fix := g.Request.Fix || row.Upload.Fix
	if err := g.Limits.Fits(j.Type, file.Size); err != nil && (!fix || file.Size > g.Limits.Fixable(j.Type)) {
		return j, err
	}
	rest, err := io.ReadAll(io.LimitReader(file, file.Size+1-int64(len(head))))
	if err != nil {
		return j, fmt.Errorf("read source: %w", err)
	}
	err = j.inspect(ctx, append(head, rest...), g.Limits, fix)
	if file.ETag == "" { // what is in a bucket is never half written
		err = tasks.StillWritten(err, file.Modified, time.Now())
	}
	return j, err
}

func (j *Judged) inspect(ctx context.Context, b []byte, limits media.Limits, fix bool) (err error) {
	kind := j.Type
	j.Bytes = b
	j.Content, err = media.Check(b, kind, limits)
	if fix && (err != nil || len(j.Notes) > 0) {
		j.Bytes, j.Did, err = media.Fix(ctx, b, kind, limits)
	}
	j.Type = kind
	return err
}
