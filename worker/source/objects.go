package source

import (
	"context"
	"fmt"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/mediaferry/mediaferry/tasks"
)

// list yields the objects below a prefix, page by page, by key. An object whose key is the prefix itself is meant
// alone: s3://bucket/a.jpg does not bring a.jpg.bak along. It sorts before all others of the prefix.
func (b *buckets) list(ctx context.Context, src tasks.Source, skip func(string, bool) bool, yield func(Entry, error) bool) {
	const op = "list source"
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	folder := src.Path[:strings.LastIndex(src.Path, "/")+1]
	for o := range b.api.ListObjectsIter(ctx, src.Bucket, minio.ListObjectsOptions{Prefix: src.Path, Recursive: true}) {
		if o.Err != nil {
			yield(Entry{}, listFault(b.fault(op, src, o.Err)))
			return
		}
		name := strings.TrimPrefix(o.Key, folder)
		if strings.HasSuffix(o.Key, "/") { // stands for a folder
			continue
		}
		named := o.Key == src.Path
		if !named && skip(name, false) {
			continue
		}
		at := tasks.Source{Bucket: src.Bucket, Path: o.Key}
		e := Entry{Source: at.String(), Name: name, Size: o.Size, Modified: o.LastModified, ETag: o.ETag, Identity: objectIdentity(o)}
		if !yield(e, nil) || named {
			return
		}
	}
	if err := ctx.Err(); err != nil {
		yield(Entry{}, fmt.Errorf("%s: %w", op, err))
	}
}

// listFault keeps a listing that is refused from looking like an object that is.
func listFault(err error) error {
	if e := tasks.AsError(err); e.Code == tasks.Denied || e.Code == tasks.Missing {
		return &tasks.Error{Code: tasks.Denied, Op: e.Op, Err: e.Err, Hint: "let the bucket's policy allow listing it"}
	}
	return err
}
