package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
)

// The containers of docker-compose.yml, with the profile that needs no WeChat account, carry what is sent to them over HTTP and
// what lies in storage, while workers are killed and scaled, Redis is stopped, and all containers are made anew over their
// volumes. Every upload has its outcome, and the receiver its events.
func TestComposeLosesNothing(t *testing.T) {
	t.Parallel()
	taskstest.Full(t)
	const each = 40
	p := newProject(t)
	p.compose("up", "-d", "--build")
	p.answers()
	p.hardened()

	first := p.submit("stored", p.store(each))
	p.kill("worker")
	second := p.submit("sent", p.send(each))
	p.compose("up", "-d", "--no-recreate", "--scale", "worker=3")
	p.succeed(first, each)
	p.succeed(second, each)

	p.compose("stop", "redis")
	third := p.submit("without redis", p.send(each))
	p.compose("start", "redis")
	p.kill("worker")
	p.succeed(third, each)
	p.told(3 * each)

	p.kill("worker") // nobody works until all is made anew
	p.kill("worker")
	last := p.submit("across a restart", p.send(each))
	p.compose("down")
	p.compose("up", "-d", "--scale", "worker=2")
	p.answers()
	for _, batch := range []string{first, second, third, last} {
		p.succeed(batch, each)
	}
	p.told(each) // since the receiver was made anew
	taskstest.Until(t, "all containers are healthy", func() bool {
		return !strings.Contains(p.docker("ps", "--format", "{{.Status}}"), "starting") && len(p.unhealthy()) == 0
	})
	t.Log(p.inside("serve", "verify"))
}

// store puts pictures into the storage, and returns their sources.
func (p *project) store(n int) (sources []string) {
	p.t.Helper()
	for range n {
		p.files++
		name := fmt.Sprintf("%d.jpg", p.files)
		if err := os.WriteFile(filepath.Join(p.dir, "media", name), mediatest.Distinct(p.files, tasks.Image, 3000), 0o644); err != nil {
			p.t.Fatal(err)
		}
		sources = append(sources, name)
	}
	return sources
}

// send sends pictures over HTTP, and returns their sources.
func (p *project) send(n int) (sources []string) {
	p.t.Helper()
	var form strings.Builder
	for range n {
		p.files++
		fmt.Fprintf(&form, "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%d.jpg\"\r\n\r\n%s\r\n", p.files, mediatest.Distinct(p.files, tasks.Image, 3000))
	}
	form.WriteString("--B--\r\n")
	var answer struct{ Files []struct{ Source string } }
	if status := p.ask(http.MethodPost, "/v1/files", "multipart/form-data; boundary=B", form.String(), &answer); status != http.StatusCreated {
		p.t.Fatalf("files are answered %d", status)
	}
	for _, f := range answer.Files {
		sources = append(sources, f.Source)
	}
	return sources
}

// submit submits pictures as a batch, and returns its ID.
func (p *project) submit(name string, sources []string) string {
	p.t.Helper()
	var rows strings.Builder
	for i, source := range sources {
		row, err := json.Marshal(map[string]string{"type": "image", "source": source, "external_id": fmt.Sprintf("%s %d", name, i)})
		if err != nil {
			p.t.Fatal(err)
		}
		rows.Write(append(row, '\n'))
	}
	var receipt struct {
		ID       string
		Accepted int
	}
	if status := p.ask(http.MethodPost, "/v1/batches", "application/x-ndjson", rows.String(), &receipt); status != http.StatusAccepted || receipt.Accepted != len(sources) {
		p.t.Fatalf("the batch is answered %d, %+v", status, receipt)
	}
	return receipt.ID
}

// succeed waits for the outcomes of a batch: all of its uploads succeed.
func (p *project) succeed(batch string, n int) {
	p.t.Helper()
	var b tasks.Batch
	taskstest.Until(p.t, "the batch is complete", func() bool { return p.get("/v1/batches/"+batch, &b) && !b.Completed.IsZero() })
	if diff := cmp.Diff(tasks.BatchCounts{Total: n, Succeeded: n}, b.Counts); diff != "" {
		p.t.Error(diff)
	}
}

// told waits until the receiver knows the outcomes of that many uploads, and no event waits.
func (p *project) told(uploads int) {
	p.t.Helper()
	taskstest.Until(p.t, "no event waits", func() bool {
		var st tasks.Status
		return p.get("/v1/status", &st) && st.Deliveries == 0
	})
	if n := len(p.events()); n != uploads {
		p.t.Errorf("the receiver has events of %d uploads, want %d", n, uploads)
	}
}

// events are the uploads whose outcome the receiver knows.
func (p *project) events() map[string]bool {
	p.t.Helper()
	ids := map[string]bool{}
	for line := range strings.Lines(p.docker("logs", p.containers("receiver")[0])) {
		var e struct {
			Type string
			Data struct{ ID string }
		}
		if json.Unmarshal([]byte(line), &e) == nil && strings.HasPrefix(e.Type, "upload.") {
			ids[e.Data.ID] = true
		}
	}
	return ids
}

// hardened fails where a container may do more than it must, or shows a secret to who may inspect it.
func (p *project) hardened() {
	p.t.Helper()
	for _, id := range p.containers() {
		var c []struct {
			Name   string
			Config struct {
				Env        []string
				User       string
				StopSignal string
			}
			HostConfig struct {
				ReadonlyRootfs       bool
				CapAdd, CapDrop      []string
				SecurityOpt          []string
				Memory               int64
				Privileged           bool
				LogConfig            struct{ Config map[string]string }
				RestartPolicy        struct{ Name string }
				NetworkMode, PidMode string
			}
		}
		if err := json.Unmarshal([]byte(p.docker("inspect", id)), &c); err != nil || len(c) != 1 {
			p.t.Fatal(err, len(c))
		}
		h := c[0].HostConfig
		if !h.ReadonlyRootfs || len(h.CapAdd) > 0 || strings.Join(h.CapDrop, "") != "ALL" || h.Privileged || h.Memory == 0 || h.PidMode != "" ||
			!strings.Contains(strings.Join(h.SecurityOpt, ""), "no-new-privileges") || h.LogConfig.Config["max-size"] == "" || c[0].Config.User == "" {
			p.t.Errorf("%s: %+v", c[0].Name, c[0])
		}
		for name, secret := range p.secrets {
			if strings.Contains(fmt.Sprint(c[0].Config.Env), secret) && secret != sandboxSecret {
				p.t.Errorf("%s shows %s to who inspects it", c[0].Name, name)
			}
		}
	}
}
