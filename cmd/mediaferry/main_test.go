package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// beProgram makes the test binary behave as mediaferry itself, so that tests can start real processes and kill them.
const beProgram = "MEDIAFERRY_TEST_BE_PROGRAM"

// endsAtOnce keeps the race detector from its pause of a second at the end of every process; what it has found by then
// is told all the same, and the exit code says so.
const endsAtOnce = "GORACE=atexit_sleep_ms=20"

func TestMain(m *testing.M) {
	if os.Getenv(beProgram) != "" {
		os.Unsetenv(beProgram)
		os.Exit(run())
	}
	os.Exit(m.Run())
}

// ground is where one test happens: a data dir, a folder of media, a sandbox WeChat, and settings for all of it.
type ground struct {
	t       *testing.T
	dir     string
	media   string
	sandbox *wechattest.Server
	env     []string
}

func newGround(t *testing.T, c wechattest.Config) *ground {
	t.Helper()
	g := &ground{t: t, dir: t.TempDir(), sandbox: wechattest.NewServer(t, c)}
	g.media = filepath.Join(g.dir, "media")
	if err := os.Mkdir(g.media, 0o755); err != nil {
		t.Fatal(err)
	}
	g.set("MEDIAFERRY_DATA_DIR", filepath.Join(g.dir, "data"))
	g.set("MEDIAFERRY_STORAGE_ROOT", g.media)
	g.set("MEDIAFERRY_LISTEN", "127.0.0.1:0")
	g.set("MEDIAFERRY_WECHAT_BASE_URL", g.sandbox.URL)
	g.set("MEDIAFERRY_WECHAT_APPID", wechattest.DefaultAppID)
	g.set("MEDIAFERRY_WECHAT_SECRET", wechattest.DefaultSecret)
	return g
}

// set sets a variable for the commands started after it.
func (g *ground) set(name, value string) { g.env = append(g.env, name+"="+value) }

// write puts a file into the media folder.
func (g *ground) write(name string, b []byte) {
	g.t.Helper()
	path := filepath.Join(g.media, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		g.t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		g.t.Fatal(err)
	}
}

// fill writes n files with distinct contents of about size bytes, images, voices and videos in turn.
func (g *ground) fill(n, size int) {
	g.t.Helper()
	kinds := []struct {
		kind tasks.MediaType
		ext  string
	}{{tasks.Image, "jpg"}, {tasks.Voice, "mp3"}, {tasks.Video, "mp4"}}
	for i := range n {
		k := kinds[i%len(kinds)]
		g.write(fmt.Sprintf("%03d/%05d.%s", i/500, i, k.ext), mediatest.Distinct(i, k.kind, size))
	}
}

// result is what a command left.
type result struct {
	code     int
	out, err string
}

// run runs a command in this process.
func (g *ground) run(args ...string) result {
	g.t.Helper()
	var out, errOut bytes.Buffer
	code := Run(g.t.Context(), args, Streams{In: strings.NewReader(""), Out: &out, Err: &errOut, Env: g.env})
	return result{code, out.String(), errOut.String()}
}

// outcomes reads JSON output.
func (g *ground) outcomes(out string) []tasks.Outcome {
	g.t.Helper()
	var all []tasks.Outcome
	d := json.NewDecoder(strings.NewReader(out))
	for d.More() {
		var o tasks.Outcome
		if err := d.Decode(&o); err != nil {
			g.t.Fatalf("stdout is not one outcome a line: %v\n%s", err, out)
		}
		all = append(all, o)
	}
	return all
}

// process is mediaferry as a process of its own.
type process struct {
	*exec.Cmd
	t    *testing.T
	log  *logBuffer
	done chan struct{}
	err  error
}

// start starts a command as a process of its own. It is killed at the end of the test if it still runs.
func (g *ground) start(args ...string) *process {
	g.t.Helper()
	p := &process{t: g.t, Cmd: exec.Command(os.Args[0], args...), log: new(logBuffer), done: make(chan struct{})}
	p.Env = append(g.env, beProgram+"=1", endsAtOnce, "PATH="+os.Getenv("PATH"))
	p.Stdout, p.Stderr = p.log, p.log
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.Start(); err != nil {
		g.t.Fatal(err)
	}
	go func() {
		p.err = p.Wait()
		close(p.done)
	}()
	g.t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		if g.t.Failed() {
			g.t.Logf("mediaferry %s:\n%s", strings.Join(args, " "), p.log.tail())
		}
	})
	return p
}

// signal sends s and waits for the process to end.
func (p *process) signal(s syscall.Signal) {
	select {
	case <-p.done:
		return
	default:
	}
	_ = p.Process.Signal(s) // it may have ended meanwhile
	<-p.done
}

func (p *process) says(text string) bool { return strings.Contains(p.log.String(), text) }

// until waits until it has printed text. The test fails when it ends without.
func (p *process) until(text string) {
	p.t.Helper()
	taskstest.Until(p.t, fmt.Sprintf("%q is printed", text), func() bool {
		ended := p.ended()
		if said := p.says(text); said || !ended {
			return said
		}
		p.t.Fatalf("it ended without printing %q: %v", text, p.err)
		return false
	})
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// logBuffer keeps what a process prints.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) tail() string {
	s := l.String()
	return s[max(0, len(s)-8000):]
}
