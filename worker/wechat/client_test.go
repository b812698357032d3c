package wechat_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat"
)

func TestUploadSendsTheFileAndReturnsItsMedia(t *testing.T) {
	t.Parallel()
	file := bytes.Repeat([]byte("jpeg"), 10_000)
	var got []byte
	mux := http.NewServeMux()
	mux.HandleFunc("POST /cgi-bin/stable_token", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"access_token":"TOKEN","expires_in":7200}`)
	})
	mux.HandleFunc("POST /cgi-bin/media/upload", func(w http.ResponseWriter, r *http.Request) {
		f, h, err := r.FormFile("media")
		if err != nil || h.Filename != "media.jpg" || r.URL.Query().Get("access_token") != "TOKEN" || r.ContentLength < 0 {
			t.Errorf("%v %v %v", err, h, r.URL)
			return
		}
		got, _ = io.ReadAll(f)
		fmt.Fprint(w, `{"type":"image","media_id":"abc_-DEF","created_at":1626271092,"item":[]}`)
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	c, err := wechat.New(wechat.Config{BaseURLs: []string{srv.URL}}, []wechat.Account{{Name: "main", AppID: "wx1", Secret: "s"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Upload(t.Context(), "main", tasks.Payload{Content: tasks.Content{Type: tasks.Image, Ext: ".jpg", ContentType: "image/jpeg"}, Body: file})
	if err != nil {
		t.Fatal(err)
	}
	if m.ID != "abc_-DEF" {
		t.Error(cmp.Diff("abc_-DEF", m.ID))
	}
	if !bytes.Equal(got, file) {
		t.Error("the bytes differ")
	}
}
