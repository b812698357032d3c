package wechattest_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func Example() {
	sandbox := wechattest.New(wechattest.Config{Seed: 1})
	srv := httptest.NewServer(sandbox) // in a test: wechattest.NewServer(t, wechattest.Config{})
	defer srv.Close()
	sandbox.Script(wechattest.Fault{Path: "media/upload", Kind: wechattest.HTML502})

	photo, err := os.ReadFile("testdata/photo.jpg")
	if err != nil {
		log.Fatal(err)
	}
	target := srv.URL + "/cgi-bin/media/upload?type=image&access_token=" + sandbox.Token(wechattest.DefaultAppID)
	for range 2 {
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		part, _ := w.CreateFormFile("media", "photo.jpg")
		_, _ = part.Write(photo)
		_ = w.Close()
		resp, err := http.Post(target, w.FormDataContentType(), &form)
		if err != nil {
			log.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	for _, c := range sandbox.Calls() {
		fmt.Println(c.Status, c.Fault, c.Filename, c.Size, len(c.MediaID))
	}
	// Output:
	// 502 html_502  0 0
	// 200  photo.jpg 598 64
}
