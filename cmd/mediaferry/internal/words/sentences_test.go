package words

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/mediaferry/mediaferry/tasks/lang"
)

// roots are the folders whose sentences people read.
var roots = []string{"tasks", "config", "enqueue", "worker", "cmd/mediaferry"}

// said are the sentences in the code, by the place where one stands: the formats of tasks.Textf, of errors that are known by
// their whole text, and of what hands its format on to Textf, and the hints.
type said map[string]string

// Each sentence that a package says in English has its Chinese, with the same values, and no catalog has one that nobody says.
func TestSentences(t *testing.T) {
	t.Parallel()
	all, maybe := said{}, said{}
	for _, root := range roots {
		err := filepath.WalkDir(filepath.Join("../../../..", root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			if strings.HasSuffix(path, "test") || d.Name() == "testdata" {
				return fs.SkipDir
			}
			read(t, path, all, maybe)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	reasons, err := lang.NewReasons(nil)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for english, chinese := range reasons.Sentences(lang.Chinese) {
		known[english] = true
		if all[english] == "" && maybe[english] == "" {
			t.Errorf("%q in tasks/lang/sentences is said by nobody", english)
		}
		if lang.VerbsOf(english) != lang.VerbsOf(chinese) {
			t.Errorf("%q has other values in Chinese: %q", english, chinese)
		}
	}
	for _, english := range slices.Sorted(keysOf(all)) {
		if !known[english] && hasWords(english) {
			t.Errorf("%s: %q has no Chinese: add it to a file of tasks/lang/sentences", all[english], english)
		}
	}
}

func keysOf(s said) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range s {
			if !yield(k) {
				return
			}
		}
	}
}

// verbs are the values of a format.
var verbs = regexp.MustCompile(`%[-+# 0]*[0-9]*(\.[0-9]+)?(\[[0-9]+\])?[a-zA-Z%]`)

// hasWords reports whether a format says something itself, and not only what its values say.
func hasWords(format string) bool {
	return strings.ContainsFunc(verbs.ReplaceAllString(format, ""), unicode.IsLetter)
}

// read gathers what the files of a folder say. maybe are all their other texts: a catalog may have them, too.
func read(t *testing.T, folder string, all, maybe said) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	p := pkg{consts: map[string]string{}, hands: map[string]int{"Textf": 0, "Advise": 0, "Usagef": 0}}
	for _, f := range files {
		p.learn(f)
	}
	for range 3 { // what hands on to what hands on
		for _, f := range files {
			p.learnHands(f)
		}
	}
	for i, f := range files {
		p.gather(f, names[i], all, maybe)
	}
}

// pkg is what is known of a package.
type pkg struct {
	consts map[string]string
	hands  map[string]int // functions that hand a parameter, of this index, on to Textf
}

func (p pkg) learn(f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		if s, is := n.(*ast.ValueSpec); is && len(s.Names) == len(s.Values) {
			for i, v := range s.Values {
				if text, is := p.text(v); is {
					p.consts[s.Names[i].Name] = text
				}
			}
		}
		return true
	})
}

// text is the value of a text that is known when the program is compiled.
func (p pkg) text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		a, isA := p.text(e.X)
		b, isB := p.text(e.Y)
		return a + b, isA && isB && e.Op == token.ADD
	case *ast.Ident:
		text, is := p.consts[e.Name]
		return text, is
	}
	return literal(e)
}

// learnHands learns the functions, and the closures that have a name.
func (p pkg) learnHands(f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Body != nil {
				p.handsOn(n.Name.Name, n.Type, n.Body)
			}
		case *ast.AssignStmt:
			for i, v := range n.Rhs {
				if closure, is := v.(*ast.FuncLit); is && i < len(n.Lhs) {
					if name, is := n.Lhs[i].(*ast.Ident); is {
						p.handsOn(name.Name, closure.Type, closure.Body)
					}
				}
			}
		}
		return true
	})
}

func (p pkg) handsOn(name string, typ *ast.FuncType, body *ast.BlockStmt) {
	index, at := map[string]int{}, 0
	for _, field := range typ.Params.List {
		for _, param := range field.Names {
			index[param.Name] = at
			at++
		}
	}
	ast.Inspect(body, func(n ast.Node) bool {
		call, is := n.(*ast.CallExpr)
		if !is {
			return true
		}
		i, hands := p.hands[called(call)]
		if !hands || i >= len(call.Args) {
			return true
		}
		if arg, is := call.Args[i].(*ast.Ident); is {
			if own, is := index[arg.Name]; is && p.consts[arg.Name] == "" {
				p.hands[name] = own
			}
		}
		return true
	})
}

func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

func (p pkg) gather(f *ast.File, name string, all, maybe said) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if i, hands := p.hands[called(n)]; hands && i < len(n.Args) {
				if text, is := p.text(n.Args[i]); is && !strings.HasPrefix(text, "panic: ") { // a stack is for those who mend it
					all[text] = name
				}
			}
		case *ast.KeyValueExpr:
			if key, is := n.Key.(*ast.Ident); is && (key.Name == "Hint" || key.Name == "hint" || key.Name == "what" && strings.HasSuffix(filepath.Dir(name), "/check")) {
				if text, is := p.text(n.Value); is && text != "" {
					all[text] = name
				}
			}
		case *ast.Field:
			for _, text := range settingTexts(n) {
				if maybe[text] = name; strings.Contains(text, " ") { // another is a value
					all[text] = name
				}
			}
		case ast.Expr:
			if text, is := p.text(n); is {
				maybe[text] = name
			}
		}
		return true
	})
}

// settingTexts are what the tags of a setting say to people.
func settingTexts(f *ast.Field) []string {
	if f.Tag == nil {
		return nil
	}
	text, _ := literal(f.Tag)
	tag := reflect.StructTag(text)
	if tag.Get("koanf") == "" {
		return nil
	}
	return slices.DeleteFunc([]string{tag.Get("doc"), tag.Get("unset")}, func(s string) bool { return s == "" })
}
