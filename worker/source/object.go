package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/minio/minio-go/v7"

	"github.com/mediaferry/mediaferry/tasks"
)

// resumes is how often the reading of one object goes on after its connection broke.
const resumes = 2

// open asks for an object with one GET, whose answer tells size and ETag with the first bytes. Bytes of two versions
// are never mixed: where the connection breaks, the rest is asked for under If-Match of that ETag, and a 412 is
// Changed. So there is nothing left to verify.
func (b *buckets) open(ctx context.Context, src tasks.Source) (tasks.File, error) {
	const op = "open source"
	if src.Path == "" {
		return tasks.File{}, denied(op, src, "it is a bucket, not an object")
	}
	body, info, _, err := b.api.GetObject(ctx, src.Bucket, src.Path, minio.GetObjectOptions{})
	if err != nil {
		return tasks.File{}, b.fault(op, src, err)
	}
	if info.Size < 0 {
		body.Close()
		return tasks.File{}, &tasks.Error{Code: tasks.Storage, Op: op, Err: tasks.Textf("%s: the storage does not say its size", src.Display())}
	}
	o := &object{bucket: b, body: body, src: src, size: info.Size, resumes: resumes}
	if info.ETag == "" {
		o.resumes = 0
	}
	o.rest = func() (io.ReadCloser, error) { return b.rest(ctx, src, info.ETag, o.at) }
	return tasks.File{ReadCloser: o, Size: info.Size, Modified: info.LastModified, ETag: info.ETag, Identity: objectIdentity(info)}, nil
}

// rest asks for what follows the first at bytes of the version that etag names.
func (b *buckets) rest(ctx context.Context, src tasks.Source, etag string, at int64) (io.ReadCloser, error) {
	var o minio.GetObjectOptions
	if err := o.SetMatchETag(etag); err != nil {
		return nil, err
	}
	if at > 0 {
		if err := o.SetRange(at, 0); err != nil {
			return nil, err
		}
	}
	body, _, header, err := b.api.GetObject(ctx, src.Bucket, src.Path, o)
	if err != nil {
		return nil, err
	}
	if at > 0 && header.Get("Content-Range") == "" { // a server that ignores Range begins anew
		body.Close()
		return nil, tasks.Textf("the storage can't answer a part of an object")
	}
	return body, nil
}

// object reads one version of an object.
type object struct {
	bucket  *buckets
	body    io.ReadCloser
	src     tasks.Source
	size    int64
	at      int64 // bytes read so far
	resumes int   // left
	rest    func() (io.ReadCloser, error)
}

func (o *object) Read(p []byte) (int, error) {
	const op = "read source"
	for {
		n, err := o.body.Read(p)
		o.at += int64(n)
		switch {
		case n > 0 || err == nil:
			return n, nil // the body says its error again
		case o.at == o.size && errors.Is(err, io.EOF):
			return 0, io.EOF
		case errors.Is(err, io.EOF):
			err = io.ErrUnexpectedEOF
		}
		if o.resumes == 0 || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return 0, o.bucket.fault(op, o.src, err)
		}
		o.resumes--
		body, err := o.rest()
		if err != nil {
			return 0, o.bucket.fault(op, o.src, err)
		}
		o.body.Close()
		o.body = body
	}
}

func (o *object) Close() error { return o.body.Close() }

// fault turns an answer of the storage into an error a person can act on. As in a folder, only what is said of
// the object itself judges it: credentials, the bucket and the network are Storage.
func (b *buckets) fault(op string, src tasks.Source, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", op, b.plain(err))
	}
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) {
		return &tasks.Error{Code: tasks.Storage, Op: op, Err: tasks.Textf("%s: %w", src.Display(), b.plain(err))}
	}
	e := &tasks.Error{Code: tasks.Storage, Op: op, Err: tasks.Textf("%s: %s", src.Display(), b.clean(answer))}
	switch {
	case answer.Code == minio.NoSuchKey, answer.Code == "KeyTooLongError", answer.Code == "XMinioInvalidObjectName":
		e.Code = tasks.Missing
	case answer.Code == minio.AccessDenied:
		e.Code = tasks.Denied
		e.Hint = "let the bucket's policy allow reading it; a storage that may not be listed says the same of a key that does not exist"
	case answer.Code == "InvalidObjectState":
		e.Code = tasks.Denied
		e.Hint = "restore the object from the archive, then retry"
	case answer.Code == minio.PreconditionFailed, answer.StatusCode == http.StatusPreconditionFailed:
		e.Code = tasks.Changed
	}
	return e
}

// clean is what the storage said, shortened and without what could break a line.
func (b *buckets) clean(answer minio.ErrorResponse) string {
	const limit = 200
	text := tasks.Hide(answer.Error(), b.secrets...)
	if len(text) > limit {
		text = text[:limit] + "…"
	}
	return tasks.Source{Path: fmt.Sprintf("%s (%s, HTTP %d)", text, tasks.Hide(answer.Code, b.secrets...), answer.StatusCode)}.Display()
}

// plain is an error of net/http without the address, which may be signed, and without what the storage sent back of our
// secrets.
func (b *buckets) plain(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if text := tasks.Hide(err.Error(), b.secrets...); text != err.Error() {
		return errors.New(text)
	}
	return err
}
