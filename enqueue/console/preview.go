package console

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/gabriel-vasile/mimetype"

	"github.com/mediaferry/mediaferry/tasks"
)

// maxPreview is the largest file that WeChat takes: larger ones are not shown.
const maxPreview = 10 << 20

// shown are the kinds of files that browsers show or play. A kind is found in a file's bytes, never in its name: what only
// calls itself a picture is not among them, and SVG and HTML never are.
var shown = map[string]bool{ //nolint:gochecknoglobals // a table
	"image/jpeg": true, "image/png": true, "image/gif": true, "audio/mpeg": true, "video/mp4": true,
}

// previewable reports whether the visitor may be shown the source of an upload.
func (c *Console) previewable(v *visit, o tasks.Outcome) bool {
	_, ok := grantFor(v, o)
	return ok
}

// grantFor returns the grant below which a source is opened for the visitor.
func grantFor(v *visit, o tasks.Outcome) (string, bool) {
	src, err := tasks.ParseSource(o.Source)
	if err != nil {
		return "", false
	}
	switch {
	case src.Inbox != "":
		return "", v.who.Staff() || src.Owner() == v.who.Name
	case src.Local():
		return "", v.who.Name == tasks.LocalProducer
	}
	return v.who.MayRead(src)
}

// preview shows the source itself, as what its bytes are.
func (c *Console) preview(v *visit) (answer, error) {
	o, err := v.own(v.Context())
	if err != nil {
		return nil, err
	}
	grant, ok := grantFor(v, o)
	if !ok || c.cfg.Files == nil {
		return nil, &tasks.Error{Code: tasks.Forbidden, Op: "show source", Err: tasks.Textf("this key may not read it")}
	}
	f, err := c.cfg.Files.OpenWithin(v.Context(), grant, o.Source)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPreview+1))
	if err != nil {
		return nil, fmt.Errorf("read source: %w", err)
	}
	kind := mimetype.Detect(b).String()
	if len(b) > maxPreview || !shown[kind] {
		return nil, &tasks.Error{Code: tasks.Unsupported, Op: "show source", Err: tasks.Textf("it is not shown: %s", kind)}
	}
	return media{o.Filename, kind, b}, nil
}

// media is a file that is shown, and can do nothing.
type media struct {
	name, kind string
	body       []byte
}

func (m media) write(v *visit) error {
	h := v.w.Header()
	h.Set("Content-Type", m.kind)
	h.Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": m.name}))
	h.Set("Content-Security-Policy", "default-src 'none'; img-src 'self'; media-src 'self'; sandbox")
	h.Set("Cache-Control", "private, max-age=300")
	http.ServeContent(v.w, v.Request, "", time.Time{}, bytes.NewReader(m.body))
	return nil
}
