package cli

import (
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// dashed is an argument that begins with a dash and is no flag: an errcode, or a media_id of WeChat, which has 64
// characters or more.
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
		if dashed.MatchString(arg) && !isFlag(cmd, arg) && (i == 0 || !takesValue(cmd, args[i-1])) {
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
	f := cmd.Flags().ShorthandLookup(arg[len(arg)-1:])
	return f != nil && f.NoOptDefVal == ""
}
