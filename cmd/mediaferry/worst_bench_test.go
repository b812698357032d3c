package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// BenchmarkWorstRequests makes the most expensive requests that a producer's key, or none, can make, to a mediaferry run of its
// own whose ledger has many rows. peak-MiB is what the process took beyond what it had, status the answer's.
func BenchmarkWorstRequests(b *testing.B) {
	w := newWorst(b)
	list := func(name, value string) func() int {
		return func() int { return w.ask("GET", "/v1/uploads?limit=1000&"+url.Values{name: {value}}.Encode(), "", nil) }
	}
	post := func(kind, begin, row string, size int) func() int {
		return func() int { return w.ask("POST", "/v1/batches", kind, &rows{begin: begin, row: row, left: size}) }
	}
	const ndjson, array, big = "application/x-ndjson", "application/json", 16 << 20
	for _, request := range []struct {
		name string
		make func() int
	}{
		{"a list", list("account", "parked")},
		{"a glob of 340 wildcards", list("source", strings.Repeat("**/", 340)+"x")},
		{"a glob of 16 wildcards", list("source", strings.Repeat("*a", 15)+"*x")},
		{"a text that no row has", list("q", strings.Repeat("folder/", 30)+"x")},
		{"metadata that no row has", list("metadata", strings.Repeat("order=x,", 200)+"a=b")},
		{"a cursor of 20 KiB", list("cursor", strings.Repeat("A", 20<<10))},
		{"a cursor of 64 KiB", list("cursor", strings.Repeat("A", 64<<10))},
		{"NDJSON, a line of 16 MiB", post(ndjson, `{"source":"`, strings.Repeat("x", 1000), big)},
		{"NDJSON, refused rows of 16 MiB", post(ndjson, "", "{\"sauce\":1}\n", big)},
		{"an array, a row of 16 MiB", post(array, `[{"source":"`, strings.Repeat("x", 1000), big)},
		{"an array, refused rows of 16 MiB", post(array, "[", `{"sauce":1},`, big)},
		{"an array, nested for 16 MiB", post(array, "", "[", big)},
		{"one upload of 16 MiB", func() int {
			return w.ask("POST", "/v1/uploads", array, &rows{begin: `{"source":"`, row: strings.Repeat("x", 1000), left: big})
		}},
		{"a file of 64 MiB", func() int {
			return w.ask("POST", "/v1/files", "multipart/form-data; boundary=B", &rows{begin: "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n", row: strings.Repeat("x", 1000), left: 4 * big})
		}},
		{"without a key, 1 MiB of headers", func() int { return w.raw(1, "GET / HTTP/1.1\r\nX: "+strings.Repeat("x", 1<<20)) }},
		{"without a key, 2000 connections", func() int { return w.raw(2000, "") }},
		{"without a key, 1000 halves of a header", func() int { return w.raw(1000, "GET / HTTP/1.1\r\nX: "+strings.Repeat("x", 16<<10)) }},
		{"1000 slow bodies", func() int {
			return w.raw(1000, "POST /v1/batches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+shopKey+"\r\nContent-Type: application/json\r\nContent-Length: 16000000\r\n\r\n["+strings.Repeat(`{"sauce":1},`, 1000))
		}},
	} {
		b.Run(request.name, func(b *testing.B) {
			before, status := w.memory("VmRSS"), 0
			w.forget()
			for b.Loop() {
				status = request.make()
			}
			b.ReportMetric(float64(status), "status")
			b.ReportMetric(float64(max(0, w.memory("VmHWM")-before))/1024, "peak-MiB")
		})
	}
}

// worst is a mediaferry run under such requests.
type worst struct {
	b       *testing.B
	address string
	pid     int
}

func newWorst(b *testing.B) *worst {
	b.Helper()
	const uploads, page = 50_000, 1000
	data, media := filepath.Join(b.TempDir(), "data"), b.TempDir()
	if err := os.Mkdir(data, 0o700); err != nil {
		b.Fatal(err)
	}
	l, err := ledger.Open(b.Context(), "sqlite:"+filepath.Join(data, "ledger.db"), ledger.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for n := range uploads / page {
		some := make([]tasks.Upload, page)
		for i := range some { // of an account that nobody works for: they stay
			some[i] = tasks.Upload{ID: uuid.Must(uuid.NewV7()), Producer: "shop", Account: "parked", Type: tasks.Image,
				Source: fmt.Sprintf("%s%d-%d.jpg", strings.Repeat("folder/", 20), n, i), Metadata: []byte(`{"order":"` + strings.Repeat("7", 100) + `"}`)}
		}
		if _, err := l.Accept(b.Context(), some); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	log := new(clitest.Log)
	cmd := exec.CommandContext(context.Background(), os.Args[0], "run")
	cmd.Env = append(clitest.Environ(), "PATH="+os.Getenv("PATH"), "LANG=C", "MEDIAFERRY_DATA_DIR="+data, "MEDIAFERRY_STORAGE_ROOT="+media, "MEDIAFERRY_LISTEN=127.0.0.1:0",
		"MEDIAFERRY_METRICS__LISTEN=off", "MEDIAFERRY_WECHAT_BASE_URL=http://127.0.0.1:1", "MEDIAFERRY_WECHAT_APPID=wx1", "MEDIAFERRY_WECHAT_SECRET=not-needed-0123456789abcdef",
		"MEDIAFERRY_PRODUCERS__SHOP__KEY="+shopKey)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if b.Failed() {
			b.Log(log.Tail())
		}
	})
	address := regexp.MustCompile(`"address":"([0-9.:]+)`)
	var at []string
	taskstest.Until(b, "the address is logged", func() bool {
		at = address.FindStringSubmatch(log.String())
		return at != nil && strings.Contains(log.String(), `"ready"`)
	})
	return &worst{b, at[1], cmd.Process.Pid}
}

func (w *worst) ask(method, path, kind string, body io.Reader) int {
	w.b.Helper()
	req, err := http.NewRequestWithContext(w.b.Context(), method, "http://"+w.address+path, body)
	if err != nil {
		w.b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+shopKey)
	req.Header.Set("Content-Type", kind)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0 // it was answered and closed before the body was sent
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// raw makes so many connections, sends the same on each, and hangs up. Its status is that of the last one; 0: none came.
func (w *worst) raw(connections int, text string) (status int) {
	w.b.Helper()
	all := make([]net.Conn, connections)
	for i := range all {
		conn, err := (&net.Dialer{}).DialContext(w.b.Context(), "tcp", w.address)
		if err != nil {
			w.b.Fatal(err)
		}
		defer conn.Close()
		all[i] = conn
		_, _ = io.WriteString(conn, text)
	}
	if connections > 1 {
		return w.ask("GET", "/v1/uploads?limit=1", "", nil) // beside them
	}
	head := make([]byte, 12)
	if _, err := io.ReadFull(all[0], head); err == nil {
		status, _ = strconv.Atoi(string(head[9:]))
	}
	return status
}

// memory is a figure of the process in KiB.
func (w *worst) memory(name string) int {
	w.b.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.pid))
	if err != nil {
		w.b.Fatal(err)
	}
	_, rest, _ := bytes.Cut(b, []byte(name+":"))
	n, err := strconv.Atoi(string(bytes.Fields(rest)[0]))
	if err != nil {
		w.b.Fatal(err)
	}
	return n
}

// forget makes the kernel forget the process's peak.
func (w *worst) forget() {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", w.pid), []byte("5"), 0o200); err != nil {
		w.b.Fatal(err)
	}
}

// rows is a body that goes on for so many bytes.
type rows struct {
	begin, row string
	left       int
	rest       string
}

func (r *rows) Read(b []byte) (n int, err error) {
	for n < len(b) {
		if r.rest == "" {
			if r.left <= 0 {
				break
			}
			r.rest, r.begin = r.begin+r.row, ""
		}
		read := copy(b[n:], r.rest)
		n, r.rest, r.left = n+read, r.rest[read:], r.left-read
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}
