package wechat

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// object is one JSON object of WeChat's. Its fields are read leniently: numbers may come as strings.
type object map[string]json.RawMessage

// parse finds the JSON object in an answer. It accepts what servers are known to send with it: a byte order mark, control
// characters, a Content-Type of text/plain, bytes after its end.
func parse(body []byte) (object, bool) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	body = bytes.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, body)
	var o object
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&o); err != nil || o == nil {
		return nil, false
	}
	return o, true
}

// text returns a string field, or "".
func (o object) text(name string) string {
	var s string
	if json.Unmarshal(o[name], &s) != nil {
		return ""
	}
	return strings.TrimSpace(s)
}

// number returns an integer field. ok is false if the field is missing or not an integer.
func (o object) number(name string) (n int64, ok bool) {
	raw, err := strconv.Unquote(string(o[name]))
	if err != nil {
		raw = string(o[name])
	}
	n, err = strconv.ParseInt(strings.TrimSpace(raw), 10, 64)
	return n, err == nil
}

// errcode returns WeChat's errcode, and 0 for an answer without one. ok is false if it is not a number.
func (o object) errcode() (code int, ok bool) {
	raw, there := o["errcode"]
	if !there || string(raw) == "null" {
		return 0, true
	}
	n, ok := o.number("errcode")
	return int(n), ok && n == int64(int32(n))
}

var (
	ridInText = regexp.MustCompile(`\s*,?\s*\brid: ?([0-9A-Za-z-]{6,64})`)
	plainWord = regexp.MustCompile(`^[A-Za-z0-9_-]+$`) // without the length: counting in a pattern takes milliseconds at every start
)

// maxMediaID bounds a media_id, in bytes.
const maxMediaID = 256

func isMediaID(s string) bool { return len(s) <= maxMediaID && plainWord.MatchString(s) }

// judge tells an answer from an error. Only the body decides: WeChat sends errors with HTTP 200, and JSON as
// text/plain. It returns the object of a success, and a *tasks.Error for everything else.
func (c *Client) judge(api API, q request, r reply) (object, error) {
	o, isJSON := parse(r.body)
	errcode, isCode := o.errcode()
	switch {
	case isJSON && isCode && errcode != 0:
		return nil, c.refusal(api, q, errcode, o.text("errmsg"))
	case !isJSON && r.status == http.StatusPreconditionFailed:
		return nil, c.refusal(api, q, r.status, "HTTP 412: WeChat wants a Content-Length")
	case !isJSON, !isCode, r.status == http.StatusTooManyRequests:
		return nil, &tasks.Error{Code: tasks.Temporary, Op: q.op, Err: noAnswer(r), RetryAfter: c.retryAfter(r)}
	}
	return o, nil
}

// refusal returns the error for an errcode.
func (c *Client) refusal(api API, q request, errcode int, errmsg string) *tasks.Error {
	var rid string
	if m := ridInText.FindStringSubmatchIndex(errmsg); m != nil {
		rid, errmsg = errmsg[m[2]:m[3]], errmsg[:m[0]]
	}
	row := c.row(api, errcode)
	said := scrub(errmsg, q.secrets...)
	text := cmp.Or(said, row.Meaning)
	e := &tasks.Error{
		Code: row.Code, Op: q.op, Errcode: errcode, RID: rid,
		Err: fmt.Errorf("WeChat says: %s", text), Hint: row.Advice, RetryAfter: c.holdFor(row.Code, errcode, q.zone),
		Params: tasks.Params{Detail: said},
	}
	if row.Code == tasks.Egress {
		e.Params.Address = addressIn(errmsg)
	}
	return e
}

// addressIn returns the first IP address that a message names, or "".
func addressIn(errmsg string) string {
	for _, word := range strings.FieldsFunc(errmsg, func(r rune) bool { return r == ' ' || r == ',' || r == ';' || r == '[' || r == ']' }) {
		if a, err := netip.ParseAddr(word); err == nil {
			return a.Unmap().String()
		}
	}
	return ""
}

// noAnswer describes an answer that is not WeChat's, without repeating it.
func noAnswer(r reply) error {
	kind, _, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	if err != nil {
		kind = "no content type"
	}
	switch {
	case r.status >= 300 && r.status < 400:
		return tasks.Textf("HTTP %d, a redirect, which is not followed", r.status)
	case len(bytes.TrimSpace(r.body)) == 0:
		return tasks.Textf("HTTP %d with an empty body", r.status)
	}
	return tasks.Textf("HTTP %d with %d bytes of %s, which is not an answer of WeChat's API", r.status, len(r.body), clip(kind, 40))
}

// retryAfter reads the header of that name, in seconds or as a date. It returns 0 for a missing or malformed one.
func (c *Client) retryAfter(r reply) time.Duration {
	const most = time.Hour
	v := r.header.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil {
		return min(max(0, time.Duration(min(s, 3600))*time.Second), most)
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(0, at.Sub(c.cfg.Now())), most)
	}
	return 0
}

// mediaLife is the time for which WeChat keeps a temporary media.
const mediaLife = 72 * time.Hour

var errNoID = tasks.Textf("WeChat says that the upload succeeded, but gives no media_id")

// media reads the answer of a successful upload. A thumb comes as thumb_media_id.
func (o object) media(now time.Time) (tasks.Media, error) {
	id := o.text("media_id")
	if id == "" {
		id = o.text("thumb_media_id")
	}
	if !isMediaID(id) {
		return tasks.Media{}, errNoID
	}
	issued := now
	if at, ok := o.number("created_at"); ok {
		// WeChat's clock counts if it is plausible, so that a slow answer does not lengthen the media's life.
		if t := time.Unix(at, 0); t.Before(now) && now.Sub(t) < 24*time.Hour {
			issued = t
		}
	}
	issued = issued.UTC()
	return tasks.Media{ID: id, IssuedAt: issued, ExpiresAt: issued.Add(mediaLife)}, nil
}
