package config_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/config"
)

const module = "github.com/mediaferry/mediaferry/"

// program type-checks packages of this module from their sources. What they import from elsewhere is empty: it says
// nothing about settings.
type program struct {
	root  string
	fset  *token.FileSet
	info  *types.Info
	known map[string]*types.Package
}

func (p *program) Import(path string) (*types.Package, error) {
	if known := p.known[path]; known != nil {
		return known, nil
	}
	dir, ours := strings.CutPrefix(path, module)
	var files []*ast.File
	if ours {
		names, err := filepath.Glob(filepath.Join(p.root, dir, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(p.fset, name, nil, parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
	}
	checker := types.Config{Importer: p, Error: func(error) {}, FakeImportC: true}
	pkg, _ := checker.Check(path, p.fset, files, p.info) // what is missing is an error that does not matter
	pkg.MarkComplete()
	p.known[path] = pkg
	return pkg, nil
}

// readers returns the fields of Config and its sections that the program reads, as Section.Field. What config itself
// does with a field counts where it is a method that somebody outside calls.
func readers(t *testing.T) map[string]bool {
	t.Helper()
	p := &program{root: "..", fset: token.NewFileSet(), known: map[string]*types.Package{},
		info: &types.Info{Selections: map[*ast.SelectorExpr]*types.Selection{}}}
	err := filepath.WalkDir("../cmd/mediaferry", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || d.Name() == "testdata" {
			return err
		}
		dir, err := filepath.Rel("..", path)
		if err == nil {
			_, err = p.Import(module + filepath.ToSlash(dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	read, called, inMethod := map[string]bool{}, map[string]bool{}, map[string][]string{}
	for sel, s := range p.info.Selections {
		named, ok := deref(s.Recv()).(*types.Named)
		if !ok || named.Obj().Pkg() == nil || named.Obj().Pkg().Path() != module+"config" {
			continue
		}
		file := p.fset.Position(sel.Pos()).Filename
		inside := filepath.Base(filepath.Dir(file)) == "config"
		name := named.Obj().Name() + "." + s.Obj().Name()
		switch {
		case s.Kind() != types.FieldVal && !inside:
			called[s.Obj().Name()] = true
		case s.Kind() == types.FieldVal && !inside:
			read[name] = true
		case s.Kind() == types.FieldVal:
			method := p.enclosing(sel.Pos())
			inMethod[method] = append(inMethod[method], name)
		}
	}
	// These look at each field to judge it or to print it.
	for _, all := range []string{"Check", "Warnings", "YAML"} {
		delete(called, all)
	}
	for method := range called {
		for _, name := range inMethod[method] {
			read[name] = true
		}
	}
	return read
}

func deref(t types.Type) types.Type {
	if p, ok := t.(*types.Pointer); ok {
		return p.Elem()
	}
	return t
}

// enclosing returns the name of config's function that pos is in.
func (p *program) enclosing(pos token.Pos) string {
	scope := p.known[module+"config"].Scope()
	for _, name := range scope.Names() {
		if named, ok := scope.Lookup(name).Type().(*types.Named); ok {
			for m := range named.Methods() {
				if m.Scope() != nil && m.Scope().Contains(pos) {
					return m.Name()
				}
			}
		}
	}
	return ""
}

// No setting is without effect: the program reads each of them outside of this package.
func TestEverySettingIsRead(t *testing.T) {
	t.Parallel()
	read := readers(t)
	var look func(reflect.Type, string)
	look = func(section reflect.Type, path string) {
		for f := range section.Fields() {
			if !f.IsExported() {
				continue
			}
			here := strings.TrimPrefix(path+"."+f.Tag.Get("koanf"), ".")
			if !read[section.Name()+"."+f.Name] {
				t.Errorf("nothing reads %s", here)
			}
			switch {
			case f.Type.Kind() == reflect.Struct:
				look(f.Type, here)
			case f.Type.Kind() == reflect.Map && f.Type.Elem().Kind() == reflect.Struct:
				look(f.Type.Elem(), here+".NAME")
			}
		}
	}
	look(reflect.TypeFor[config.Config](), "")
}
