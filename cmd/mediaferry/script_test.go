package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/cli"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// TestScripts runs testdata/script/*.txtar: what people type, as processes of their own, each script with a data dir,
// a storage root ($WORK/media) and a sandbox WeChat of its own.
//
// Beside testscript's own commands there are
//
//	exits CODE ARGS…            run mediaferry and ask for this exit code: as a call, where the command knows no working folder
//	sample FILE KIND N [SIZE]   write the N-th good file of a kind; all differ
//	fifo FILE                   make a named pipe
//	odd DIR                     write files with names that few expect: a newline, an emoji, bytes that are no UTF-8
//	bucket NAME DIR             start object storage with a bucket of DIR's files, and the settings for it
//	fault ERRCODE TIMES         the sandbox's next upload calls are answered with an errcode
//	clock DURATION              the sandbox's time moves on
//	calls N                     so many upload calls were made
//	freeport NAME               set a variable to an address of this machine that is free
//	until CODE ARGS…            run mediaferry again and again until it ends with this exit code
//	keep NAME REGEXP            set a variable to what the last stdout has for the group of the pattern
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Values[testKey{}] = t
			return setUpScript(env)
		},
		RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": scriptExits, "sample": scriptSample, "fifo": scriptFIFO, "fault": scriptFault, "calls": scriptCalls, "clock": scriptClock,
			"odd": scriptOdd, "bucket": scriptBucket, "keep": scriptKeep,
			"freeport": scriptFreePort, "until": scriptUntil,
		},
	})
}

// What finds the values of a script: its sandbox, the names of the settings that all scripts have, and the test.
type (
	sandboxKey  struct{}
	settingsKey struct{}
	testKey     struct{}
)

func setUpScript(env *testscript.Env) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	bin := filepath.Join(env.WorkDir, ".bin")
	for _, dir := range []string{bin, filepath.Join(env.WorkDir, "media")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := os.Symlink(program, filepath.Join(bin, "mediaferry")); err != nil {
		return err
	}
	sandbox := wechattest.New(wechattest.Config{Accounts: []wechattest.Account{
		{AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret, DailyLimit: 20},
		{AppID: "wx0000000000000002", Secret: wechattest.DefaultSecret},
	}})
	server := httptest.NewServer(sandbox)
	env.Defer(server.Close)
	env.Values[sandboxKey{}] = sandbox
	env.Vars = append(env.Vars, clitest.Environ()...)
	env.Vars = append(env.Vars, "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+env.WorkDir, "LANG=C", "MEDIAFERRY_LANG=en")
	var names []string
	for name, value := range map[string]string{
		"MEDIAFERRY_DATA_DIR":        filepath.Join(env.WorkDir, ".data"),
		"MEDIAFERRY_STORAGE_ROOT":    filepath.Join(env.WorkDir, "media"),
		"MEDIAFERRY_LISTEN":          "127.0.0.1:0",
		"MEDIAFERRY_METRICS__LISTEN": "off",
		"MEDIAFERRY_WECHAT_BASE_URL": server.URL,
		"MEDIAFERRY_WECHAT_APPID":    wechattest.DefaultAppID,
		"MEDIAFERRY_WECHAT_SECRET":   wechattest.DefaultSecret,
	} {
		env.Setenv(name, value)
		names = append(names, name)
	}
	env.Values[settingsKey{}] = names
	return nil
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits CODE ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if placeless.MatchString(strings.Join(args[1:], " ")) {
		if got := scriptCall(ts, args[1:]); got != want {
			ts.Fatalf("mediaferry exits %d, want %d", got, want)
		}
		return
	}
	got := 0
	var exit *exec.ExitError
	switch err := ts.Exec("mediaferry", args[1:]...); {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	default:
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("mediaferry exits %d, want %d\n%s%s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// placeless are commands that neither read nor show paths that are relative to the working folder. A process takes ten times
// as long to start as most of them take to end.
var placeless = regexp.MustCompile(`^(print|explain|keys|accounts|status|health|completion|__complete (list|webhook|upload|status|explain|accounts|keys)|version|--version|--help|webhook (secret|rotate|list|show|replay))\b`)

// scriptCall runs a command in this process, with the variables of the script.
func scriptCall(ts *testscript.TestScript, args []string) (code int) {
	script, err := os.ReadFile(filepath.Join("testdata", "script", ts.Name()+".txtar"))
	ts.Check(err)
	var environ []string
	for _, name := range append(variable.FindAllString(string(script), -1), ts.Value(settingsKey{}).([]string)...) {
		if value := ts.Getenv(name); value != "" {
			environ = append(environ, name+"="+value)
		}
	}
	t := ts.Value(testKey{}).(*testing.T)
	return cli.Run(t.Context(), args, cli.Streams{In: strings.NewReader(""), Out: ts.Stdout(), Err: ts.Stderr(), Env: environ})
}

var variable = regexp.MustCompile(`MEDIAFERRY_[A-Z0-9_]+`)

func scriptFreePort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: freeport NAME")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], l.Addr().String())
	ts.Check(l.Close())
}

// scriptUntil ends with the test.
func scriptUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: until CODE ARGS…")
	}
	for {
		got := "0"
		var exit *exec.ExitError
		if err := ts.Exec("mediaferry", args[1:]...); errors.As(err, &exit) {
			got = fmt.Sprint(exit.ExitCode())
		}
		if got == args[0] {
			return
		}
	}
}

func scriptSample(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: sample FILE KIND N [SIZE]")
	}
	kind, err := tasks.ParseMediaType(args[1])
	ts.Check(err)
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	size := 5000
	if len(args) > 3 {
		size, err = strconv.Atoi(args[3])
		ts.Check(err)
	}
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, mediatest.Distinct(n, kind, size), 0o644))
}

func scriptFIFO(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fifo FILE")
	}
	ts.Check(syscall.Mkfifo(ts.MkAbs(args[0]), 0o644))
}

func scriptOdd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: odd DIR")
	}
	for i, name := range []string{"two\nlines.jpg", "🚢 ferry.jpg", "caf\xe9.jpg", "-dash.jpg", "a#b%20c.jpg"} {
		scriptSample(ts, false, []string{filepath.Join(args[0], name), "image", strconv.Itoa(100 + i)})
	}
}

func scriptBucket(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: bucket NAME DIR")
	}
	backend := s3mem.New()
	ts.Check(backend.CreateBucket(args[0]))
	root := ts.MkAbs(args[1])
	ts.Check(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		key, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		meta := map[string]string{"Last-Modified": "Sun, 22 Nov 2026 10:00:00 GMT"}
		_, err = backend.PutObject(args[0], filepath.ToSlash(key), meta, bytes.NewReader(b), int64(len(b)), nil)
		return err
	}))
	server := httptest.NewServer(gofakes3.New(backend).Server())
	ts.Defer(server.Close)
	ts.Setenv("MEDIAFERRY_S3__ENDPOINT", server.URL)
	ts.Setenv("MEDIAFERRY_S3__REGION", "us-east-1")
	ts.Setenv("MEDIAFERRY_S3__STYLE", "path")
	ts.Setenv("MEDIAFERRY_S3__BUCKETS", args[0])
	ts.Setenv("MEDIAFERRY_S3__ACCESS_KEY", "key")
	ts.Setenv("MEDIAFERRY_S3__SECRET_KEY", "secret-of-the-bucket")
}

func scriptKeep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keep NAME REGEXP")
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	found := pattern.FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) != 2 {
		ts.Fatalf("stdout has no %s", args[1])
	}
	ts.Setenv(args[0], found[1])
}

func scriptSandbox(ts *testscript.TestScript) *wechattest.Sandbox {
	return ts.Value(sandboxKey{}).(*wechattest.Sandbox)
}

func scriptFault(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fault ERRCODE TIMES")
	}
	errcode, err := strconv.Atoi(args[0])
	ts.Check(err)
	times, err := strconv.Atoi(args[1])
	ts.Check(err)
	scriptSandbox(ts).Script(wechattest.Fault{Path: "media/upload", Errcode: errcode, Times: times})
}

func scriptClock(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: clock DURATION")
	}
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	scriptSandbox(ts).Advance(d)
}

func scriptCalls(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: calls N")
	}
	if got := fmt.Sprint(scriptSandbox(ts).Count(clitest.UploadPath)); got != args[0] {
		ts.Fatalf("%s upload calls were made, want %s", got, args[0])
	}
}
