package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// machine is one of several, with a data dir of its own.
func machine(g *clitest.Ground, name string, settings ...string) *clitest.Ground {
	m := *g
	m.Env = append(g.Env[:len(g.Env):len(g.Env)], "MEDIAFERRY_DATA_DIR="+filepath.Join(g.Dir, name))
	m.Env = append(m.Env, settings...)
	return &m
}

// door is a fleet whose serve has a machine of its own, asked as shop.
func door(t *testing.T, settings ...string) (g *clitest.Ground, s *town) {
	t.Helper()
	g = clitest.New(t, wechattest.Config{})
	fleet(g)
	g.Set("MEDIAFERRY_PRODUCERS__SHOP__KEY", shopKey)
	s = &town{ledger: g.Ledger()}
	m := machine(g, "front", settings...)
	s.Served = m.ServedAs(m.Start("serve"), shopKey)
	return g, s
}

func picture(n int) []byte { return mediatest.Distinct(n, tasks.Image, 3000) }

// submitFile sends a file and submits it.
func (s *town) submitFile(name string, content []byte) {
	s.T.Helper()
	w := want{"type": "image", "source": s.sendFile(shopKey, content), "external_id": name}
	if status, answer := s.post(shopKey, "/v1/uploads", "application/json", w.json()); status != http.StatusAccepted {
		s.T.Fatal(status, answer)
	}
}

// sendAsWeChat sends a file as a WeChat client does, and returns the answer.
func (s *town) sendAsWeChat(content []byte) string {
	s.T.Helper()
	var token struct {
		Token string `json:"access_token"`
	}
	s.Ask("GET", "/cgi-bin/token?grant_type=client_credential&appid=shop&secret="+shopKey, "", &token)
	form := "--B\r\nContent-Disposition: form-data; name=\"media\"; filename=\"a.jpg\"\r\n\r\n" + string(content) + "\r\n--B--\r\n"
	_, answer := s.post("", "/cgi-bin/media/upload?type=image&access_token="+token.Token, "multipart/form-data; boundary=B", form)
	return answer
}

// Workers on other machines than serve fetch what was sent to it.
func TestWorkersFetchWhatServeTook(t *testing.T) {
	t.Parallel()
	g, s := door(t)
	g.Write("a.jpg", picture(1)) // an empty storage root is one that is not mounted
	machine(g, "back").Start("worker")
	joined(t, s.ledger, 2)
	s.submitFile("one", picture(1))
	if code := s.outcome("one"); code != "" {
		t.Errorf("it ends with %q", code)
	}
	if answer := s.sendAsWeChat(picture(2)); !strings.Contains(answer, `"media_id"`) {
		t.Errorf("the drop-in answers %s", answer)
	}
	if found := findings(g); len(found) > 0 {
		t.Errorf("the doctor finds %v", found)
	}
}

// A file is waited for while the process that took it is away, and costs no attempt.
func TestFilesOfAServeThatIsAway(t *testing.T) {
	t.Parallel()
	g, s := door(t)
	s.submitFile("one", picture(1))
	s.Process.Signal(syscall.SIGKILL)
	worker := machine(g, "back").Start("worker")
	taskstest.Until(t, "the upload waits for its file", func() bool {
		o, err := s.ledger.Find(t.Context(), "shop", "one")
		return err == nil && o.State == tasks.Waiting && o.Code == tasks.Storage
	})
	machine(g, "front").Start("serve")
	if code := s.outcome("one"); code != "" {
		t.Errorf("it ends with %q", code)
	}
	if o, err := s.ledger.Find(t.Context(), "shop", "one"); err != nil || o.Attempts != 1 {
		t.Errorf("%d attempts, %v", o.Attempts, err)
	}
	worker.Signal(syscall.SIGTERM)
}

// What no worker could read is refused at the door, until one can.
func TestFilesThatNoWorkerCanReadAreRefused(t *testing.T) {
	t.Parallel()
	g, s := door(t, "MEDIAFERRY_HTTP__INBOX_URL=http://127.0.0.1:1")
	machine(g, "back").Start("worker")
	joined(t, s.ledger, 2)
	send := func() (int, string) {
		return s.post(shopKey, "/v1/files", "multipart/form-data; boundary=B",
			"--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n"+string(picture(1))+"\r\n--B--\r\n")
	}
	var answer string
	taskstest.Until(t, "files are refused", func() bool {
		var status int
		status, answer = send()
		return status == http.StatusServiceUnavailable
	})
	var problem struct {
		Code   tasks.Code
		Detail string
	}
	if err := json.Unmarshal([]byte(answer), &problem); err != nil || problem.Code != tasks.Storage || !strings.Contains(problem.Detail, "no worker can read what is sent here") {
		t.Errorf("it is answered %s", answer)
	}
	if answer := s.sendAsWeChat(picture(2)); !strings.Contains(answer, `"errcode":-1`) || !strings.Contains(answer, "no worker can read") {
		t.Errorf("the drop-in answers %s", answer)
	}
	finds(g, "inbox", "http://127.0.0.1:1 can't be reached")
	finds(g, "inbox", "refuses files that are sent over HTTP")

	machine(g, "beside", fmt.Sprintf("MEDIAFERRY_HTTP__INBOX_DIR=%s", filepath.Join(g.Dir, "front", "inbox"))).Start("worker")
	taskstest.Until(t, "files are taken again", func() bool {
		status, _ := send()
		return status == http.StatusCreated
	})
	s.submitFile("one", picture(1))
	if code := s.outcome("one"); code != "" {
		t.Errorf("it ends with %q", code)
	}
}
