package manifest_test

import (
	"bytes"
	"iter"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/mediaferry/mediaferry/enqueue/manifest"
)

// A manifest says the same in GBK as in UTF-8.
func FuzzGBK(f *testing.F) {
	for _, s := range []string{
		"path,meta.备注\n图片/封面.jpg,第一张\n", "path\n\"图\n片\"\n", "路径\n", "path\n图|片\\,~.jpg\n", "path;id\n丂;㐀\n", "path\n\U00020000€.jpg",
		`{"source":"图片/封面.jpg","type":"image"}` + "\n" + `{"source":"丂\\"}`, "图/片.jpg\n\n", "\ufeffpath\na\n", "path\n\u0080\ue000\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError) { // which stands for what was no GBK, and is refused
			return
		}
		encoded, err := simplifiedchinese.GB18030.NewEncoder().String(s)
		if err != nil {
			return
		}
		if back, err := simplifiedchinese.GB18030.NewDecoder().String(encoded); err != nil || back != s {
			return // the two tables of the encoding do not agree on every character
		}
		for name, read := range map[string]func(r *bytes.Reader, o manifest.Options) iter.Seq[manifest.Row]{
			"CSV":   func(r *bytes.Reader, o manifest.Options) iter.Seq[manifest.Row] { return manifest.ReadCSV(r, o) },
			"JSONL": func(r *bytes.Reader, o manifest.Options) iter.Seq[manifest.Row] { return manifest.ReadJSONL(r, o) },
			"paths": func(r *bytes.Reader, o manifest.Options) iter.Seq[manifest.Row] { return manifest.ReadPaths(r, o) },
		} {
			want, wantRefused := summary(read(bytes.NewReader([]byte(s)), manifest.Options{}))
			got, gotRefused := summary(read(bytes.NewReader([]byte(encoded)), manifest.Options{GBK: true}))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s of %q (-UTF-8 +GBK):\n%s", name, s, diff)
			}
			if len(wantRefused) != len(gotRefused) {
				t.Errorf("%s of %q: refused %q in UTF-8, and %q in GBK", name, s, wantRefused, gotRefused)
			}
		}
	})
}
