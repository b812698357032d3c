// Package clitest runs mediaferry in tests: as a call, and as processes that a test may kill.
package clitest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/cli"
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

// Main is the TestMain of a package whose tests start mediaferry.
func Main(m *testing.M) {
	if os.Getenv(beProgram) != "" {
		os.Unsetenv(beProgram)
		os.Exit(cli.Main())
	}
	os.Exit(m.Run())
}

// Environ makes the test binary behave as mediaferry itself.
func Environ() []string { return []string{beProgram + "=1", endsAtOnce} }

// Ground is where one test happens: a data dir, a folder of media, a sandbox WeChat, and settings for all of it.
type Ground struct {
	T       *testing.T
	Dir     string
	Media   string // the folder of media, and the storage root
	Sandbox *wechattest.Server
	Env     []string // the settings, as variables
}

// New makes a ground.
func New(t *testing.T, c wechattest.Config) *Ground {
	t.Helper()
	g := &Ground{T: t, Dir: t.TempDir(), Sandbox: wechattest.NewServer(t, c)}
	g.Media = filepath.Join(g.Dir, "media")
	if err := os.Mkdir(g.Media, 0o755); err != nil {
		t.Fatal(err)
	}
	g.Set("LANG", "C") // nothing depends on the language of the machine
	g.Set("MEDIAFERRY_DATA_DIR", filepath.Join(g.Dir, "data"))
	g.Set("MEDIAFERRY_STORAGE_ROOT", g.Media)
	g.Set("MEDIAFERRY_LISTEN", "127.0.0.1:0")
	g.Set("MEDIAFERRY_METRICS__LISTEN", "off")
	g.Set("MEDIAFERRY_WECHAT_BASE_URL", g.Sandbox.URL)
	g.Set("MEDIAFERRY_WECHAT_APPID", wechattest.DefaultAppID)
	g.Set("MEDIAFERRY_WECHAT_SECRET", wechattest.DefaultSecret)
	return g
}

// Set sets a variable for the commands started after it.
func (g *Ground) Set(name, value string) { g.Env = append(g.Env, name+"="+value) }

// Write puts a file into the media folder.
func (g *Ground) Write(name string, b []byte) {
	g.T.Helper()
	path := filepath.Join(g.Media, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		g.T.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		g.T.Fatal(err)
	}
}

// Fill writes n files with distinct contents of about size bytes, images, voices and videos in turn.
func (g *Ground) Fill(n, size int) {
	g.T.Helper()
	kinds := []struct {
		kind tasks.MediaType
		ext  string
	}{{tasks.Image, "jpg"}, {tasks.Voice, "mp3"}, {tasks.Video, "mp4"}}
	for i := range n {
		k := kinds[i%len(kinds)]
		g.Write(fmt.Sprintf("%03d/%05d.%s", i/500, i, k.ext), mediatest.Distinct(i, k.kind, size))
	}
}

// Result is what a command left.
type Result struct {
	Code     int
	Out, Err string
}

// Run runs a command in this process.
func (g *Ground) Run(args ...string) Result {
	g.T.Helper()
	return g.RunWith("", args...)
}

// RunWith runs a command that reads from stdin.
func (g *Ground) RunWith(stdin string, args ...string) Result {
	g.T.Helper()
	var out, errOut bytes.Buffer
	code := cli.Run(g.T.Context(), args, cli.Streams{In: strings.NewReader(stdin), Out: &out, Err: &errOut, Env: g.Env})
	return Result{code, out.String(), errOut.String()}
}

// Outcomes reads JSON output.
func (g *Ground) Outcomes(out string) []tasks.Outcome {
	g.T.Helper()
	var all []tasks.Outcome
	d := json.NewDecoder(strings.NewReader(out))
	for d.More() {
		var o tasks.Outcome
		if err := d.Decode(&o); err != nil {
			g.T.Fatalf("stdout is not one outcome a line: %v\n%s", err, out)
		}
		all = append(all, o)
	}
	return all
}

// Process is mediaferry as a process of its own.
type Process struct {
	*exec.Cmd
	t     *testing.T
	Log   *Log
	Done  chan struct{} // closed when it has ended
	Error error         // how it ended
}

// Start starts a command as a process of its own. It is killed at the end of the test if it still runs.
func (g *Ground) Start(args ...string) *Process {
	g.T.Helper()
	p := &Process{t: g.T, Cmd: exec.CommandContext(context.Background(), os.Args[0], args...), Log: new(Log), Done: make(chan struct{})}
	p.Env = append(g.Env[:len(g.Env):len(g.Env)], append(Environ(), "PATH="+os.Getenv("PATH"))...)
	p.Stdout, p.Stderr = p.Log, p.Log
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.Start(); err != nil {
		g.T.Fatal(err)
	}
	go func() {
		p.Error = p.Wait()
		close(p.Done)
	}()
	g.T.Cleanup(func() {
		p.Signal(syscall.SIGKILL)
		if g.T.Failed() {
			g.T.Logf("mediaferry %s:\n%s", strings.Join(args, " "), p.Log.Tail())
		}
	})
	return p
}

// Signal sends s and waits for the process to end.
func (p *Process) Signal(s syscall.Signal) {
	select {
	case <-p.Done:
		return
	default:
	}
	_ = p.Process.Signal(s) // it may have ended meanwhile
	<-p.Done
}

// Says reports whether the process has printed text.
func (p *Process) Says(text string) bool { return strings.Contains(p.Log.String(), text) }

// Until waits for the process to print text, as long as the test may run, and no longer than the process lives.
func (p *Process) Until(text string) {
	p.t.Helper()
	taskstest.Until(p.t, "mediaferry prints "+text, func() bool {
		ended := p.Ended() // first: what it printed last counts
		if !p.Says(text) && ended {
			p.t.Fatalf("it ended without printing %q:\n%s", text, p.Log.Tail())
		}
		return p.Says(text)
	})
}

// Ended reports whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.Done:
		return true
	default:
		return false
	}
}

// Log keeps what a process prints.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write adds to the log.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Tail returns its end.
func (l *Log) Tail() string {
	s := l.String()
	return s[max(0, len(s)-8000):]
}

// UploadPath is the path of WeChat's upload calls.
const UploadPath = "/cgi-bin/media/upload"
