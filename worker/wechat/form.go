package wechat

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"regexp"

	"github.com/mediaferry/mediaferry/tasks"
)

// form is the multipart body of one upload: head, file, tail. The file's bytes are not copied, so one form can be
// read again and again, and its length is known before it is sent: WeChat refuses a chunked body with HTTP 412.
type form struct {
	contentType      string
	head, file, tail []byte
}

var (
	plainExt  = regexp.MustCompile(`^\.[a-z0-9]{1,8}$`)
	plainType = regexp.MustCompile(`^[a-z]+/[a-z0-9.+-]+$`)
)

// newForm makes the form that WeChat takes: one part "media" with a plain ASCII filename, whose extension is what
// WeChat's type check goes by. The user's own name for the file is not sent.
// It returns Empty for a file without bytes and Defect for a payload that validation can't have made.
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
	boundary := "mediaferry" + rand.Text() // 130 random bits: no file holds it by chance
	return form{
		contentType: "multipart/form-data; boundary=" + boundary, // WeChat does not take a quoted one
		head: fmt.Appendf(nil, "--%s\r\nContent-Disposition: form-data; name=\"media\"; filename=\"media%s\"\r\nContent-Type: %s\r\n\r\n",
			boundary, p.Ext, p.ContentType),
		file: p.Body,
		tail: fmt.Appendf(nil, "\r\n--%s--\r\n", boundary),
	}, nil
}

// size is the body's exact length in bytes.
func (f form) size() int64 { return int64(len(f.head) + len(f.file) + len(f.tail)) }

// open returns the body from its beginning.
func (f form) open() io.Reader {
	return io.MultiReader(bytes.NewReader(f.head), bytes.NewReader(f.file), bytes.NewReader(f.tail))
}
