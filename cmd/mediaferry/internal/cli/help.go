package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
)

// speak gives the whole tree the help texts of the reader's language. The English ones stand in the commands themselves.
func (a *app) speak(root *cobra.Command) error {
	if a.words.English() {
		return nil
	}
	shared, err := words.ReadHelp(root.Name())
	if err != nil {
		return err
	}
	root.InitDefaultHelpCmd()
	root.InitDefaultVersionFlag()
	root.SetUsageTemplate(inWords(root.UsageTemplate(), shared.Template))
	retell(root, shared)
	for _, c := range root.Commands() {
		h, err := words.ReadHelp(c.Name())
		if errors.Is(err, fs.ErrNotExist) { // a test fails for it; people get it in English
			continue
		}
		if err != nil {
			return fmt.Errorf("help of %s: %w", c.Name(), err)
		}
		retell(c, h)
	}
	describeHelpFlags(root, shared.Flags["help"])
	return nil
}

// retell puts the texts of h into a command and those below it. What h lacks stays in English.
func retell(c *cobra.Command, h words.Help) {
	c.Short = cmp.Or(h.Short, c.Short)
	c.Long = cmp.Or(h.Long, c.Long)
	c.Example = cmp.Or(h.Example, c.Example)
	c.LocalFlags().VisitAll(func(f *pflag.Flag) { f.Usage = cmp.Or(h.Flags[f.Name], f.Usage) })
	for _, sub := range c.Commands() {
		retell(sub, h.Below[sub.Name()])
	}
}

// describeHelpFlags makes the --help of every command before cobra does, which would call it by its English name.
func describeHelpFlags(c *cobra.Command, usage string) {
	c.InitDefaultHelpFlag()
	c.Flags().Lookup("help").Usage = usage
	for _, sub := range c.Commands() {
		describeHelpFlags(sub, usage)
	}
}

// inWords puts the words of cobra's template for usage into another language.
func inWords(template string, english map[string]string) string {
	longestFirst := func(a, b string) int { return cmp.Compare(len(b), len(a)) } // "Global Flags:" before "Flags:"
	for _, from := range slices.SortedFunc(maps.Keys(english), longestFirst) {
		template = strings.ReplaceAll(template, from, english[from])
	}
	return template
}
