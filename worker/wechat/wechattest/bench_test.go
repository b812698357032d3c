package wechattest_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// What one upload of 64 KiB costs the sandbox itself, without a connection.
func BenchmarkUpload(b *testing.B) {
	for name, drain := range map[string]bool{"drain": true, "keep": false} {
		b.Run(name, func(b *testing.B) {
			s := wechattest.New(wechattest.Config{Drain: drain, Accounts: []wechattest.Account{{AppID: wechattest.DefaultAppID, NoQuota: true}}})
			target := uploadPath(s.Token(wechattest.DefaultAppID), "image")
			body := []byte(opening("a.jpg") + pad(sample(b, "photo.jpg"), 64<<10) + closing)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, target, io.NopCloser(bytes.NewReader(body)))
				r.ContentLength = int64(len(body))
				r.Header = http.Header{"Content-Type": {contentType}, "Content-Length": {strconv.Itoa(len(body))}}
				w := httptest.NewRecorder()
				s.ServeHTTP(w, r)
				if !strings.Contains(w.Body.String(), "media_id") {
					b.Fatal(w.Body.String())
				}
			}
		})
	}
}
