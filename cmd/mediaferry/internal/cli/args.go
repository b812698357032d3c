package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/tasks"
)

// noArgs, oneArg and someArgs (at least one) are cobra's, with texts that have other languages.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return tasks.Textf("unknown command %q for %q", args[0], cmd.CommandPath())
	}
	return nil
}

func oneArg(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return tasks.Textf("accepts %d arg(s), received %d", 1, len(args))
	}
	return nil
}

func someArgs(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return tasks.Textf("requires at least %d arg(s), only received %d", 1, 0)
	}
	return nil
}

// usageArgs makes what check says a mistake of usage.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		err := check(cmd, args)
		if err == nil {
			return nil
		}
		if similar := similarCommands(cmd, args); similar != "" {
			return exit.Usagef("%w: did you mean %s?; see %s --help", err, similar, cmd.CommandPath())
		}
		return exit.Usagef("%w; see %s --help", err, cmd.CommandPath())
	}
}

// similarCommands names the subcommands that a mistyped one may have meant.
func similarCommands(cmd *cobra.Command, args []string) string {
	if !cmd.HasSubCommands() || len(args) == 0 {
		return ""
	}
	cmd.SuggestionsMinimumDistance = cmd.Root().SuggestionsMinimumDistance
	return strings.Join(cmd.SuggestionsFor(args[0]), " / ")
}

// flagError says what is wrong with a flag, with texts that have other languages.
func flagError(_ *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var empty *pflag.ValueRequiredError
	var bad *pflag.InvalidValueError
	var syntax *pflag.InvalidSyntaxError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return exit.Usagef("unknown shorthand flag: %q in -%s", unknown.GetSpecifiedName()[:1], unknown.GetSpecifiedShortnames())
	case errors.As(err, &unknown):
		return exit.Usagef("unknown flag: --%s", unknown.GetSpecifiedName())
	case errors.As(err, &empty) && empty.GetSpecifiedShortnames() != "":
		return exit.Usagef("flag needs an argument: %q in -%s", empty.GetSpecifiedName()[:1], empty.GetSpecifiedShortnames())
	case errors.As(err, &empty):
		return exit.Usagef("flag needs an argument: --%s", empty.GetSpecifiedName())
	case errors.As(err, &bad):
		return exit.Usagef("invalid argument %q for %q flag: %w", bad.GetValue(), "--"+bad.GetFlag().Name, bad.Unwrap())
	case errors.As(err, &syntax):
		return exit.Usagef("bad flag syntax: %s", syntax.GetSpecifiedFlag())
	}
	return exit.Usage(err)
}
