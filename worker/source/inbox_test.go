package source_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/source"
)

func TestOpenInbox(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inboxes := filepath.Join(dir, "inbox")
	write(t, filepath.Join(inboxes, "here", "shop", "f1", "a b.jpg"), "sent")
	write(t, filepath.Join(dir, "secret"), "not for you")
	must(t, os.Symlink(filepath.Join(dir, "secret"), filepath.Join(inboxes, "here", "shop", "f1", "out")))
	must(t, os.Symlink(dir, filepath.Join(inboxes, "link")))
	store := newStore(t, source.Config{Root: t.TempDir(), Inbox: inboxes})
	if got := read(t, store, "inbox:here/shop/f1/a%20b.jpg"); got != "sent" {
		t.Errorf("read %q", got)
	}
	for src, want := range map[string]tasks.Code{
		"inbox:here/shop/f1/b.jpg":  tasks.Missing, // this is its inbox, and it is not in it
		"inbox:here/shop/f2/a.jpg":  tasks.Missing,
		"inbox:there/shop/f1/a.jpg": tasks.Storage, // somebody else can read it
		"inbox:here/shop/f1/out":    tasks.Denied,
		"inbox:link/inbox/here/x":   tasks.Storage,
	} {
		if _, err := store.Open(t.Context(), src); tasks.CodeOf(err) != want {
			t.Errorf("%s: %v, want %s", src, err, want)
		}
	}
	for name, without := range map[string]source.Config{"no inbox": {Root: inboxes}, "a missing one": {Root: inboxes, Inbox: filepath.Join(dir, "none")}} {
		store := newStore(t, without)
		if _, err := store.Open(t.Context(), "inbox:here/shop/f1/a%20b.jpg"); tasks.CodeOf(err) != tasks.Storage {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := store.Stat(t.Context(), "inbox:here/shop/f1/a%20b.jpg"); tasks.CodeOf(err) != tasks.Storage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is in the folder is read there; all else of an inbox is asked for elsewhere.
func TestOpenInboxElsewhere(t *testing.T) {
	t.Parallel()
	inboxes := t.TempDir()
	write(t, filepath.Join(inboxes, "here", "shop", "f1", "a.jpg"), "sent")
	var asked []string
	store := newStore(t, source.Config{Root: t.TempDir(), Inbox: inboxes, Remote: func(_ context.Context, src tasks.Source) (tasks.File, error) {
		asked = append(asked, src.String())
		return tasks.File{ReadCloser: io.NopCloser(strings.NewReader("fetched")), Size: 7}, nil
	}})
	if got := read(t, store, "inbox:here/shop/f1/a.jpg"); got != "sent" {
		t.Errorf("read %q", got)
	}
	if _, err := store.Open(t.Context(), "inbox:here/shop/f1/b.jpg"); tasks.CodeOf(err) != tasks.Missing {
		t.Error(err)
	}
	if got := read(t, store, "inbox:there/shop/f1/a%20b.jpg"); got != "fetched" {
		t.Errorf("read %q", got)
	}
	if diff := cmp.Diff([]string{"inbox:there/shop/f1/a%20b.jpg"}, asked); diff != "" {
		t.Error(diff)
	}
}
