package tasks_test

import (
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestGlob(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		glob, source string
		want         bool
	}{
		{"", "a.jpg", true},
		{"*.jpg", "2026/a.jpg", true},
		{"*.jpg", "2026/a.jpg.txt", false},
		{"?.jpg", "2026/ab.jpg", false},
		{"?.jpg", "产品/图.jpg", true},
		{"2026/*.jpg", "2026/a.jpg", true},
		{"2026/*.jpg", "2026/11/a.jpg", false},
		{"2026/**", "2026/11/a.jpg", true},
		{"2026/**/a.jpg", "2026/a.jpg", true},
		{"2026/**/a.jpg", "2026/11/22/a.jpg", true},
		{"2026/**/a.jpg", "2026/11/ba.jpg", false},
		{"2026/a+(1).jpg", "2026/a+(1).jpg", true},
		{"2026/*", "file:2026/a%0Ab.jpg", true},
		{"/home/li/**", "file:///home/li/photos#sub/a.jpg", true},
		{"sub/*", "file:///home/li/photos#sub/a.jpg", true},
		{"photos/*.jpg", "file:///home/li/photos#a.jpg", true},
		{"photos/*.jpg", "file:///home/li/old-photos#a.jpg", false},
		{"photos/*.jpg", "2026/photos/a.jpg", false},
		{"*.jpg", "file:///home/li/photos#sub/a.jpg", true},
		{"s3://media/2026/*", "s3://media/2026/a.jpg", true},
		{"s3://media/2026/*", "s3://other/2026/a.jpg", false},
	} {
		g, err := tasks.ParseGlob(tc.glob)
		if err != nil {
			t.Errorf("%q: %v", tc.glob, err)
		}
		if got := g.Match(tc.source); got != tc.want {
			t.Errorf("%q matches %q: %v, want %v", tc.glob, tc.source, got, tc.want)
		}
	}
	if _, err := tasks.ParseGlob(strings.Repeat("x", tasks.MaxGlob+1)); tasks.CodeOf(err) != tasks.Invalid {
		t.Errorf("an endless pattern: %v, want Invalid", err)
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("2026/**/[a]?.jpg", "2026/[a]b.jpg")
	f.Add("**", "s3://media/a")
	f.Fuzz(func(t *testing.T, pattern, source string) {
		g, err := tasks.ParseGlob(pattern)
		if err != nil {
			return
		}
		g.Match(source)
		src, err := tasks.ParseSource(source)
		if err != nil || strings.ContainsAny(source, "*?") || src.Path == "" {
			return
		}
		own, err := tasks.ParseGlob(src.Path)
		if err == nil && src.Bucket == "" && !strings.ContainsAny(src.Path, "*?") && !own.Match(source) {
			t.Errorf("%q does not match itself", source)
		}
	})
}

// A pattern costs no more than sixteen wildcards do, however it is written.
func TestGlobBounds(t *testing.T) {
	t.Parallel()
	for pattern, ok := range map[string]bool{
		strings.Repeat("**/", 340):                     true, // one
		strings.Repeat("**/", 339) + "*.jpg":           true,
		strings.Repeat("*/", 16) + "a":                 true,
		strings.Repeat("*/", 17) + "a":                 false,
		strings.Repeat("**/a/", 17):                    false,
		strings.Repeat("?", 17):                        false,
		strings.Repeat("*", 500):                       true,
		"a" + strings.Repeat("*a", tasks.MaxWildcards): true,
	} {
		if _, err := tasks.ParseGlob(pattern); (err == nil) != ok {
			t.Errorf("%.40q…: %v", pattern, err)
		}
	}
	g, err := tasks.ParseGlob("**/**/**/*.jpg")
	if err != nil || !g.Match("a/b/c.jpg") || !g.Match("c.jpg") || g.Match("c.png") {
		t.Errorf("repeated wildcards match otherwise, %v", err)
	}
}
