package wechat

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestFormIsOnePieceOfMemory(t *testing.T) {
	t.Parallel()
	file := bytes.Repeat([]byte("0123456789"), 1000)
	content := tasks.Content{Type: tasks.Video, Ext: ".mp4", ContentType: "video/mp4"}
	frame := slices.Concat(make([]byte, tasks.FrameBefore), file, make([]byte, tasks.FrameAfter))
	framed := frame[tasks.FrameBefore : tasks.FrameBefore+len(file)]
	long := content
	long.ContentType += strings.Repeat("x", tasks.FrameBefore)
	for name, tc := range map[string]struct {
		payload tasks.Payload
		copied  bool
	}{
		"in a frame":              {tasks.Payload{Content: content, Body: framed, Frame: frame}, false},
		"alone":                   {tasks.Payload{Content: content, Body: file}, true},
		"with more than fits":     {tasks.Payload{Content: long, Body: framed, Frame: frame}, true},
		"in a frame of something": {tasks.Payload{Content: content, Body: file[1:], Frame: frame}, true},
	} {
		f, err := newForm(tc.payload)
		if err != nil {
			t.Fatal(err)
		}
		_, params, err := mime.ParseMediaType(f.contentType)
		if err != nil {
			t.Fatal(err)
		}
		part, err := multipart.NewReader(bytes.NewReader(f.body), params["boundary"]).NextPart()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := io.ReadAll(part)
		if err != nil || !bytes.Equal(got, tc.payload.Body) || part.Header.Get("Content-Type") != tc.payload.ContentType {
			t.Errorf("%s: the form has %d bytes of type %q, %v", name, len(got), part.Header.Get("Content-Type"), err)
		}
		if at := bytes.Index(f.body, tc.payload.Body[:100]); (&f.body[at] != &tc.payload.Body[0]) != tc.copied {
			t.Errorf("%s: copied is not %v", name, tc.copied)
		}
	}
}

// The environment's proxy may log what passes through it.
func TestNoProxyFromTheEnvironment(t *testing.T) {
	t.Parallel()
	if h := newHTTP(nil, 0, 1); h.Transport.(*http.Transport).Proxy != nil {
		t.Error("there is a proxy")
	}
}
