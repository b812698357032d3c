package cli

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// dashed is an argument that begins with a dash and is no flag whatever a command has: an errcode, or a media_id of WeChat,
// which has 64 characters or more.
var dashed = regexp.MustCompile(`^-(\d+|[0-9A-Za-z_-]{31,})$`)

// shieldIDs moves arguments that begin with a dash and are no flags behind a "--", so that people need not.
func shieldIDs(root *cobra.Command, args []string) []string {
	if slices.Contains(args, "--") {
		return args
	}
	cmd, _, err := root.Find(args)
	if err != nil || cmd.ValidArgsFunction == nil { // commands that name things complete them
		return args
	}
	var kept, shielded []string
	for i, arg := range args {
		if (dashed.MatchString(arg) && !isFlag(cmd, arg) || names(cmd, arg)) && (i == 0 || !takesValue(cmd, args[i-1])) {
			shielded = append(shielded, arg)
			continue
		}
		kept = append(kept, arg)
	}
	if len(shielded) == 0 {
		return args
	}
	return append(append(kept, "--"), shielded...)
}

// names reports whether an argument with one dash can only be a name: it is too long for one short flag, does not begin with
// any, and is no long flag that lost a dash.
func names(cmd *cobra.Command, arg string) bool {
	if len(arg) < 3 || arg[0] != '-' || arg[1] == '-' {
		return false
	}
	name, _, _ := strings.Cut(arg[1:], "=")
	return cmd.Flag(name) == nil && (arg[1] >= utf8.RuneSelf || shorthand(cmd, arg[1:2]) == nil)
}

func shorthand(cmd *cobra.Command, letter string) *pflag.Flag {
	if f := cmd.Flags().ShorthandLookup(letter); f != nil {
		return f
	}
	return cmd.InheritedFlags().ShorthandLookup(letter)
}

func isFlag(cmd *cobra.Command, arg string) bool {
	name, long := strings.CutPrefix(arg, "--")
	name, _, _ = strings.Cut(name, "=")
	return long && cmd.Flag(name) != nil
}

// takesValue reports whether an argument is a flag whose value is the next argument.
func takesValue(cmd *cobra.Command, arg string) bool {
	name, long := strings.CutPrefix(arg, "--")
	if long {
		f := cmd.Flag(name)
		return f != nil && f.NoOptDefVal == ""
	}
	if len(arg) < 2 || arg[0] != '-' {
		return false
	}
	f := shorthand(cmd, arg[len(arg)-1:])
	return f != nil && f.NoOptDefVal == ""
}
