package cli_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// opens counts how often files of a folder are opened from now on.
func opens(t *testing.T, dir string) (count func() int) {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if _, err := syscall.InotifyAddWatch(fd, dir, syscall.IN_OPEN); err != nil {
		t.Fatal(err)
	}
	return func() int {
		n := 0
		buf := make([]byte, 64<<10)
		for {
			read, err := syscall.Read(fd, buf)
			if err != nil || read <= 0 {
				return n
			}
			for at := 0; at < read; n++ {
				mask := uint32(buf[at+4]) | uint32(buf[at+5])<<8 | uint32(buf[at+6])<<16 | uint32(buf[at+7])<<24
				if mask&syscall.IN_ISDIR != 0 {
					n--
				}
				at += syscall.SizeofInotifyEvent + int(buf[at+12]) + int(buf[at+13])<<8
			}
		}
	}
}

// An unchanged folder is listed and not read, whether types are guessed or given.
func TestUploadAgainReadsNothing(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"typed": {"--type", "image"}, "guessed": nil, "from stdin": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := clitest.New(t, wechattest.Config{})
			const files = 5
			for i := range files {
				g.Write(string(rune('a'+i))+".jpg", mediatest.Distinct(i, tasks.Image, 5000))
			}
			g.Write("broken.jpg", []byte("not a picture"))
			entries, err := os.ReadDir(g.Media)
			if err != nil {
				t.Fatal(err)
			}
			list := ""
			for _, e := range entries {
				list += filepath.Join(g.Media, e.Name()) + "\n"
			}
			settle(g)
			run := func(more ...string) []tasks.Outcome {
				t.Helper()
				all := append(append([]string{"upload", "--output", "json"}, args...), more...)
				if name == "from stdin" {
					return g.Outcomes(g.RunWith(list, append(all, "-")...).Out)
				}
				return g.Outcomes(g.Run(append(all, g.Media)...).Out)
			}
			first := run()
			if len(first) != files+1 {
				t.Fatalf("%d outcomes", len(first))
			}
			count := opens(t, g.Media)
			again := run()
			if n := count(); n != 0 {
				t.Errorf("%d files were opened", n)
			}
			for i, o := range again {
				if o.ID != first[i].ID || o.State != first[i].State || o.MediaID != first[i].MediaID || o.Round != 1 {
					t.Errorf("%+v, before %+v", o, first[i])
				}
			}
			run("--checksum")
			if n := count(); n < files+1 {
				t.Errorf("--checksum opened %d files", n)
			}

			// What looks otherwise is read once, and known again after that.
			for i := range files {
				if err := os.Chmod(g.Media+"/"+string(rune('a'+i))+".jpg", 0o600); err != nil {
					t.Fatal(err)
				}
			}
			settle(g)
			run()
			if n := count(); n < files {
				t.Errorf("%d of %d files that look otherwise were opened", n, files)
			}
			run()
			if n := count(); n != 0 {
				t.Errorf("%d files were opened once more", n)
			}
		})
	}
}
