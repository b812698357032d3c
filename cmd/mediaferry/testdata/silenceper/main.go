// Drives silenceper/wechat, unmodified, as a program does that has nothing but another host: it is given BASE_URL NAME KEY
// DIR REVOKE_URL. It prints one line for each call: what it gave, or the errcode of its error.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/silenceper/wechat/v2"
	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/officialaccount/config"
	"github.com/silenceper/wechat/v2/officialaccount/material"
	"github.com/silenceper/wechat/v2/officialaccount/message"
)

// elsewhere sends what is for WeChat to another host: the library has WeChat's own written into it.
type elsewhere struct{ base *url.URL }

func (e elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = e.base.Scheme, e.base.Host, ""
	return http.DefaultTransport.RoundTrip(r)
}

var (
	name   = os.Args[2]
	dir    = os.Args[4]
	client = &http.Client{}
)

// account is a client of its own, whose first token may be given.
func account(key, token string) (*material.Material, *message.Manager, *cache.Memory) {
	kept := cache.NewMemory()
	if token != "" {
		_ = kept.Set(tokenKey(), token, time.Hour)
	}
	wc := wechat.NewWechat()
	wc.SetHTTPClient(client)
	oa := wc.GetOfficialAccount(&config.Config{AppID: name, AppSecret: key, Cache: kept})
	return oa.GetMaterial(), message.NewMessageManager(oa.GetContext()), kept
}

// tokenKey is where the library keeps its token.
func tokenKey() string { return "gowechat_officialaccount__access_token_" + name }

var code = regexp.MustCompile(`(?i)errcode ?[=:] ?(-?\d+)`)

func attempt(what string, call func() (string, error)) {
	says, err := call()
	if err != nil {
		says = err.Error()
		if m := code.FindStringSubmatch(says); m != nil {
			says = m[1]
		}
	}
	fmt.Println(what, says)
}

func main() {
	base, err := url.Parse(os.Args[1])
	if err != nil {
		panic(err)
	}
	client.Transport = elsewhere{base}
	files, messages, kept := account(os.Args[3], "")
	var picture material.Media
	upload := func(kind material.MediaType, file string) func() (string, error) {
		return func() (string, error) {
			m, err := files.MediaUpload(kind, filepath.Join(dir, file))
			if kind == material.MediaTypeImage && err == nil {
				picture = m
			}
			return strings.TrimSpace(fmt.Sprint(m.Type, " ", m.MediaID != "", " ", m.ThumbMediaID != "")), err
		}
	}
	download := func(id string) func() (string, error) {
		return func() (string, error) {
			from, err := files.GetMediaURL(id)
			if err != nil {
				return "", err
			}
			res, err := client.Get(from)
			if err != nil {
				return "", err
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			if m := code.FindSubmatch([]byte(strings.ReplaceAll(string(b), `"`, ""))); m != nil {
				return string(m[1]), err
			}
			return fmt.Sprintf("%x", sha256.Sum256(b)), err
		}
	}
	send := func() (string, error) {
		return "ok", messages.Send(message.NewCustomerImgMessage("openid", picture.MediaID))
	}
	attempt("image", upload(material.MediaTypeImage, "shot.png"))
	attempt("voice", upload(material.MediaTypeVoice, "tone.amr"))
	attempt("video", upload(material.MediaTypeVideo, "clip.mp4"))
	attempt("thumb", upload(material.MediaTypeThumb, "photo.jpg"))
	attempt("download", download(picture.MediaID))
	attempt("no such media", download("none"))
	attempt("wrong type", upload(material.MediaTypeVideo, "photo.jpg"))
	attempt("sent", send)
	if _, err := http.Post(os.Args[5], "application/json", strings.NewReader("{}")); err != nil {
		panic(err)
	}
	attempt("sent after the account's token was retired", send)
	// The library keeps a token for as long as it was promised: where it is retired before, its program drops it.
	_ = kept.Set(tokenKey(), "retired", time.Hour)
	attempt("with a token that is retired", upload(material.MediaTypeImage, "photo.jpg"))
	_ = kept.Delete(tokenKey())
	attempt("with a new one", upload(material.MediaTypeImage, "photo.jpg"))
	attempt("not granted", func() (string, error) {
		n, err := files.GetMaterialCount()
		return fmt.Sprint(n), err
	})
	files, _, _ = account("wrong-key-0123456789", "")
	attempt("wrong secret", upload(material.MediaTypeImage, "photo.jpg"))
}
