package source

import (
	"context"
	"path"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/mediaferry/mediaferry/tasks"
)

// Stat says what a source looks like now, without reading it: one HEAD for an object. It refuses what Open refuses.
// For an object it can tell wrong credentials from a forbidden object no better than a HEAD's answer, which has no
// body: both are Denied.
func (s *Store) Stat(ctx context.Context, source string) (Entry, error) {
	const op = "stat source"
	src, err := tasks.ParseSource(source)
	if err != nil {
		return Entry{}, err
	}
	if src.Bucket != "" {
		if err := s.granted(op, src); err != nil {
			return Entry{}, err
		}
		o, err := s.s3.api.StatObject(ctx, src.Bucket, src.Path, minio.StatObjectOptions{})
		if err != nil {
			return Entry{}, s.s3.fault(op, src, err)
		}
		return Entry{Source: src.String(), Name: path.Base(src.Path), Size: o.Size, Modified: o.LastModified, ETag: o.ETag, Identity: objectIdentity(o)}, nil
	}
	at, err := s.folder(op, src)
	if err != nil {
		return Entry{}, err
	}
	root, err := at()
	if err != nil {
		return Entry{}, err
	}
	defer root.Close()
	info, err := root.Stat(src.Path)
	if err != nil {
		return Entry{}, looked(root.FS(), src.Path, fault(op, src, err))
	}
	if err := regular(op, src, info); err != nil {
		return Entry{}, err
	}
	return Entry{
		Source: src.String(), Name: path.Base(src.Path), Size: info.Size(), Modified: info.ModTime(),
		Identity: s.ident.file(root, src.Path, info, time.Now()),
	}, nil
}
