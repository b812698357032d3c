package api_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

func TestInboxOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inbox, err := api.OpenInbox(api.InboxConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := inbox.Store("shop", "a b.jpg", strings.NewReader("content"), 100)
	if err != nil {
		t.Fatal(err)
	}
	f, err := inbox.Open(t.Context(), stored.Source)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil || string(got) != "content" || f.Size != 7 {
		t.Errorf("read %q of %d bytes, %v", got, f.Size, err)
	}
	mine := "inbox:" + inbox.ID() + "/shop/"
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("not for you"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, inbox.ID(), "shop", "f1", "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "secret"), filepath.Join(dir, inbox.ID(), "shop", "f1", "out")); err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]tasks.Code{
		mine + "f1/none.jpg":        tasks.Missing,
		mine + "f1/folder":          tasks.Denied,
		mine + "f1/out":             tasks.Storage,
		"inbox:other/shop/f1/a.jpg": tasks.Denied,
		"a.jpg":                     tasks.Denied,
		"inbox:x":                   tasks.Invalid,
	} {
		if _, err := inbox.Open(t.Context(), source); tasks.CodeOf(err) != want {
			t.Errorf("%s: %v, want %s", source, err, want)
		}
	}
}

// What could not be read is not taken.
func TestInboxThatNobodyCanRead(t *testing.T) {
	t.Parallel()
	dir, refused := t.TempDir(), errors.New("nobody can read it")
	inbox, err := api.OpenInbox(api.InboxConfig{Dir: dir, Readable: func(string) error { return refused }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := inbox.Store("shop", "a.jpg", strings.NewReader("content"), 100); !errors.Is(err, refused) {
		t.Errorf("%v, want %v", err, refused)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*", "*")); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}
