package words

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/lang"
)

// rooms are the packages that say something to people.
var rooms = []string{".", "../cli", "../output", "../follow", "../intake"}

// built are the texts whose names are put together: what may stand behind a prefix.
func built() map[string][]string {
	kinds := []string{string(tasks.ActionRetry), string(tasks.ActionCancel)}
	return map[string][]string{
		"action.kind_": kinds, "action.preview_": kinds, "action.ask_": kinds, "action.goes_on_": kinds, "action.stopped_": kinds,
		"action.state_":  {string(tasks.ActionRunning), string(tasks.ActionDone), string(tasks.ActionStopped)},
		"media.verdict_": {"alive", "ended", "gone_early", "alive_after_end", "other_size", "unknown"},
		"dryrun.would_":  {"uploaded", "reused", "refused"},
		"keys.role_":     {string(tasks.RoleProducer), string(tasks.RoleOperator), string(tasks.RoleViewer)},
		"webhook.state_": {string(tasks.Pending), string(tasks.Delivered), string(tasks.GivenUp), string(tasks.Disabled)},
	}
}

// Every text that the code names is there in both languages, and every text that is there is named.
func TestTexts(t *testing.T) {
	t.Parallel()
	catalogs, err := lang.Catalogs(files, "messages")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]string{} // by text: where
	for prefix, ends := range built() {
		for _, end := range ends {
			used[prefix+end] = "built"
		}
	}
	for _, file := range sources(t) {
		named(t, file, catalogs, used)
	}
	for id, where := range used {
		file, key, _ := strings.Cut(id, ".")
		texts := catalogs[file][key]
		if texts == nil {
			t.Errorf("%s, which %s names, is missing: add it in English and Chinese to cmd/mediaferry/internal/words/messages/%s.yaml", id, where, file)
			continue
		}
		for _, l := range lang.Languages {
			if texts[l] == nil && (l != lang.English || file != "headings") { // whose English stands in the code
				t.Errorf("%s has no text in %s: add it to cmd/mediaferry/internal/words/messages/%s.yaml", id, l, file)
			}
		}
	}
	for file, c := range catalogs {
		for key, texts := range c {
			if used[file+"."+key] == "" {
				t.Errorf("%s.%s in cmd/mediaferry/internal/words/messages/%s.yaml is used by nobody", file, key, file)
			}
			sameValues(t, file+"."+key, texts)
		}
	}
}

// sources are the files of the rooms, without their tests.
func sources(t *testing.T) (all []string) {
	t.Helper()
	for _, room := range rooms {
		files, err := filepath.Glob(room + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") })...)
	}
	return all
}

// id is how the name of a text looks.
var id = regexp.MustCompile(`^([a-z]+)\.[a-z_0-9]+$`)

// named notes the texts that a source names: literals that begin with the name of a catalog, literals where a text is
// asked for, headings, and the checks of the doctor.
func named(t *testing.T, source string, catalogs map[string]lang.Catalog, used map[string]string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			text, err := strconv.Unquote(n.Value)
			m := id.FindStringSubmatch(text)
			if n.Kind == token.STRING && err == nil && m != nil && catalogs[m[1]] != nil && !strings.HasSuffix(text, "_") {
				used[text] = source
			}
		case *ast.ValueSpec:
			if len(n.Names) == 1 && n.Names[0].Name == "check" && len(n.Values) == 1 {
				if text, is := literal(n.Values[0]); is {
					used["doctor.check_"+strings.ReplaceAll(text, " ", "_")] = source
				}
			}
		case *ast.CallExpr:
			for _, text := range asked(n) {
				used[text] = source
			}
		}
		return true
	})
}

// asked are the texts that a call asks for in so many words.
func asked(call *ast.CallExpr) (all []string) {
	var name string
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
	}
	at := map[string]int{"t": 0, "T": 0, "say": 0, "Fail": 0, "advise": 0, "wrapped": 1, "good": 1}
	if i, is := at[name]; is && len(call.Args) > i {
		if text, is := literal(call.Args[i]); is && !strings.HasSuffix(text, "_") && !strings.HasSuffix(text, ".") {
			all = append(all, text)
		}
	}
	if (name == "good" || name == "bad") && len(call.Args) > 1 {
		if text, is := literal(call.Args[0]); is {
			all = append(all, "doctor.check_"+strings.ReplaceAll(text, " ", "_"))
		}
	}
	if name == "Headings" {
		for _, arg := range call.Args {
			if text, is := literal(arg); is && text != "" {
				all = append(all, "headings."+text)
			}
		}
	}
	return all
}

func literal(e ast.Expr) (string, bool) {
	l, is := e.(*ast.BasicLit)
	if !is || l.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(l.Value)
	return text, err == nil
}

var value = regexp.MustCompile(`{{\.(\w+)}}`)

// sameValues holds the languages of a text to the same values: one that is missing would hide what the other tells.
func sameValues(t *testing.T, id string, texts map[lang.Language]any) {
	t.Helper()
	if texts[lang.English] == nil {
		return
	}
	values := map[lang.Language][]string{}
	for l, text := range texts {
		for _, m := range value.FindAllStringSubmatch(flat(text), -1) {
			values[l] = append(values[l], m[1])
		}
		slices.Sort(values[l])
		values[l] = slices.Compact(values[l])
	}
	if !slices.Equal(values[lang.English], values[lang.Chinese]) {
		t.Errorf("%s has the values %v in English and %v in Chinese", id, values[lang.English], values[lang.Chinese])
	}
}

// flat is a text with all of its plural forms.
func flat(text any) string {
	switch text := text.(type) {
	case string:
		return text
	case map[string]any:
		all := ""
		for _, form := range text {
			all += flat(form) + "\n"
		}
		return all
	}
	return ""
}

func TestPlurals(t *testing.T) {
	t.Parallel()
	zh, err := New(lang.Chinese, nil)
	if err != nil {
		t.Fatal(err)
	}
	var en *Words
	for n, want := range map[int][2]string{
		1: {"1 waits: busy", "1 个在等待：busy"},
		3: {"3 wait: busy", "3 个在等待：busy"},
	} {
		args := []any{"Count", n, "Why", "busy", "Next", ""}
		if got := [2]string{en.T("waiting.all", args...), zh.T("waiting.all", args...)}; got != want {
			t.Errorf("%d is said %q, want %q", n, got, want)
		}
	}
}

// Each file of help belongs to a command: package cli looks what is in it.
func TestHelpFilesAreRead(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(files, "help/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		if _, err := ReadHelp(strings.TrimSuffix(filepath.Base(name), ".yaml")); err != nil {
			t.Error(err)
		}
	}
}
