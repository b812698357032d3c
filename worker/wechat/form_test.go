package wechat

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestFormIsReadAgainFromItsBeginning(t *testing.T) {
	t.Parallel()
	file := bytes.Repeat([]byte("0123456789"), 1000)
	f, err := newForm(tasks.Payload{Content: tasks.Content{Type: tasks.Video, Ext: ".mp4", ContentType: "video/mp4"}, Body: file})
	if err != nil {
		t.Fatal(err)
	}
	again := &replay{open: f.open}
	var first []byte
	for range 3 {
		body, err := again.body()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(body)
		if err != nil || int64(len(b)) != f.size() || bytes.Count(b, file) != 1 {
			t.Fatalf("read %d bytes of %d, %v", len(b), f.size(), err)
		}
		if first == nil {
			first = b
		}
		if !bytes.Equal(b, first) {
			t.Error("a second reading differs")
		}
	}
	if &f.file[0] != &file[0] {
		t.Error("the file was copied")
	}
	body, _ := again.body()
	again.close()
	if _, err := body.Read(make([]byte, 1)); !errors.Is(err, http.ErrBodyReadAfterClose) {
		t.Errorf("a read after the end: %v", err)
	}
}

// The environment's proxy may log what passes through it.
func TestNoProxyFromTheEnvironment(t *testing.T) {
	t.Parallel()
	if h := newHTTP(nil, 0, 1); h.Transport.(*http.Transport).Proxy != nil {
		t.Error("there is a proxy")
	}
}
