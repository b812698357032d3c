package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// A file whose upload kills its worker, every time, ends with code poison: after two deaths among others and three
// alone. Its 63 neighbours all succeed.
func TestPoisonIsFoundAndNeighboursAreNotBlamed(t *testing.T) {
	t.Parallel()
	const neighbours = 63
	g := clitest.New(t, wechattest.Config{})
	for i := range neighbours {
		g.Write(fmt.Sprintf("good%02d.jpg", i), mediatest.Distinct(i, tasks.Image, 3000))
	}
	deadly := mediatest.Distinct(9999, tasks.Image, 3000)
	g.Write("deadly.jpg", deadly)
	var worker atomic.Pointer[clitest.Process]
	var kills atomic.Int64
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if bytes.Contains(body, deadly) {
			kills.Add(1)
			worker.Load().Signal(syscall.SIGKILL)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		g.Sandbox.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	g.Set("MEDIAFERRY_WECHAT_BASE_URL", front.URL)
	g.Set("MEDIAFERRY_WORKER__LEASE", "10m") // the next process does not wait for it, and counts it as lost
	if r := g.Run("upload", "--detach", g.Media); r.Code != tasks.ExitOK {
		t.Fatal(r.Err)
	}
	l := g.Ledger()
	worker.Store(g.Start("run"))
	taskstest.Until(t, "every file has its outcome", func() bool {
		select {
		case <-worker.Load().Done:
			worker.Store(g.Start("run"))
		default:
		}
		s, err := l.Status(t.Context())
		return err == nil && s.Counts[tasks.Succeeded]+s.Counts[tasks.Failed] == neighbours+1
	})
	failed, _, err := l.List(t.Context(), tasks.Filter{States: []tasks.State{tasks.Failed}})
	if err != nil {
		t.Fatal(err)
	}
	if len(failed) != 1 || failed[0].Filename != "deadly.jpg" || failed[0].Code != tasks.Poison || failed[0].Attempts != 0 {
		t.Errorf("failed: %+v, want deadly.jpg alone, as poison, without an attempt", failed)
	}
	if n := kills.Load(); n != 5 {
		t.Errorf("%d workers died, want two among others and three alone", n)
	}
}
