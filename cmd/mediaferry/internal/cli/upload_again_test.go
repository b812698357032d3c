package cli_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/source"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// settle waits until the files of a ground are older than a tick of the clock, so that what they look like is known.
func settle(g *clitest.Ground) {
	g.T.Helper()
	store, err := source.New(source.Config{Root: g.Media})
	if err != nil {
		g.T.Fatal(err)
	}
	taskstest.Until(g.T, "all files have an identity", func() bool {
		for e, err := range store.List(g.T.Context(), ".", nil) {
			if err != nil || e.Identity == "" {
				return false
			}
		}
		return true
	})
}

// upload uploads the folder and returns the one outcome, whose media must hold what the file does.
func upload(g *clitest.Ground, name string, args ...string) tasks.Outcome {
	g.T.Helper()
	r := g.Run(append([]string{"upload", "--output", "json"}, args...)...)
	outcomes := g.Outcomes(r.Out)
	if r.Code != tasks.ExitOK || len(outcomes) != 1 {
		g.T.Fatalf("exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
	want, err := os.ReadFile(filepath.Join(g.Media, name))
	if err != nil {
		g.T.Fatal(err)
	}
	if got, _ := g.Sandbox.Media(outcomes[0].MediaID); !bytes.Equal(got, want) || outcomes[0].SHA256 != tasks.HashOf(want).String() {
		g.T.Errorf("round %d succeeded with other bytes than the file has", outcomes[0].Round)
	}
	return outcomes[0]
}

// A file whose bytes were changed while size and mtime were kept, as photo and sync tools do, is uploaded anew.
func TestUploadAgainAfterAHiddenChange(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(path string, b []byte) error{
		"in place": func(path string, b []byte) error { return os.WriteFile(path, b, 0o644) },
		"by rename": func(path string, b []byte) error {
			if err := os.WriteFile(path+".part", b, 0o644); err != nil {
				return err
			}
			return os.Rename(path+".part", path)
		},
	} {
		for kind, args := range map[string][]string{"typed": {"--type", "image"}, "guessed": nil} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				g := clitest.New(t, wechattest.Config{})
				path := filepath.Join(g.Media, "a.jpg")
				g.Write("a.jpg", mediatest.Distinct(1, tasks.Image, 5000))
				at := time.Now().Add(-time.Hour)
				keep := func() {
					if err := os.Chtimes(path, at, at); err != nil {
						t.Fatal(err)
					}
					settle(g)
				}
				keep()
				first := upload(g, "a.jpg", append(args, g.Media)...)
				if err := put(path, mediatest.Distinct(2, tasks.Image, 5000)); err != nil {
					t.Fatal(err)
				}
				keep()
				second := upload(g, "a.jpg", append(args, g.Media)...)
				if second.ID != first.ID || second.Round != 2 || second.MediaID == first.MediaID {
					t.Errorf("the same row has the outcomes %+v and %+v", first, second)
				}

				// Back to the old bytes: their media is still known, and costs no call.
				if err := put(path, mediatest.Distinct(1, tasks.Image, 5000)); err != nil {
					t.Fatal(err)
				}
				keep()
				third := upload(g, "a.jpg", append(args, g.Media)...)
				if third.MediaID != first.MediaID || !third.Reused || g.Sandbox.Count(clitest.UploadPath) != 2 {
					t.Errorf("%+v after %d calls", third, g.Sandbox.Count(clitest.UploadPath))
				}
			})
		}
	}
}

// What looks otherwise and holds the same bytes is answered from the record, without a new round.
func TestUploadAgainWithTheSameBytes(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Write("a.jpg", mediatest.Distinct(1, tasks.Image, 5000))
	g.Write("cover.jpg", mediatest.Distinct(2, tasks.Image, 200000)) // no thumb
	settle(g)
	first := upload(g, "a.jpg", filepath.Join(g.Media, "a.jpg"))
	refused := func() tasks.Outcome {
		r := g.Run("upload", "--output", "json", "--type", "thumb", filepath.Join(g.Media, "cover.jpg"))
		if r.Code != tasks.ExitFailed {
			t.Fatalf("exit code %d\n%s", r.Code, r.Err)
		}
		return g.Outcomes(r.Out)[0]
	}
	refused()
	for _, mode := range []os.FileMode{0o600, 0o640} {
		if err := os.Chmod(filepath.Join(g.Media, "a.jpg"), mode); err != nil {
			t.Fatal(err)
		}
		settle(g)
		if again := upload(g, "a.jpg", filepath.Join(g.Media, "a.jpg")); again.Round != 1 || again.MediaID != first.MediaID {
			t.Errorf("%+v", again)
		}
		if o := refused(); o.Round != 1 {
			t.Errorf("what was refused is in round %d", o.Round)
		}
	}
	if n := g.Sandbox.Count(clitest.UploadPath); n != 1 {
		t.Errorf("%d calls", n)
	}
}

// A damaged file that was mended in place is judged anew.
func TestUploadAgainAfterAMending(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	whole := mediatest.Distinct(1, tasks.Image, 5000)
	damaged := append(bytes.Clone(whole[:2500]), make([]byte, len(whole)-2500)...)
	at := time.Now().Add(-time.Hour)
	write := func(b []byte) {
		g.Write("a.jpg", b)
		if err := os.Chtimes(filepath.Join(g.Media, "a.jpg"), at, at); err != nil {
			t.Fatal(err)
		}
		settle(g)
	}
	write(damaged)
	if r := g.Run("upload", g.Media); r.Code != tasks.ExitFailed {
		t.Fatalf("the damaged one: exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
	write(whole)
	upload(g, "a.jpg", g.Media)
}

// bucketOf starts object storage that counts how often an object is read, and sets it.
func bucketOf(g *clitest.Ground) (put func(key string, b []byte), reads *atomic.Int32) {
	g.T.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("media"); err != nil {
		g.T.Fatal(err)
	}
	reads = new(atomic.Int32)
	fake := gofakes3.New(backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && len(r.URL.Path) > len("/media/") {
			reads.Add(1)
		}
		fake.ServeHTTP(w, r)
	}))
	g.T.Cleanup(server.Close)
	for name, value := range map[string]string{
		"ENDPOINT": server.URL, "REGION": "us-east-1", "STYLE": "path", "BUCKETS": "media", "ACCESS_KEY": "key", "SECRET_KEY": "secret",
	} {
		g.Set("MEDIAFERRY_S3__"+name, value)
	}
	return func(key string, b []byte) {
		meta := map[string]string{"Last-Modified": "Sun, 22 Nov 2026 10:00:00 GMT"}
		if _, err := backend.PutObject("media", key, meta, bytes.NewReader(b), int64(len(b)), nil); err != nil {
			g.T.Fatal(err)
		}
		g.Write(key, b) // what is expected
	}, reads
}

// An object that was overwritten with as many bytes is read again, also under an id of the person's own.
func TestUploadAgainFromABucket(t *testing.T) {
	t.Parallel()
	for name, manifest := range map[string]string{
		"own id": "id,path,type\no-1,s3://media/a.jpg,image\n", "own id, type guessed": "id,path\no-1,s3://media/a.jpg\n", "by prefix": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := clitest.New(t, wechattest.Config{})
			put, reads := bucketOf(g)
			args := []string{"s3://media/"}
			if manifest != "" {
				path := filepath.Join(g.Dir, "rows.csv")
				if err := os.WriteFile(path, []byte(manifest), 0o600); err != nil {
					t.Fatal(err)
				}
				args = []string{"--manifest", path}
			}
			put("a.jpg", mediatest.Distinct(1, tasks.Image, 5000))
			first := upload(g, "a.jpg", args...)
			before := reads.Load()
			if again := upload(g, "a.jpg", args...); again.ID != first.ID || again.Round != 1 {
				t.Errorf("nothing changed: %+v", again)
			}
			if n := reads.Load() - before; n != 0 {
				t.Errorf("nothing changed, and it was read %d times", n)
			}
			if upload(g, "a.jpg", append(args, "--checksum")...); reads.Load() == before {
				t.Error("--checksum did not read it")
			}
			put("a.jpg", mediatest.Distinct(2, tasks.Image, 5000))
			upload(g, "a.jpg", args...)
			if n := g.Sandbox.Count(clitest.UploadPath); n != 2 {
				t.Errorf("%d calls for two contents", n)
			}
		})
	}
}
