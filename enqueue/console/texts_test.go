package console

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/lang"
)

// built are the texts whose names are put together: what may stand behind a prefix.
func built() map[string][]string {
	names := func(n int, f func(int) string) (out []string) {
		for i := range n {
			out = append(out, f(i))
		}
		return out
	}
	kinds := []string{"retry", "cancel"}
	deliveries := []string{"pending", "delivered", "failed", "disabled"}
	stretches := names(len(spans), func(i int) string { return spans[i].name })
	m := map[string][]string{
		"words.state_":  names(len(tasks.States), func(i int) string { return string(tasks.States[i]) }),
		"words.type_":   names(len(tasks.MediaTypes), func(i int) string { return string(tasks.MediaTypes[i]) }),
		"words.role_":   {"producer", "operator", "viewer"},
		"layout.theme_": {"auto", "light", "dark"},
		"overview.in_":  stretches, "chart.span_": stretches,
		"preview.title_": kinds, "preview.can_": kinds, "preview.do_": kinds, "action.title_": kinds,
		"accounts.token_": {"stable_token", "token", "static", "url", "command"}, "webhooks.health_": {"well", "failing", "disabled", "untried"},
		"media.is_": {"kept", "unkept", "soon"}, "media.done_": {"forgotten", "invalid", "renewing"},
		"action.state_": {"running", "done", "stopped"}, "batches.state_": {"open", "sealed", "complete"}, "webhooks.state_": deliveries,
	}
	for _, r := range rooms {
		m[r.Name+".title"] = []string{""}
	}
	return m
}

// Every text that a page names is there in both languages, and every text that is there is named.
func TestTexts(t *testing.T) {
	t.Parallel()
	there := map[string]map[lang.Language]any{}
	catalogs, err := lang.Catalogs(messages, "messages")
	if err != nil {
		t.Fatal(err)
	}
	for file, c := range catalogs {
		for key, langs := range c {
			there[file+"."+key] = langs
		}
	}
	used := map[string]bool{}
	for prefix, names := range built() {
		for _, n := range names {
			used[prefix+n] = true
		}
	}
	literal := regexp.MustCompile(`\b(?:t|th|text|html)(?:\(lang, |\(| )"([a-z]+\.[a-z_0-9]+)"|"(words\.[a-z]+)"`)
	for _, pattern := range []string{"*.go", "templates/*.html"} {
		sources, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, source := range sources {
			b, err := os.ReadFile(source)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(source, "_test.go") {
				continue
			}
			for _, m := range literal.FindAllStringSubmatch(string(b), -1) {
				if id := m[1] + m[2]; !strings.HasSuffix(id, "_") {
					used[id] = true
				}
			}
		}
	}
	for id, langs := range there {
		if !used[id] {
			t.Errorf("%s is used nowhere", id)
		}
		for _, l := range lang.Languages {
			if _, ok := langs[l]; !ok {
				t.Errorf("%s is missing in %s", id, l)
			}
		}
		for l := range langs {
			if !slices.Contains(lang.Languages[:], l) {
				t.Errorf("%s has a text in %q", id, l)
			}
		}
	}
	for id := range used {
		if there[id] == nil {
			t.Errorf("%s is missing", id)
		}
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]line{
		"":                                nil,
		"state:failed,canceled photo.jpg": {{"state", "failed,canceled"}, {"", "photo.jpg"}},
		`meta.order:8 source:"a b/*"`:     {{"meta.order", "8"}, {"source", "a b/*"}},
		"http://x state:":                 {{"", "http://x"}, {"", "state:"}},
	} {
		got := parseLine(text)
		if !slices.Equal(got, want) {
			t.Errorf("%q is %v", text, got)
		}
		if again := parseLine(got.String()); !slices.Equal(again, got) {
			t.Errorf("%q becomes %q", text, got)
		}
	}
	if l := parseLine("state:failed type:image").with("state", "queued"); l.String() != "type:image state:queued" {
		t.Errorf("%s", l)
	}
}

func TestOwnPath(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "/", "/uploads?q=a": "/uploads?q=a", "//evil.example": "/", "https://evil.example/": "/", `/\evil.example`: "/", "uploads": "/", "javascript:alert(1)": "/",
	} {
		if got := ownPath(in); got != want {
			t.Errorf("%q leads to %q", in, got)
		}
	}
}
