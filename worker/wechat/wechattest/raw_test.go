package wechattest_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// reply is what came back over the wire, read without any client of ours.
type reply struct {
	status      int
	contentType string
	body        string
	json        map[string]any
}

// raw sends request, byte for byte, on a connection of its own. A connection that is reset gives a zero reply.
func raw(t *testing.T, srv *wechattest.Server, request string) reply {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() { _, _ = io.WriteString(conn, request) }() // a refused body may stay unread
	return readReply(t, conn)
}

// halfSent sends request, says that nothing more will come, and waits for the connection to be reset.
func halfSent(t *testing.T, srv *wechattest.Server, request string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if r := readReply(t, conn); r.status != 0 {
		t.Errorf("answered %+v, want a reset", r)
	}
}

func readReply(t *testing.T, conn net.Conn) reply {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return reply{}
	}
	return replyOf(t, resp)
}

// replyOf reads and closes resp; an answer that breaks off gives a zero reply.
func replyOf(t *testing.T, resp *http.Response) reply {
	t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}
	}
	r := reply{status: resp.StatusCode, contentType: resp.Header.Get("Content-Type"), body: string(b)}
	_ = json.Unmarshal(b, &r.json) // nil where it is no JSON: the test will say so
	return r
}

func (r reply) text(key string) string {
	s, _ := r.json[key].(string)
	return s
}

var ridAtEnd = regexp.MustCompile(` rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$`)

// wantErrcode checks everything that each refusal of WeChat has.
func wantErrcode(t *testing.T, r reply, want int) {
	t.Helper()
	if r.status != 200 || r.contentType != "text/plain" {
		t.Errorf("answered HTTP %d %q, want 200 text/plain", r.status, r.contentType)
	}
	if got, _ := r.json["errcode"].(float64); int(got) != want || r.json == nil {
		t.Errorf("answered %s, want errcode %d", r.body, want)
	}
	if !ridAtEnd.MatchString(r.text("errmsg")) {
		t.Errorf("errmsg %q does not end in a rid", r.text("errmsg"))
	}
}

const (
	contentType = "multipart/form-data; boundary=xyz"
	closing     = "\r\n--xyz--\r\n"
)

// opening is the form up to the file's bytes, as curl writes it.
func opening(filename string) string {
	return "--xyz\r\nContent-Disposition: form-data; name=\"media\"; filename=\"" + filename + "\"\r\nContent-Type: application/octet-stream\r\n\r\n"
}

// post is a whole POST request.
func post(target, contentType, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", target, contentType, len(body), body)
}

func get(target string) string {
	return fmt.Sprintf("GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target)
}

// upload posts a well-formed form.
func upload(t *testing.T, srv *wechattest.Server, token, mediaType, filename, media string) reply {
	t.Helper()
	return raw(t, srv, post(uploadPath(token, mediaType), contentType, opening(filename)+media+closing))
}

func uploadPath(token, mediaType string) string {
	return "/cgi-bin/media/upload?access_token=" + url.QueryEscape(token) + "&type=" + mediaType
}

func sample(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// dial opens a connection that is kept for many requests.
func dial(t *testing.T, srv *wechattest.Server) func(request string) reply {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	in := bufio.NewReader(conn)
	return func(request string) reply {
		t.Helper()
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		return replyOf(t, resp)
	}
}
