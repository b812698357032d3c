package worker

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// body is a source's bytes in pooled memory.
type body struct {
	bytes    []byte
	hash     tasks.Hash // of the source
	fixed    string     // what was done to make them fit
	modified time.Time  // of the source; zero where it can't be half written, as in a bucket
	mustFix  bool       // it is known that they don't fit as they are
	*buffer             // of the source
}

// payload is what is sent of it.
func (b *body) payload(content tasks.Content) tasks.Payload {
	p := tasks.Payload{Content: content, Body: b.bytes}
	if b.fixed == "" {
		p.Frame, p.Held = b.frame, b.hold
	}
	return p
}

// mediaKey is what the upload's content is kept under, but for its hash.
func (w *Worker) mediaKey(account tasks.Account, claim tasks.Claim) tasks.MediaKey {
	k := tasks.MediaKey{Realm: account.Realm, AppID: account.AppID, Type: claim.Type}
	switch {
	case claim.Wants != tasks.Hash{}:
		k.Producer = claim.Keeper
	case w.cfg.ReuseOwn:
		k.Producer = claim.Producer
	}
	return k
}

// read takes the source's bytes, once, into memory that the budget has granted.
func (w *Worker) read(ctx context.Context, claim tasks.Claim, p *place, f *opened) (body, error) {
	buf, err := p.memory.take(ctx, claim.Account, f.Size)
	if err != nil {
		return body{}, err
	}
	defer w.passed(tasks.StageRead, time.Now())
	file := f.File
	if f.left, err = w.patiently(ctx, claim, func() error { return fill(buf.file, file) }, func() { buf.release(); file.Close() }); err != nil {
		if !f.left {
			buf.release()
		}
		return body{}, err
	}
	read := body{bytes: buf.file, hash: tasks.HashOf(buf.file), mustFix: p.fixing, buffer: buf}
	if f.ETag == "" {
		read.modified = f.Modified
	}
	return read, nil
}

// wanted returns OtherBytes where a media is to be kept alive and a source with these hashes holds another content by now.
func wanted(claim tasks.Claim, has ...tasks.Hash) error {
	if claim.Wants == (tasks.Hash{}) || slices.Contains(has, claim.Wants) {
		return nil
	}
	return &tasks.Error{Code: tasks.OtherBytes, Op: "read source", Err: tasks.Textf("its sha256 is %s, and %s is kept alive", has[0], claim.Wants)}
}

// describe says in result what the bytes are, once they were made to fit where they had to be. Where an earlier run has
// read them, they must be the same.
func (b *body) describe(claim tasks.Claim, known bool, result *tasks.Result) error {
	result.Key.Hash, result.Size = b.hash, int64(len(b.bytes))
	if b.fixed != "" {
		result.Key.Hash, result.Original, result.Fixed = tasks.HashOf(b.bytes), b.hash, b.fixed
	}
	if known && result.Key.Hash != claim.Known.Hash {
		return changed(tasks.Textf("it has other bytes than before, and looks the same"))
	}
	return wanted(claim, b.hash, result.Key.Hash)
}

func (w *Worker) fits(claim tasks.Claim, size int64) error {
	err := w.Checker.Fits(claim.Type, size)
	if err != nil && claim.Fix && w.Fixer != nil && size <= w.Fixer.Fixable(claim.Type) {
		return nil
	}
	return err
}

// fill reads exactly as many bytes as the file had when it was opened, and returns Changed if it changed meanwhile.
func fill(buf []byte, file tasks.File) error {
	if _, err := io.ReadFull(file, buf); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return changed(tasks.Textf("it had %d bytes when it was opened, and fewer now", len(buf)))
		}
		return readError(err)
	}
	var more [1]byte
	if n, err := io.ReadFull(file, more[:]); n > 0 {
		return changed(tasks.Textf("it had %d bytes when it was opened, and more now", len(buf)))
	} else if !errors.Is(err, io.EOF) {
		return readError(err)
	}
	if file.Verify == nil {
		return nil
	}
	return file.Verify()
}

func changed(err error) error {
	return &tasks.Error{Code: tasks.Changed, Op: "read source", Err: err}
}

// readError returns an error of the storage as it is, and any other error as a temporary one.
func readError(err error) error {
	var known *tasks.Error
	if errors.As(err, &known) {
		return err
	}
	return &tasks.Error{Code: tasks.Storage, Op: "read source", Err: err}
}

// validate checks the bytes and, where the upload allows it, makes a refused picture fit, and mends one of which something
// was noted.
func (w *Worker) validate(ctx context.Context, claim tasks.Claim, b *body) (content tasks.Content, err error) {
	defer w.passed(tasks.StageValidate, time.Now())
	if !b.mustFix {
		content, err = w.Checker.Check(b.bytes, claim.Type)
		if err = tasks.StillWritten(err, b.modified, time.Now()); tasks.CodeOf(err) == tasks.Unstable {
			return content, err
		}
		if err == nil && len(content.Notes) == 0 || !claim.Fix || w.Fixer == nil {
			return content, err
		}
	}
	fixed, did, fixErr := w.fix(ctx, claim, b.bytes)
	switch {
	case fixErr != nil:
		return content, tasks.StillWritten(fixErr, b.modified, time.Now())
	case did != "":
		b.fixed, b.bytes = did, fixed
	case !b.mustFix:
		return content, err
	}
	return w.Checker.Check(b.bytes, claim.Type)
}
