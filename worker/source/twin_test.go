package source_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/source"
)

// A name that only looks like the file's is told from one of no file: macOS and others write é differently.
func TestNameInAnotherUnicodeForm(t *testing.T) {
	t.Parallel()
	const nfc, nfd = "caf\u00e9", "cafe\u0301"
	root := t.TempDir()
	for _, name := range []string{nfd + "/menu.jpg", nfc + ".jpg"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(root, nfd+".jpg")); err == nil {
		if runtime.GOOS == "linux" {
			t.Fatal("a file system of Linux took both forms for one name")
		}
		t.Skip("the file system here takes both forms for one name")
	}
	store, err := source.New(source.Config{Root: root, Local: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, form := range map[string]string{nfc + "/menu.jpg": "NFD", nfd + ".jpg": "NFC", nfc + "/none.jpg": "", "none.jpg": "", nfc + "\xff": ""} {
		_, located := store.Locate(filepath.Join(root, name))
		opened := located
		if src, err := tasks.PathSource(name); err == nil {
			_, opened = store.Open(t.Context(), src.String())
		}
		for how, err := range map[string]error{"located": located, "opened": opened} {
			e := tasks.AsError(err)
			if e.Code != tasks.Missing || strings.Contains(e.Advice(), "Unicode form ("+form+")") != (form != "") {
				t.Errorf("%q %s: %v, hint %q, want %s and the form %q", name, how, err, e.Advice(), tasks.Missing, form)
			}
		}
	}
}
