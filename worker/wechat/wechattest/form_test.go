package wechattest_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// Each of these was sent by some client to WeChat, and refused.
func TestMalformedFormsAreRefused(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	token := srv.Token(wechattest.DefaultAppID)
	jpg := sample(t, "photo.jpg")
	whole := opening("a.jpg") + jpg + closing
	disposition := `Content-Disposition: form-data; name="media"; filename="a.jpg"`
	with := func(line string) string { return strings.Replace(whole, disposition, line, 1) }
	for _, tt := range []struct{ name, contentType, body, hint string }{
		{"no filename", contentType, with(`Content-Disposition: form-data; name="media"`), "no filename"},
		{"empty filename", contentType, with(`Content-Disposition: form-data; name="media"; filename=""`), "no filename"},
		{"a folder as filename", contentType, with(`Content-Disposition: form-data; name="media"; filename="photos/"`), "no filename"},
		{"filename* alone", contentType, with(`Content-Disposition: form-data; name="media"; filename*=utf-8''a.jpg`), "filename*="},
		{"filename* beside filename", contentType, with(`Content-Disposition: form-data; name="media"; filename="a.jpg"; filename*=utf-8''a.jpg`), "filename*="},
		{"quoted boundary", `multipart/form-data; boundary="xyz"`, whole, "quoted"},
		{"wrong field name", contentType, with(`Content-Disposition: form-data; name="file"; filename="a.jpg"`), "no part is named media"},
		{"field name in capitals", contentType, with(`Content-Disposition: form-data; name="Media"; filename="a.jpg"`), "no part is named media"},
		{"unquoted field name", contentType, with(`Content-Disposition: form-data; name=media; filename="a.jpg"`), "must be quoted"},
		{"unquoted filename", contentType, with(`Content-Disposition: form-data; name="media"; filename=a.jpg`), "must be quoted"},
		{"open quote", contentType, with(`Content-Disposition: form-data; name="media"; filename="a.jpg`), "must be quoted"},
		{"two filenames", contentType, with(`Content-Disposition: form-data; name="media"; filename="a.jpg"; filename="b.jpg"`), "must be quoted"},
		{"no field name", contentType, with(`Content-Disposition: form-data; filename="a.jpg"`), "malformed"},
		{"attachment", contentType, with(`Content-Disposition: attachment; name="media"; filename="a.jpg"`), "malformed"},
		{"parameter without value", contentType, with(`Content-Disposition: form-data; name`), "malformed"},
		{"no semicolon", contentType, with(`Content-Disposition: form-data name="media"`), "malformed"},
		{"no Content-Disposition", contentType, with(`X-Nothing: 1`), "head of a part"},
		{"two Content-Dispositions", contentType, with(disposition + "\r\n" + disposition), "head of a part"},
		{"a head line without a colon", contentType, with(disposition + "\r\nnonsense"), "head of a part"},
		{"a space before the colon", contentType, with(`Content-Disposition : form-data; name="media"; filename="a.jpg"`), "head of a part"},
		{"a space before another colon", contentType, with(disposition + "\r\nX-Note : hello"), "head of a part"},
		{"lines that end in LF", contentType, strings.ReplaceAll(opening("a.jpg"), "\r\n", "\n") + jpg + "\n--xyz--\n", "does not begin"},
		{"a head that ends in LF", contentType, strings.Replace(whole, "stream\r\n\r\n", "stream\n\n", 1), "head of a part"},
		{"a head over 8 KiB", contentType, with(disposition + "\r\nX-Long: " + strings.Repeat("x", 8<<10)), "head of a part"},
		{"a head of over 8 KiB in short lines", contentType, with(disposition + strings.Repeat("\r\nX-Short: x", 1<<10)), "head of a part"},
		{"a part that is only begun", contentType, "--xyz\r\n", "head of a part"},
		{"the part is missing", contentType, "--xyz\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello" + closing, "no part is named media"},
		{"no part at all", contentType, "--xyz--\r\n", "does not begin"},
		{"a body at its end already", contentType, "", "does not begin"},
		{"the file without a form", contentType, jpg, "does not begin"},
		{"text before the form", contentType, "hello\r\n" + whole, "does not begin"},
		{"another boundary in the body", "multipart/form-data; boundary=abc", whole, "does not begin"},
		{"no closing boundary", contentType, opening("a.jpg") + jpg, "does not end"},
		{"a closing boundary without dashes", contentType, opening("a.jpg") + jpg + "\r\n--xyz", "does not end"},
		{"no line end before the closing boundary", contentType, opening("a.jpg") + jpg + "--xyz--\r\n", "does not end"},
		{"no boundary", "multipart/form-data", whole, "no boundary"},
		{"empty boundary", "multipart/form-data; boundary=", whole, "1 to 70"},
		{"boundary of 71 characters", "multipart/form-data; boundary=" + strings.Repeat("x", 71), whole, "1 to 70"},
		{"boundary that needs quotes", "multipart/form-data; boundary=x:z", whole, "1 to 70"},
		{"multipart/mixed", "multipart/mixed; boundary=xyz", whole, "not multipart/form-data"},
		{"octet-stream", "application/octet-stream", jpg, "not multipart/form-data"},
		{"url-encoded", "application/x-www-form-urlencoded", "media=a.jpg", "not multipart/form-data"},
		{"no Content-Type", "", whole, "not multipart/form-data"},
		{"two Content-Types", contentType + "\r\nContent-Type: " + contentType, whole, "not multipart/form-data"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := raw(t, srv, post(uploadPath(token, "image"), tt.contentType, tt.body))
			wantErrcode(t, r, 41005)
			if !strings.Contains(r.text("errmsg"), tt.hint) {
				t.Errorf("errmsg %q does not hint at %q", r.text("errmsg"), tt.hint)
			}
		})
	}
}

// What common clients send differs, and all of it is taken.
func TestFormsOfManyClientsAreTaken(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	token := srv.Token(wechattest.DefaultAppID)
	jpg := sample(t, "photo.jpg")
	whole := opening("a.jpg") + jpg + closing
	disposition := `Content-Disposition: form-data; name="media"; filename="a.jpg"`
	with := func(line string) string { return strings.Replace(whole, disposition, line, 1) }
	for _, tt := range []struct{ name, contentType, body, media, filename string }{
		{"as curl", contentType, whole, jpg, "a.jpg"},
		{"filelength, as WeCom's sample", contentType, with(`Content-Disposition: form-data; name="media";filename="a.jpg"; filelength=6`), jpg, "a.jpg"},
		{"filename before name", contentType, with(`Content-Disposition: form-data; filename="a.jpg"; name="media"`), jpg, "a.jpg"},
		{"header names in lower case", contentType, with(`content-disposition: form-data; name="media"; filename="a.jpg"`), jpg, "a.jpg"},
		{"an escaped quote", contentType, with(`Content-Disposition: form-data; name="media"; filename="my \"a\".jpg"`), jpg, `my "a".jpg`},
		{"a percent-encoded quote", contentType, with(`Content-Disposition: form-data; name="media"; filename="my %22a%22.jpg"`), jpg, `my %22a%22.jpg`},
		{"a semicolon in the name", contentType, with(`Content-Disposition: form-data; name="media"; filename="a;b.jpg"`), jpg, "a;b.jpg"},
		{"a Windows path", contentType, with(`Content-Disposition: form-data; name="media"; filename="C:\photos\a.jpg"`), jpg, "a.jpg"},
		{"no Content-Type in the part", contentType, strings.Replace(whole, "\r\nContent-Type: application/octet-stream", "", 1), jpg, "a.jpg"},
		{"an empty line before the form", contentType, "\r\n" + whole, jpg, "a.jpg"},
		{"no line end at the end", contentType, strings.TrimSuffix(whole, "\r\n"), jpg, "a.jpg"},
		{"text after the form", contentType, whole + "bye", jpg, "a.jpg"},
		{"charset before the boundary", "multipart/form-data; charset=utf-8; boundary=xyz", whole, jpg, "a.jpg"},
		{"a field before", contentType, "--xyz\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n" + whole, jpg, "a.jpg"},
		{"a field after", contentType, opening("a.jpg") + jpg + "\r\n--xyz\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n" + closing, jpg, "a.jpg"},
		{"two files: the first one", contentType, opening("a.jpg") + jpg + "\r\n" + opening("b.jpg") + "other" + closing, jpg, "a.jpg"},
		{"something like the boundary in the file", contentType, opening("a.jpg") + jpg + "\r\n--xyzzy\r\n" + closing, jpg + "\r\n--xyzzy\r\n", "a.jpg"},
		{"a boundary of 70 characters", "multipart/form-data; boundary=" + strings.Repeat("-", 70), strings.ReplaceAll(whole, "--xyz", strings.Repeat("-", 72)), jpg, "a.jpg"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := raw(t, srv, post(uploadPath(token, "image"), tt.contentType, tt.body))
			id := r.text("media_id")
			if got, _ := srv.Media(id); id == "" || string(got) != tt.media {
				t.Fatalf("answered %s, kept %d bytes, want %d", r.body, len(got), len(tt.media))
			}
			for _, c := range srv.Calls() {
				if c.MediaID == id && c.Filename != tt.filename {
					t.Errorf("filename is %q, want %q", c.Filename, tt.filename)
				}
			}
		})
	}
}

// Clients as people write them with a standard library, each broken in one way.
func TestBrokenClientsAreRefused(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	target := srv.URL + uploadPath(srv.Token(wechattest.DefaultAppID), "image")
	jpg := []byte(sample(t, "photo.jpg"))
	form := func(part func(*multipart.Writer) (io.Writer, error), file io.Reader) (io.Reader, string) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		p, err := part(w)
		if err == nil {
			_, err = io.Copy(p, file)
		}
		if err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		return &b, w.FormDataContentType()
	}
	send := func(t *testing.T, body io.Reader, contentType string) reply {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", contentType)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return replyOf(t, resp)
	}
	file := func(w *multipart.Writer) (io.Writer, error) { return w.CreateFormFile("media", "a.jpg") }

	t.Run("a field instead of a file", func(t *testing.T) {
		body, kind := form(func(w *multipart.Writer) (io.Writer, error) { return w.CreateFormField("media") }, bytes.NewReader(jpg))
		wantErrcode(t, send(t, body, kind), 41005)
	})
	t.Run("a file in the wrong field", func(t *testing.T) {
		body, kind := form(func(w *multipart.Writer) (io.Writer, error) { return w.CreateFormFile("file", "a.jpg") }, bytes.NewReader(jpg))
		wantErrcode(t, send(t, body, kind), 41005)
	})
	t.Run("an encoded filename", func(t *testing.T) {
		body, kind := form(func(w *multipart.Writer) (io.Writer, error) {
			return w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="media"; filename*=utf-8''%E7%85%A7.jpg`}})
		}, bytes.NewReader(jpg))
		wantErrcode(t, send(t, body, kind), 41005)
	})
	t.Run("a retry whose form is used up", func(t *testing.T) {
		body, kind := form(file, bytes.NewReader(jpg))
		_, _ = io.Copy(io.Discard, body)
		wantErrcode(t, send(t, body, kind), 41005)
	})
	t.Run("a retry whose file is used up", func(t *testing.T) {
		body, kind := form(file, strings.NewReader(""))
		wantErrcode(t, send(t, body, kind), 44001)
	})
	t.Run("a form that is never closed", func(t *testing.T) {
		body, kind := form(file, bytes.NewReader(jpg))
		b, _ := io.ReadAll(body)
		wantErrcode(t, send(t, bytes.NewReader(b[:len(b)-10]), kind), 41005)
	})
	t.Run("a stream of unknown length", func(t *testing.T) {
		body, kind := form(file, bytes.NewReader(jpg))
		if r := send(t, io.MultiReader(body), kind); r.status != http.StatusPreconditionFailed {
			t.Errorf("answered %+v, want 412", r)
		}
	})
	t.Run("the same form, whole", func(t *testing.T) {
		body, kind := form(file, bytes.NewReader(jpg))
		if r := send(t, body, kind); r.text("media_id") == "" {
			t.Errorf("answered %+v", r)
		}
	})
}

// WeChat's front refuses a POST that does not say how long it is, whatever the call.
func TestBodiesWithoutLengthAreRefused(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	token := srv.Token(wechattest.DefaultAppID)
	head := "POST " + uploadPath(token, "image") + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + contentType + "\r\n"
	for name, request := range map[string]string{
		"chunked":        head + "Transfer-Encoding: chunked\r\n\r\n5\r\n--xyz\r\n0\r\n\r\n",
		"nothing":        head + "\r\n",
		"a token call":   "POST /cgi-bin/stable_token HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"of HTTP/1.0":    strings.Replace(head, "HTTP/1.1", "HTTP/1.0", 1) + "\r\n",
		"a wrong token":  strings.Replace(head, token, "x", 1) + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"both":           head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n--xyz\r\n0\r\n\r\n",
		"a large stream": head + "Transfer-Encoding: chunked\r\n\r\n100000\r\n" + strings.Repeat("x", 1<<20) + "\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r := raw(t, srv, request); r.status != http.StatusPreconditionFailed || r.body != "" {
				t.Errorf("answered %+v, want an empty 412", r)
			}
		})
	}
}

// A large body that is refused is read all the same: the client gets its answer, and may use the connection again.
func TestALargeBodyThatIsRefusedGetsItsAnswer(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	body := opening("a.jpg") + pad(sample(t, "photo.jpg"), 8<<20) + closing
	keep := dial(t, srv)
	wantErrcode(t, keep(post(uploadPath("wrong", "image"), contentType, body)), 40014)
	wantErrcode(t, keep(post(uploadPath(srv.Token(wechattest.DefaultAppID), "image"), "text/plain", body)), 41005)
}

// A body that breaks off has no answer, and leaves no media.
func TestABodyThatBreaksOff(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	request := post(uploadPath(srv.Token(wechattest.DefaultAppID), "image"), contentType, opening("a.jpg")+sample(t, "photo.jpg")+closing)
	halfSent(t, srv, request[:len(request)-20])
	calls := srv.Calls()
	if len(calls) != 1 || calls[0].Status != 0 || calls[0].MediaID != "" || calls[0].Reason != "the body broke off" {
		t.Errorf("journal says %+v", calls)
	}
}
