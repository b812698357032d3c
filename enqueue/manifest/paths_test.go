package manifest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
)

func TestReadPaths(t *testing.T) {
	t.Parallel()
	located := func(p string) (string, error) {
		if p == "none" {
			return "", &tasks.Error{Code: tasks.Missing, Op: "locate", Err: errors.New(p)}
		}
		return "file:///home#" + p, nil
	}
	for name, c := range map[string]struct {
		list string
		o    manifest.Options
		want []string
	}{
		"lines":       {"a.jpg\r\n\nb c/封面.jpg\n s3:/x\nlast", manifest.Options{}, []string{"1 a.jpg", "3 b c/封面.jpg", "4  s3:/x", "5 last"}},
		"NUL":         {"a\nb\x00\x00c\r\x00\xff\xfe.jpg", manifest.Options{NUL: true}, []string{"1 a\nb", "3 c\r", "4 file:%FF%FE.jpg"}},
		"not UTF-8":   {"\xff\xfe.jpg\n", manifest.Options{}, []string{"1 file:%FF%FE.jpg"}},
		"bucket":      {"s3://media/a\ns3://x\n", manifest.Options{}, []string{"1 s3://media/a", "2 invalid"}},
		"out":         {"../a\n/etc/passwd\nok\n", manifest.Options{}, []string{"1 denied", "2 denied", "3 ok"}},
		"NUL as line": {"a\x00b\nok", manifest.Options{}, []string{"1 invalid", "2 ok"}},
		"located":     {"a\nnone\n/b\n", manifest.Options{Locate: located}, []string{"1 file:///home#a", "2 missing", "3 file:///home#/b"}},
		"too long":    {strings.Repeat("x", 70_000) + "\nok", manifest.Options{}, []string{"1 invalid", "2 ok"}},
		"far too":     {strings.Repeat("x", 700_000) + "\nok", manifest.Options{}, []string{"1 invalid", "2 ok"}},
		"empty":       {"", manifest.Options{}, nil},
	} {
		var got []string
		for r := range manifest.ReadPaths(strings.NewReader(c.list), c.o) {
			if r.Err == nil {
				got = append(got, fmt.Sprint(r.Line, " ", r.Upload.Source))
			} else {
				got = append(got, fmt.Sprint(r.Line, " ", r.Err.Code))
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
