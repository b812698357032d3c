package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// What each README shows for the first minutes, and of media that stay alive, is what happens: its commands are run against a sandbox, in the language of
// its readers, and print what stands under them. A line that is … stands for any lines.
func TestREADME(t *testing.T) {
	t.Parallel()
	for file, readme := range map[string]struct {
		language, until, media, other string
	}{
		"README.md":       {"en", "## A fleet", "## Media that stay alive", "README.zh-CN.md"},
		"README.zh-CN.md": {"zh", "## 集群", "## 长期有效的素材", "README.md"},
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(filepath.Join("../..", file))
			if err != nil {
				t.Fatal(err)
			}
			text, rest, found := strings.Cut(string(b), readme.until)
			_, media, kept := strings.Cut(rest, readme.media)
			media, _, _ = strings.Cut(media, "\n## ")
			if !kept {
				t.Fatalf("it has no section %q", readme.media)
			}
			if !found || !strings.Contains(text, "]("+readme.other+")") {
				t.Fatalf("it has no section %q, or no link to %s", readme.until, readme.other)
			}
			s := newReader(t, readme.language)
			for _, shown := range append(shownIn(text), shownIn(media)...) {
				s.follow(shown)
			}
		})
	}
}

// shown is a command of a README with what stands under it.
type shown struct {
	command string
	output  []string
}

// shownIn are the commands of the console blocks.
func shownIn(text string) (all []shown) {
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			line = strings.TrimRight(line, "\n")
			if command, is := strings.CutPrefix(line, "$ "); is {
				all = append(all, shown{command: command})
				continue
			}
			last := &all[len(all)-1]
			last.output = append(last.output, line)
		}
	}
	return all
}

// notRun are commands that install, test, or never end.
var notRun = []string{"make ", "go run ./cmd/mediaferry demo --console", "mediaferry demo --console"}

// reader is somebody who types what a README says, in a folder of files like those that it shows.
type reader struct {
	*testing.T
	dir     string // holds the files
	env     []string
	exports string
}

func newReader(t *testing.T, language string) *reader {
	t.Helper()
	s := &reader{T: t, dir: t.TempDir()}
	home := t.TempDir() // outside of the storage root
	bin := filepath.Join(home, "bin")
	program, err := os.Executable()
	if err == nil {
		err = os.MkdirAll(bin, 0o755)
	}
	if err == nil {
		err = os.Symlink(program, filepath.Join(bin, "mediaferry"))
	}
	if err != nil {
		t.Fatal(err)
	}
	sandbox := wechattest.NewServer(t, wechattest.Config{})
	s.env = append(clitest.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+home, "LANG=C", "MEDIAFERRY_LANG="+language,
		"MEDIAFERRY_DATA_DIR="+filepath.Join(home, "data"), "MEDIAFERRY_WECHAT_BASE_URL="+sandbox.URL,
		"MEDIAFERRY_WECHAT_APPID="+wechattest.DefaultAppID, "MEDIAFERRY_WECHAT_SECRET="+wechattest.DefaultSecret)
	for name, b := range map[string][]byte{
		"photos/logo.webp": broken("webp-named.jpg"), "photos/welcome.amr": broken("too-long.amr"),
		"photos/menu.jpg": mediatest.Distinct(1, tasks.Image, 30000), "photos/shop-front.jpg": mediatest.Distinct(2, tasks.Image, 30000),
		"front.jpg": mediatest.Distinct(3, tasks.Image, 30000), "greeting.mp3": mediatest.Distinct(4, tasks.Voice, 30000),
		"covers/spring.jpg": mediatest.Distinct(6, tasks.Image, 30000), "covers/summer.jpg": mediatest.Distinct(7, tasks.Image, 30000),
		"orders.csv": []byte("id,path,type,meta.order\n7-front,front.jpg,image,7\n7-greeting,greeting.mp3,voice,7\n8-gone,gone.jpg,image,8\n"),
	} {
		s.write(name, b)
	}
	return s
}

func broken(name string) []byte {
	all := mediatest.Broken()
	return all[slices.IndexFunc(all, func(s mediatest.Sample) bool { return s.Name == name })].Bytes
}

func (s *reader) write(name string, b []byte) {
	s.Helper()
	path := filepath.Join(s.dir, name)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, b, 0o644)
	}
	if err != nil {
		s.Fatal(err)
	}
}

// follow types a command and compares what it prints, with what varies masked.
func (s *reader) follow(x shown) {
	s.Helper()
	switch {
	case slices.ContainsFunc(notRun, func(c string) bool { return strings.HasPrefix(x.command, c) }):
		return
	case strings.HasPrefix(x.command, "export ") && strings.Contains(x.command, "…"):
		return // what the reader has to fill in is set already
	case strings.HasPrefix(x.command, "export "):
		s.exports += x.command + "\n"
		return
	case strings.HasPrefix(x.command, "mediaferry retry"):
		s.write("gone.jpg", mediatest.Distinct(5, tasks.Image, 30000)) // it is there again
	}
	command := strings.Replace(x.command, "go run ./cmd/mediaferry", "mediaferry", 1)
	c := exec.CommandContext(s.Context(), "sh", "-c", s.exports+command+" 2>&1")
	c.Dir, c.Env = s.dir, s.env
	out, err := c.Output()
	if code := c.ProcessState.ExitCode(); err != nil && code != tasks.ExitFailed {
		s.Fatalf("$ %s\n%v\n%s", x.command, err, out)
	}
	if !alike(masked(x.output), masked(strings.Split(strings.TrimRight(string(out), "\n"), "\n"))) && len(x.output) > 0 {
		s.Errorf("$ %s\nprints\n%s\nthe README shows\n%s", x.command, out, strings.Join(x.output, "\n"))
	}
}

// varying is what no two runs have in common: ids, times, how long it took, who met a fault.
var varying = []struct{ what, mask string }{
	{`[0-9A-Za-z_-]{64}`, "MEDIA"},
	{`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`, "TIME"},
	{`in \d+\.\d s|用时 \d+\.\d 秒`, "TOOK"},
	{`\d+ upload calls|调用上传接口 \d+ 次`, "CALLS"},                   // a token that expires fails as many as are under way
	{`(succeeded|成功)( \(reused\)|（复用）)? \d MEDIA`, "$1 N MEDIA"}, // of two twins either is reused
	{`^(\d+ of \d+ done|已完成 \d+ / \d+).*`, ""},
}

// masked are the lines without what varies, without empty ones, and with one space where a table has several.
func masked(lines []string) (all []string) {
	for _, line := range lines {
		line = strings.Join(strings.Fields(line), " ")
		for _, v := range varying {
			line = regexp.MustCompile(v.what).ReplaceAllString(line, v.mask)
		}
		if line != "" {
			all = append(all, line)
		}
	}
	return all
}

// alike reports whether lines are as shown. A … that is shown stands for any lines.
func alike(shown, lines []string) bool {
	if len(shown) == 0 {
		return len(lines) == 0
	}
	if shown[0] != "…" {
		return len(lines) > 0 && lines[0] == shown[0] && alike(shown[1:], lines[1:])
	}
	for skip := range len(lines) + 1 {
		if alike(shown[1:], lines[skip:]) {
			return true
		}
	}
	return false
}
