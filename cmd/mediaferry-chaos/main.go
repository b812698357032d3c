// Command mediaferry-chaos starts a whole mediaferry fleet on this machine, attacks it while uploads are submitted,
// heals it, and checks from the records of everybody involved that nothing was lost and nothing happened twice.
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
	r, err := attackOrCheck(ctx, s, people)
	if err != nil {
		fmt.Fprintln(people, "mediaferry-chaos:", err)
		return tasks.ExitError
	}
	if err := r.publish(out, s.report); err != nil {
		fmt.Fprintln(people, "mediaferry-chaos:", err)
		return tasks.ExitError
	}
	if r.Findings > 0 {
		return tasks.ExitFailed
	}
	return tasks.ExitOK
}

// attackOrCheck makes a report, of a new run or of the histories that an earlier one kept.
func attackOrCheck(ctx context.Context, s settings, people io.Writer) (report, error) {
	if s.check == "" {
		return campaign(ctx, s, people)
	}
	legs, err := loadHistories(s.check)
	if err != nil {
		return report{}, err
	}
	return newReport(s, legs), nil
}

// roles are what the tool's own child processes do: it starts itself again, so that they can be killed.
var roles = map[string]func(context.Context, []string) error{ //nolint:gochecknoglobals // a constant in all but name
	"producer":       produceMain,
	"planted-worker": plantedMain,
}

func exitOf(people io.Writer, err error) int {
	if err == nil {
		return tasks.ExitOK
	}
	fmt.Fprintln(people, "mediaferry-chaos:", err)
	return tasks.ExitError
}
