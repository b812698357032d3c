package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// sandboxSecret is the appsecret that docker-compose.yml gives its sandbox.
const sandboxSecret = "sandbox-secret"

// project is a copy of this repository whose docker-compose.yml is used, with secrets of its own and a docker daemon of its own.
type project struct {
	t       *testing.T
	dir     string
	host    string // of the daemon
	url     string // of serve
	secrets map[string]string
	files   int // pictures made so far
}

// newProject prepares all that docker-compose.yml asks for. It skips the test where no daemon can run.
func newProject(t *testing.T) *project {
	t.Helper()
	taskstest.Tool(t, "docker")
	taskstest.Tool(t, "docker-compose")
	p := &project{t: t, dir: filepath.Join(t.TempDir(), "mediaferry"), host: startDocker(t)}
	p.copyTree("../..")
	if p.host != os.Getenv(runningDocker) {
		p.run("bash", "testdata/compose/stand-ins.sh", p.dir, t.TempDir())
	}
	port := freePort(t)
	p.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	p.secrets = map[string]string{
		"postgres_password": `p@ss:w/o?r#d %20$x'"\ é`,
		"token_key":         fmt.Sprintf("%x", strings.Repeat(rand.Text()[:8], 4)), // 32 bytes
		"api_key":           "operator-" + rand.Text(),
		"webhook_secret":    "whsec_" + base64.StdEncoding.EncodeToString([]byte(rand.Text())),
		"wechat_secret":     sandboxSecret,
	}
	for _, dir := range []string{"secrets", "media"} {
		if err := os.Mkdir(filepath.Join(p.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, secret := range p.secrets {
		p.write("secrets/"+name, secret+"\n")
	}
	p.write(".env", fmt.Sprintf("MEDIAFERRY_WECHAT_APPID=wxsandbox\nMEDIAFERRY_WECHAT_BASE_URL=http://sandbox:8090\nMEDIAFERRY_WEBHOOK_URL=http://receiver:9000\nMEDIAFERRY_PORT=%d\n", port))
	p.store(1) // an empty storage root counts as one that is not mounted
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(p.try("docker-compose", "--profile", "sandbox", "logs", "--tail", "30"))
		}
		_, _ = p.try("docker-compose", "--profile", "sandbox", "down", "-v", "-t", "5")
	})
	return p
}

// runningDocker names a daemon that already has the stand-ins, to save time while this test is worked on. Its image mediaferry
// is overwritten.
const runningDocker = "MEDIAFERRY_TEST_DOCKER_HOST"

// startDocker starts a daemon that shares nothing with another one on this machine, and returns its address.
func startDocker(t *testing.T) string {
	t.Helper()
	if host := os.Getenv(runningDocker); host != "" {
		return host
	}
	without := t.Skipf
	if os.Getenv("CI") == "true" { // what is missing is a failure there
		without = t.Fatalf
	}
	if os.Geteuid() != 0 {
		without("a docker daemon wants to be root")
	}
	dir := t.TempDir()
	socket := "unix://" + filepath.Join(dir, "docker.sock")
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), taskstest.Tool(t, "dockerd"), "--host", socket, "--data-root", filepath.Join(dir, "root"),
		"--exec-root", filepath.Join(dir, "exec"), "--pidfile", filepath.Join(dir, "pid"), "--config-file", filepath.Join(dir, "none.json"),
		"--bridge", "none", "--default-address-pool", "base=10.214.0.0/16,size=24")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} // also where the test runs out of time
	if err := os.WriteFile(filepath.Join(dir, "none.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in the log
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		<-ended
	})
	taskstest.Until(t, "the docker daemon answers", func() bool {
		select {
		case <-ended:
			said, _ := os.ReadFile(log.Name())
			without("no docker daemon runs here: %s", said[max(0, len(said)-1000):])
		default:
		}
		return exec.CommandContext(t.Context(), "docker", "--host", socket, "info").Run() == nil
	})
	return socket
}

// copyTree copies what an image is made of.
func (p *project) copyTree(from string) {
	p.t.Helper()
	for _, dir := range []string{"cmd", "config", "enqueue", "tasks", "worker"} {
		if err := os.CopyFS(filepath.Join(p.dir, dir), os.DirFS(filepath.Join(from, dir))); err != nil {
			p.t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum", "Dockerfile", "docker-compose.yml", ".dockerignore"} {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			p.t.Fatal(err)
		}
		p.write(name, string(b))
	}
}

func (p *project) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// try runs a program against the daemon, in the folder of the project where it is docker-compose.
func (p *project) try(program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.t.Context()), 20*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	if program == "docker-compose" {
		cmd.Dir = p.dir
	}
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+p.host, "DOCKER_BUILDKIT=0", "COMPOSE_PROJECT_NAME=mediaferrytest", "COMPOSE_HTTP_TIMEOUT=600")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (p *project) run(program string, args ...string) string {
	p.t.Helper()
	began := time.Now()
	out, err := p.try(program, args...)
	if err != nil {
		p.t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out[max(0, len(out)-4000):])
	}
	if took := time.Since(began); took > 10*time.Second {
		p.t.Logf("%s %s took %s", program, strings.Join(args, " "), took.Round(time.Second))
	}
	return out
}

func (p *project) docker(args ...string) string { p.t.Helper(); return p.run("docker", args...) }

func (p *project) compose(args ...string) {
	p.t.Helper()
	p.run("docker-compose", append([]string{"--profile", "sandbox"}, args...)...)
}

// containers are the IDs of the running containers of these services, or of all.
func (p *project) containers(services ...string) []string {
	p.t.Helper()
	args := []string{"ps", "-q", "--filter", "label=com.docker.compose.project=mediaferrytest"}
	for _, s := range services {
		args = append(args, "--filter", "label=com.docker.compose.service="+s)
	}
	return strings.Fields(p.docker(args...))
}

// kill kills one container of a service. Docker does not start it again.
func (p *project) kill(service string) {
	p.t.Helper()
	p.docker("kill", p.containers(service)[0])
}

// inside runs mediaferry in a container of the service, and returns what it prints.
func (p *project) inside(service string, args ...string) string {
	p.t.Helper()
	return p.docker(append([]string{"exec", p.containers(service)[0], "/mediaferry"}, args...)...)
}

// unhealthy are the containers whose HEALTHCHECK fails.
func (p *project) unhealthy() []string {
	p.t.Helper()
	return strings.Fields(p.docker("ps", "-q", "--filter", "health=unhealthy"))
}

// answers waits until serve is ready.
func (p *project) answers() {
	p.t.Helper()
	taskstest.Until(p.t, "serve is ready", func() bool {
		res, err := http.Get(p.url + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// get reads one thing, and reports whether it was answered.
func (p *project) get(path string, into any) bool {
	return p.ask(http.MethodGet, path, "", "", into) == http.StatusOK
}

// ask makes one request as the operator, and returns the status; 0: serve did not answer.
func (p *project) ask(method, path, kind, body string, into any) int {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.secrets["api_key"])
	req.Header.Set("Content-Type", kind)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Log(err)
		return 0
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil || res.StatusCode >= http.StatusBadRequest {
		p.t.Logf("%s %s: %d %s %v", method, path, res.StatusCode, b, err)
	}
	return res.StatusCode
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
