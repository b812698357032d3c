package wechat

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"slices"

	"github.com/mediaferry/mediaferry/tasks"
)

// form is the multipart body of one upload: head, file and tail in one piece of memory. net/http sends such a body together
// with its headers, and knows its length: WeChat refuses a chunked body with HTTP 412.
type form struct {
	contentType string
	body        []byte
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
			Err: tasks.Textf("extension %q with content type %q is no canonical pair", clip(p.Ext, 20), clip(p.ContentType, 40))}
	}
	boundary := "mediaferry" + rand.Text() // 130 random bits are in no file by chance
	head := fmt.Appendf(nil, "--%s\r\nContent-Disposition: form-data; name=\"media\"; filename=\"media%s\"\r\nContent-Type: %s\r\n\r\n",
		boundary, p.Ext, p.ContentType)
	tail := fmt.Appendf(nil, "\r\n--%s--\r\n", boundary)
	return form{
		contentType: "multipart/form-data; boundary=" + boundary, // WeChat does not take a quoted one
		body:        around(p, head, tail),
	}, nil
}

// around puts head and tail around the file: in the payload's frame, or in a copy if there is no frame that they fit into.
func around(p tasks.Payload, head, tail []byte) []byte {
	if len(p.Frame) != tasks.FrameBefore+len(p.Body)+tasks.FrameAfter || len(head) > tasks.FrameBefore || len(tail) > tasks.FrameAfter {
		return slices.Concat(head, p.Body, tail)
	}
	from, end := tasks.FrameBefore-len(head), tasks.FrameBefore+len(p.Body)
	copy(p.Frame[from:], head)
	copy(p.Frame[end:], tail)
	return p.Frame[from : end+len(tail)]
}
