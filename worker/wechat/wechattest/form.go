package wechattest

import (
	"bytes"
	"errors"
	"strings"
)

// form is the part named media of a multipart form: what its head says, and its bytes (shared with the body).
type form struct {
	filename string
	media    []byte
}

// maxHead bounds the head of one part, in bytes.
const maxHead = 8 << 10

// What makes a form malformed. WeChat answers all of them with 41005; the text is the hint.
var (
	errNotMultipart = errors.New("Content-Type is not multipart/form-data")
	errNoBoundary   = errors.New("Content-Type has no boundary")
	errQuoted       = errors.New("the boundary is quoted")
	errBadBoundary  = errors.New("the boundary is not 1 to 70 characters that need no quotes")
	errNoDelimiter  = errors.New("the body does not begin with the boundary")
	errUnclosed     = errors.New("the body does not end with the closing boundary")
	errHead         = errors.New("the head of a part is malformed")
	errDisposition  = errors.New("Content-Disposition is malformed; its values must be quoted")
	errStarName     = errors.New("filename*= is not understood")
	errNoFilename   = errors.New("the part named media has no filename")
	errNoMedia      = errors.New("no part is named media")
)

// parseForm reads a whole form as a strict server does.
func parseForm(contentType string, body []byte) (form, error) {
	delim, err := delimiter(contentType)
	if err != nil {
		return form{}, err
	}
	rest, err := openForm(body, delim)
	if err != nil {
		return form{}, err
	}
	var found *form
	for {
		var p part
		if p, rest, err = nextPart(rest); err != nil {
			return form{}, err
		}
		var content []byte
		var last bool
		if content, rest, last, err = cutContent(rest, delim); err != nil {
			return form{}, err
		}
		if found == nil && p.name == "media" {
			found = &form{p.filename, content}
			if err := p.usable(); err != nil {
				return form{}, err
			}
		}
		if !last {
			continue
		}
		if found == nil {
			return form{}, errNoMedia
		}
		return *found, nil
	}
}

// parseHead reads no more than the head of the first part, which must be the one named media.
func parseHead(contentType string, body []byte) (form, error) {
	delim, err := delimiter(contentType)
	if err != nil {
		return form{}, err
	}
	rest, err := openForm(body, delim)
	if err != nil {
		return form{}, err
	}
	p, rest, err := nextPart(rest)
	switch {
	case err != nil:
		return form{}, err
	case p.name != "media":
		return form{}, errNoMedia
	}
	return form{p.filename, rest}, p.usable()
}

// delimiter returns "--" and the boundary that contentType names.
func delimiter(contentType string) (string, error) {
	kind, params, _ := strings.Cut(contentType, ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "multipart/form-data") {
		return "", errNotMultipart
	}
	for p := range strings.SplitSeq(params, ";") {
		key, value, found := strings.Cut(strings.TrimSpace(p), "=")
		if !found || !strings.EqualFold(key, "boundary") {
			continue
		}
		switch {
		case strings.HasPrefix(value, `"`):
			return "", errQuoted
		case !plainBoundary(value):
			return "", errBadBoundary
		}
		return "--" + value, nil
	}
	return "", errNoBoundary
}

func plainBoundary(s string) bool {
	if s == "" || len(s) > 70 {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]`, c) >= 0 {
			return false
		}
	}
	return true
}

// openForm goes past the first delimiter. One empty line before it is what some clients send.
func openForm(body []byte, delim string) ([]byte, error) {
	body = bytes.TrimPrefix(body, []byte("\r\n"))
	rest, found := bytes.CutPrefix(body, []byte(delim+"\r\n"))
	if !found {
		return nil, errNoDelimiter
	}
	return rest, nil
}

// cutContent splits b at the next delimiter line, and says whether that closes the form.
func cutContent(b []byte, delim string) (content, rest []byte, last bool, err error) {
	mark := []byte("\r\n" + delim)
	for from := 0; ; {
		i := bytes.Index(b[from:], mark)
		if i < 0 {
			return nil, nil, false, errUnclosed
		}
		end := from + i
		after := b[end+len(mark):]
		switch {
		case bytes.HasPrefix(after, []byte("--")):
			return b[:end], nil, true, nil
		case bytes.HasPrefix(after, []byte("\r\n")):
			return b[:end], after[2:], false, nil
		}
		from = end + 2 // only the beginning of a longer line: part of the content
	}
}
