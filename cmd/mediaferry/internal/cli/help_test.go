package cli

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks/lang"
)

// TestHelp holds every command to what people look for in its help.
func TestHelp(t *testing.T) {
	t.Parallel()
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Name() == "help" {
			return // cobra's own
		}
		if c.Short == "" || !strings.Contains(c.Example, c.CommandPath()) {
			t.Errorf("%s has no example of its own", c.CommandPath())
		}
		if c.HasParent() && !strings.Contains(c.Long, "Exit codes") {
			t.Errorf("%s does not list its exit codes", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit((&app{}).rootCommand())
}

// TestHelpInChinese holds the catalogs of help to the commands: every text that a command has in English has its Chinese,
// and no Chinese text belongs to nothing.
func TestHelpInChinese(t *testing.T) {
	t.Parallel()
	root := (&app{}).rootCommand()
	h := readHelp(t, root.Name())
	for name := range h.Template {
		if !strings.Contains(root.UsageTemplate(), name) {
			t.Errorf("%s: cobra's template has no %q", words.HelpFile(root.Name()), name)
		}
	}
	delete(h.Flags, "help") // cobra makes it
	delete(h.Flags, "version")
	sameHelp(t, words.HelpFile(root.Name()), "", root, h)
	for _, c := range root.Commands() {
		if c.Name() != "help" && c.Name() != "completion" { // cobra's own have their short text only
			checkHelp(t, words.HelpFile(c.Name()), "", c, readHelp(t, c.Name()))
		}
	}
}

func readHelp(t *testing.T, command string) words.Help {
	t.Helper()
	h, err := words.ReadHelp(command)
	if err != nil {
		t.Errorf("%s has no Chinese help: add cmd/mediaferry/internal/words/%s (%v)", command, words.HelpFile(command), err)
	}
	return h
}

// checkHelp looks at a command and those below it. key is where its texts stand in the file.
func checkHelp(t *testing.T, file, key string, c *cobra.Command, h words.Help) {
	t.Helper()
	sameHelp(t, file, key, c, h)
	below := map[string]bool{}
	for _, sub := range c.Commands() {
		below[sub.Name()] = true
		checkHelp(t, file, key+"commands."+sub.Name()+".", sub, h.Below[sub.Name()])
	}
	for name := range h.Below {
		if !below[name] {
			t.Errorf("%s: %scommands.%s is no command", file, key, name)
		}
	}
}

func sameHelp(t *testing.T, file, key string, c *cobra.Command, h words.Help) {
	t.Helper()
	missing := func(what string) {
		t.Helper()
		t.Errorf("%s%s is missing: add the Chinese of %q to cmd/mediaferry/internal/words/%s", key, what, c.CommandPath(), file)
	}
	if h.Short == "" {
		missing("short")
	}
	own, _, _ := strings.Cut(c.Long, "\n\nExit codes")
	if plain := own == c.Short+"."; !plain && h.Long == "" {
		missing("long")
	}
	if h.Example == "" && strings.Contains(c.Example, "   ") && (!c.HasParent() || !strings.Contains(c.Parent().Example, c.Example)) {
		for line := range strings.Lines(c.Example) {
			if comment.MatchString(line) {
				missing("example")
				break
			}
		}
	}
	if h.Example != "" && !slices.Equal(commandsIn(h.Example), commandsIn(c.Example)) {
		t.Errorf("%s: %sexample has the commands %q, in English %q", file, key, commandsIn(h.Example), commandsIn(c.Example))
	}
	known := map[string]bool{}
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		known[f.Name] = true
		if f.Name == "help" || f.Name == "version" {
			return
		}
		if h.Flags[f.Name] == "" {
			missing("flags." + f.Name)
		} else if strings.Count(h.Flags[f.Name], "`") != strings.Count(f.Usage, "`") {
			t.Errorf("%s: %sflags.%s names its value in one language only, between backquotes", file, key, f.Name)
		}
	})
	for name := range h.Flags {
		if !known[name] {
			t.Errorf("%s: %sflags.%s is no flag of %s", file, key, name, c.CommandPath())
		}
	}
}

// comment is what stands beside the command of an example.
var comment = regexp.MustCompile(`^ +\S.*?( {3,}\S.*)$`)

// commandsIn are the commands of an example, without the words beside them.
func commandsIn(example string) (all []string) {
	for line := range strings.Lines(example) {
		line = strings.TrimRight(line, "\n")
		if m := comment.FindStringSubmatchIndex(line); m != nil {
			line = line[:m[2]]
		}
		all = append(all, strings.TrimSpace(line))
	}
	return all
}

// The help of every command is Chinese throughout, but for its commands, flags and values.
func TestHelpIsSpoken(t *testing.T) {
	t.Parallel()
	zh, err := words.New(lang.Chinese, nil)
	if err != nil {
		t.Fatal(err)
	}
	root := (&app{words: zh}).rootCommand()
	for _, c := range root.Commands() {
		var b strings.Builder
		c.SetOut(&b)
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
		for _, english := range []string{"Usage:", "Flags:", "Examples:", "Exit codes", "help for", "settings file"} {
			if c.Name() != "completion" && c.Name() != "help" && strings.Contains(b.String(), english) {
				t.Errorf("the help of %s says %q:\n%s", c.Name(), english, b.String())
			}
		}
	}
}
