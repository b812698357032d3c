package tasks_test

import (
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestParseSource(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]tasks.Source{
		"a.jpg":                       {Path: "a.jpg"},
		"./a//b/./c.jpg":              {Path: "a/b/c.jpg"},
		".":                           {Path: "."},
		"a..b/...":                    {Path: "a..b/..."},
		"封面 图.jpg":                    {Path: "封面 图.jpg"},
		"50%41.jpg":                   {Path: "50%41.jpg"},
		"a/b:c":                       {Path: "a/b:c"},
		"1:a":                         {Path: "1:a"},
		"file:IMG:1.jpg":              {Path: "IMG:1.jpg"},
		"file:a%FF%0Ab":               {Path: "a\xff\nb"},
		"file:///home/li#a.jpg":       {Root: "/home/li", Path: "a.jpg"},
		"file:///h%23#%23a":           {Root: "/h#", Path: "#a"},
		"file:///#.":                  {Root: "/", Path: "."},
		"s3://media/a b/c%41?x#y.jpg": {Bucket: "media", Path: "a b/c%41?x#y.jpg"},
		"s3://media/../x":             {Bucket: "media", Path: "../x"}, // a key is no path
		"s3://media":                  {Bucket: "media"},
	} {
		got, err := tasks.ParseSource(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	for text, want := range map[string]tasks.Code{
		"": tasks.Invalid, "http://h/a": tasks.Invalid, "C:\\a": tasks.Invalid, "FILE:a": tasks.Invalid, "S3://media/a": tasks.Invalid,
		"a\x00": tasks.Invalid, "a\xff": tasks.Invalid, "file:": tasks.Invalid, "file:%": tasks.Invalid, "file:a%00": tasks.Invalid,
		"file://host/a#b": tasks.Invalid, "file:///a": tasks.Invalid, "file:///a#": tasks.Invalid, "file:///a%#b": tasks.Invalid,
		"file:///a#%0": tasks.Invalid, "file:///a%00#b": tasks.Invalid, "s3://": tasks.Invalid, "s3://a/b": tasks.Invalid, "s3://me dia/b": tasks.Invalid,
		"s3://media/\x00": tasks.Invalid, "s3://media/\xff": tasks.Invalid,
		"/a": tasks.Denied, "..": tasks.Denied, "a/../b": tasks.Denied, "../a": tasks.Denied, "a/..": tasks.Denied, "file:/a": tasks.Denied,
		"file:%2e%2e/a": tasks.Denied, "file:..%2fa": tasks.Denied, "file:///a#../b": tasks.Denied, "file:///a#/b": tasks.Denied, "file:%2fa": tasks.Denied,
	} {
		if got, err := tasks.ParseSource(text); tasks.CodeOf(err) != want {
			t.Errorf("ParseSource(%q) = %+v, %v, want code %s", text, got, err, want)
		}
	}
}

func FuzzSource(f *testing.F) {
	for _, s := range []string{"a/b", "file:a%FF", "file:///a#b", "file:///h%23x#a", "s3://media/k", "IMG:1", "a\xff\n", "..", "%2e%2e/x", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, parse := range []func(string) (tasks.Source, error){tasks.ParseSource, tasks.PathSource} {
			src, err := parse(s)
			if err != nil {
				if code := tasks.CodeOf(err); code != tasks.Invalid && code != tasks.Denied {
					t.Fatalf("%q: code %s", s, code)
				}
				continue
			}
			text := src.String()
			again, err := tasks.ParseSource(text)
			if err != nil || again != src {
				t.Fatalf("%q is written %q, which is read as %+v, %v, want %+v", s, text, again, err, src)
			}
			if !utf8.ValidString(text) || !utf8.ValidString(src.Display()) {
				t.Fatalf("%q is written %q, shown %q: not UTF-8", s, text, src.Display())
			}
		}
	})
}
