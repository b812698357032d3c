package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// smallDisk gives the ground's data dir a disk of its own. It skips the test where none can be mounted.
func smallDisk(g *clitest.Ground) (dir string) {
	g.T.Helper()
	dir = filepath.Join(g.Dir, "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		g.T.Fatal(err)
	}
	if err := unix.Mount("mediaferry-test", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=8388608,mode=700"); err != nil {
		g.T.Skipf("no disk of its own here: %v", err)
	}
	g.T.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// fill takes all that is free on the disk of a file, which it makes.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 { // and what is left of it
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
}

// A disk that becomes full is said beside the progress, and not in a log that fills the terminal. The command ends when it is
// asked to, and the same one goes on when there is room.
func TestAFullDiskIsToldAndOver(t *testing.T) {
	t.Parallel()
	taskstest.Full(t)
	g := clitest.New(t, wechattest.Config{})
	dir := smallDisk(g)
	g.Fill(12, 3000)
	g.Set("MEDIAFERRY_WORKER__CONCURRENCY", "1")
	g.Set("MEDIAFERRY_WORKER__SHUTDOWN_TIMEOUT", "1s")
	g.Sandbox.Rate(wechattest.Fault{Kind: wechattest.Slow, Path: "media/upload", Delay: 300 * time.Millisecond}, 1)
	p := g.Start("upload", g.Media)
	taskstest.Until(t, "uploads are under way", func() bool { return g.Sandbox.Count(clitest.UploadPath) >= 3 })
	filling := filepath.Join(dir, "filling")
	fill(t, filling)
	at := len(p.Log.String())
	says := "the disk of " + dir + " is full: make room"
	taskstest.Until(t, "the disk is told of twice", func() bool { return strings.Count(p.Log.String(), says) >= 2 || p.Ended() })
	if said := p.Log.String()[at:]; p.Ended() || strings.Count(said, "\n") > 20 {
		t.Errorf("ended: %v, it says\n%s", p.Ended(), said)
	}
	finds(g, "disk", "0 B are free where")
	p.Signal(syscall.SIGTERM)
	if code := p.ProcessState.ExitCode(); code != tasks.ExitInterrupted {
		t.Errorf("it ends with %d", code)
	}
	if err := os.Remove(filling); err != nil {
		t.Fatal(err)
	}
	if r := g.Run("upload", g.Media); r.Code != tasks.ExitOK {
		t.Errorf("with room again: exit code %d\n%s", r.Code, r.Err)
	}
}
