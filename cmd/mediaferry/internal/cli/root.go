// Package cli is the command line: a file for each subcommand, named after it.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/lang"
)

// Streams is what a command is connected to.
type Streams struct {
	In  io.Reader
	Out io.Writer // data
	Err io.Writer // everything for people: progress, messages, logs
	Env []string  // as of os.Environ
}

// Main runs the command line of this process and returns its exit code. The first signal ends it gracefully, the second
// one at once.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return Run(ctx, os.Args[1:], Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Environ()})
}

// Run runs one command line, without the program's name, and returns its exit code.
func Run(ctx context.Context, args []string, s Streams) int {
	s.Out, s.Err = output.NewClean(s.Out), output.NewClean(s.Err)
	a := &app{Streams: s}
	var err error
	if a.words, err = words.New(lang.OfEnvironment(s.Env), wire.Explain); err != nil {
		return a.exit(ctx, err)
	}
	root := a.rootCommand()
	root.SetArgs(shieldIDs(root, args))
	err = root.ExecuteContext(ctx)
	return a.exit(ctx, err)
}

// app is one run of the program.
type app struct {
	Streams
	words      *words.Words // in the reader's language; nil: in English
	configFile string
	verbose    bool
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "mediaferry",
		Short: "The way to get media files into WeChat",
		Long: `mediaferry carries media files from a folder or shared storage to WeChat's temporary-media API,
and reports exactly one outcome for each: the media_id and when it expires, or why not and what to do.`,
		Example: `  mediaferry demo                                  see it work, nothing to set up
  mediaferry upload photos/                        a folder, one account, no server
  mediaferry upload --output json photos/*.jpg     one JSON object per file
  mediaferry run                                   work off what is queued, serve the API`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		Version:       wire.Version(),

		SuggestionsMinimumDistance: 2,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate(versionLine())
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.PersistentFlags().StringVar(&a.configFile, "config", "", "settings file, YAML (default $MEDIAFERRY_CONFIG)")
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "log on stderr what happens")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(a.commands()...)
	addCompletion(root)
	a.completeFlags(root)
	root.Args = usageArgs(root.Args)
	if err := a.speak(root); err != nil { // a test fails first
		a.printError(err)
	}
	for _, c := range root.Commands() {
		a.describeExits(c)
	}
	return root
}

// addCompletion adds cobra's own command for shells now, so that it is finished as all the others are.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Example = "  mediaferry completion bash > /etc/bash_completion.d/mediaferry\n  mediaferry completion zsh > \"${fpath[1]}/_mediaferry\"\n" +
				"  mediaferry completion fish > ~/.config/fish/completions/mediaferry.fish\n  mediaferry completion powershell | Out-String | Invoke-Expression"
			c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
}

// describeExits gives a command and those below it what all have in common: a wrong argument is a mistake of usage, and the
// help ends with the exit codes.
func (a *app) describeExits(c *cobra.Command) {
	c.Args = usageArgs(c.Args)
	c.Long = strings.TrimSpace(cmp.Or(c.Long, c.Short+a.t("exit.stop")) + "\n\n" + a.t("exit.codes"))
	for _, sub := range c.Commands() {
		sub.Example = cmp.Or(sub.Example, examplesOf(sub, c.Example))
		a.describeExits(sub)
	}
}

// examplesOf are the lines of a parent's examples that show a command.
func examplesOf(c *cobra.Command, all string) string {
	var own []string
	for line := range strings.SplitSeq(all, "\n") {
		if strings.Contains(line, c.CommandPath()) {
			own = append(own, line)
		}
	}
	return strings.Join(own, "\n")
}

// exit says what went wrong, and with which code the program ends.
func (a *app) exit(ctx context.Context, err error) int {
	if err == nil {
		return tasks.ExitOK
	}
	var done *exit.Error
	if errors.As(err, &done) {
		if done.Err != nil {
			a.printError(done)
		}
		return done.Code
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return tasks.ExitInterrupted
	}
	a.printError(err)
	if e := tasks.AsError(err); e.Code != tasks.Internal {
		return e.Code.Exit()
	}
	return tasks.ExitError
}

func (a *app) printError(err error) {
	fmt.Fprintln(a.Err, "mediaferry:", a.words.Error(err))
	if advice := a.words.Advice(err); advice != "" {
		fmt.Fprintln(a.Err, "  ", advice)
	}
}

// durationsWithUnit writes durations as 1.5s in JSON too, where a number would not say of what.
func durationsWithUnit(_ []string, at slog.Attr) slog.Attr {
	if at.Value.Kind() == slog.KindDuration {
		return slog.String(at.Key, at.Value.Duration().String())
	}
	return at
}

func (a *app) settings() (config.Config, error) {
	return config.Load(a.configFile, a.Env)
}

// logger writes to stderr: everything that long-running commands have to say, and for a person's short commands
// only what goes wrong, unless --verbose asks for more.
func (a *app) logger(c config.Config, quiet bool) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
		level = slog.LevelInfo
	}
	if quiet && !a.verbose {
		level = slog.LevelError
	}
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: durationsWithUnit}
	if c.Log.Format == "json" || c.Log.Format == "auto" && !output.IsTerminal(a.Err) && !quiet {
		return slog.New(slog.NewJSONHandler(a.Err, options))
	}
	return slog.New(slog.NewTextHandler(a.Err, options))
}
