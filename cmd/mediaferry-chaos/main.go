// Command mediaferry-chaos starts a whole mediaferry fleet on this machine, attacks it while uploads are submitted,
// waits until it has recovered, and checks from all records that nothing was lost and nothing happened twice.
// See mediaferry-chaos -help.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/planted"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/producer"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/report"
	"github.com/mediaferry/mediaferry/tasks"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Run runs one command line and returns its exit code: 0 when nothing was found, 3 when something was, 1 when the run
// itself did not work, 2 for a wrong command line.
func Run(ctx context.Context, args []string, out, people io.Writer) int {
	if len(args) > 0 {
		if role, ok := roles[args[0]]; ok {
			return exitOf(people, role(ctx, args[1:]))
		}
	}
	s, err := parseFlags(args, people)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return tasks.ExitOK
	case err != nil:
		fmt.Fprintln(people, "mediaferry-chaos:", err)
		return tasks.ExitUsage
	}
	r, err := makeReport(ctx, s, people)
	if err != nil {
		fmt.Fprintln(people, "mediaferry-chaos:", err)
		return tasks.ExitError
	}
	if err := r.Publish(out, s.report); err != nil {
		fmt.Fprintln(people, "mediaferry-chaos:", err)
		return tasks.ExitError
	}
	if r.Findings > 0 {
		return tasks.ExitFailed
	}
	return tasks.ExitOK
}

// makeReport makes a report of new runs, or of the histories that an earlier command kept.
func makeReport(ctx context.Context, s options, people io.Writer) (report.Report, error) {
	if s.checkDir == "" {
		return runAll(ctx, s, people)
	}
	histories, err := history.LoadAll(s.checkDir)
	if err != nil {
		return report.Report{}, err
	}
	return report.New("", histories), nil
}

// roles are the child processes that run this program itself.
var roles = map[string]func(context.Context, []string) error{ //nolint:gochecknoglobals // a constant in all but name
	"producer":       producer.Main,
	"planted-worker": planted.Main,
}

func exitOf(people io.Writer, err error) int {
	if err == nil {
		return tasks.ExitOK
	}
	fmt.Fprintln(people, "mediaferry-chaos:", err)
	return tasks.ExitError
}
