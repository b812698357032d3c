package wechat

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"regexp"

	"github.com/mediaferry/mediaferry/tasks"
)

// form is the multipart body of one upload: head, file, tail. It does not copy the file's bytes, can be read several times,
// and has a known length: WeChat refuses a chunked body with HTTP 412.
type form struct {
	contentType      string
	head, file, tail []byte
}

var (
	plainExt  = regexp.MustCompile(`^\.[a-z0-9]{1,8}$`)
	plainType = regexp.MustCompile(`^[a-z]+/[a-z0-9.+-]+$`)
)

// newForm makes the form that WeChat accepts: one part "media" with a plain ASCII filename. WeChat checks the type by its
// extension. The user's own name for the file is not sent. newForm returns Empty for a file without bytes, and Defect for
// a payload that validation can't have made.
func newForm(p tasks.Payload) (form, error) {
	const op = "make upload form"
	if _, err := tasks.ParseMediaType(string(p.Type)); err != nil {
		return form{}, &tasks.Error{Code: tasks.Defect, Op: op, Err: err}
	}
	if len(p.Body) == 0 {
		return form{}, &tasks.Error{Code: tasks.Empty, Op: op}
	}
	if !plainExt.MatchString(p.Ext) || !plainType.MatchString(p.ContentType) {
		return form{}, &tasks.Error{Code: tasks.Defect, Op: op,
			Err: fmt.Errorf("extension %q with content type %q is no canonical pair", clip(p.Ext, 20), clip(p.ContentType, 40))}
	}
	boundary := "mediaferry" + rand.Text() // 130 random bits are in no file by chance
	return form{
		contentType: "multipart/form-data; boundary=" + boundary, // WeChat does not take a quoted one
		head: fmt.Appendf(nil, "--%s\r\nContent-Disposition: form-data; name=\"media\"; filename=\"media%s\"\r\nContent-Type: %s\r\n\r\n",
			boundary, p.Ext, p.ContentType),
		file: p.Body,
		tail: fmt.Appendf(nil, "\r\n--%s--\r\n", boundary),
	}, nil
}

// size returns the body's exact length in bytes.
func (f form) size() int64 { return int64(len(f.head) + len(f.file) + len(f.tail)) }

// open returns the body from its beginning.
func (f form) open() io.Reader {
	return io.MultiReader(bytes.NewReader(f.head), bytes.NewReader(f.file), bytes.NewReader(f.tail))
}
