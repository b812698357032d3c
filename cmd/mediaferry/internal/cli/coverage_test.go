package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mediaferry/mediaferry/tasks"
)

// TestEveryCommandAndFlagIsUsed holds the end-to-end tests to the promise that every command and every flag is used by
// one of them: by a line of a script that is no mistake of usage, or by a command line that a Go test runs.
func TestEveryCommandAndFlagIsUsed(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, line := range append(scriptLines(t), testLines(t)...) {
		note(line, used)
	}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Name() != "help" && !used[c.CommandPath()] {
			t.Errorf("no end-to-end test runs %s", c.CommandPath())
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if name := c.CommandPath() + " --" + f.Name; f.Name != "help" && !used[name] {
				t.Errorf("no end-to-end test uses %s", name)
			}
		})
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newTree())
}

// newTree is the whole tree of commands, cobra's own completion among them.
func newTree() *cobra.Command {
	root := (&app{}).rootCommand()
	root.SetOut(io.Discard)
	return root
}

// note marks the command that a line runs, and its flags, as used.
func note(line []string, used map[string]bool) {
	c, rest, err := newTree().Find(line)
	if err != nil || c.ParseFlags(rest) != nil {
		return
	}
	used[c.CommandPath()] = true
	c.Flags().Visit(func(f *pflag.Flag) {
		owner := c
		for owner.HasParent() && owner.LocalFlags().Lookup(f.Name) == nil {
			owner = owner.Parent()
		}
		used[owner.CommandPath()+" --"+f.Name] = true
	})
}

// scriptLines are the command lines of the scripts, but for those that are meant as mistakes.
func scriptLines(t *testing.T) [][]string {
	t.Helper()
	files, err := filepath.Glob("../../testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	var lines [][]string
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			words := shellWords(line)
			if len(words) < 2 {
				continue
			}
			ends := words[0] == "exits" && words[1] != strconv.Itoa(tasks.ExitUsage)
			if ends || words[0] == "exec" && words[1] == "mediaferry" {
				lines = append(lines, words[2:])
			}
		}
	}
	return lines
}

// shellWords splits a line as testscript does: at spaces, but not within single quotes.
func shellWords(line string) []string {
	var words []string
	for i, part := range strings.Split(strings.TrimSpace(line), "'") {
		if i%2 == 1 {
			words = append(words, part)
			continue
		}
		words = append(words, strings.Fields(part)...)
	}
	return words
}

// testLines are the command lines that Go tests run or start, as far as they stand in the call itself; an argument
// that does not is taken for a 1, which most flags take.
func testLines(t *testing.T) [][]string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*_test.go", "../../*_test.go"} {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, matches...)
	}
	var lines [][]string
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, is := n.(*ast.CallExpr); is {
				if line := commandLine(call); line != nil {
					lines = append(lines, line)
				}
			}
			return true
		})
	}
	return lines
}

// commandLine are the arguments of g.Run or g.Start; nil for any other call.
func commandLine(call *ast.CallExpr) []string {
	method, is := call.Fun.(*ast.SelectorExpr)
	if !is || method.Sel.Name != "Run" && method.Sel.Name != "Start" {
		return nil
	}
	var line []string
	for i, arg := range call.Args {
		word := "1"
		if literal, is := arg.(*ast.BasicLit); is {
			word, _ = strconv.Unquote(literal.Value) // the compiler took it
		} else if i == 0 {
			return nil
		}
		line = append(line, word)
	}
	return line
}
