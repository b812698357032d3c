package cli

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/pflag"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// actionFlags is what retry and cancel have in common. Both choose uploads, show a preview, ask for a yes, and carry out
// one action that the ledger records.
type actionFlags struct {
	kind   tasks.ActionKind
	done   string // "retried"
	again  bool
	filter filterFlags
	yes    bool
	dryRun bool
	quiet  bool // no progress
}

func (b *actionFlags) add(flags *pflag.FlagSet) {
	b.filter.add(flags)
	flags.BoolVarP(&b.yes, "yes", "y", false, "don't ask: do it to all that match")
	flags.BoolVarP(&b.dryRun, "dry-run", "n", false, "say what would be done, and do nothing")
}

// check refuses a command line that chooses no uploads, or chooses them in two ways.
func (b *actionFlags) check(args []string) error {
	switch {
	case len(args) == 0 && b.filter.empty():
		return exit.Usagef("name uploads by their IDs, or choose them, as with --state failed; see mediaferry %s --help", b.kind)
	case len(args) > 0 && !b.filter.empty():
		return exit.Usagef("name uploads or choose them by flags, not both")
	case len(args) > tasks.MaxIDs:
		return exit.Usagef("name at most %d uploads at once, or choose them by flags", tasks.MaxIDs)
	}
	return nil
}

// action returns what to do to the uploads that args name, or that the flags choose.
func (b *actionFlags) action(ctx context.Context, s *wire.Stack, args []string) (tasks.Action, error) {
	f, err := b.filter.filter(time.Now())
	if err != nil {
		return tasks.Action{}, err
	}
	if len(args) > 0 {
		f = tasks.Filter{}
	}
	for _, name := range args {
		o, err := find(ctx, s, cmp.Or(b.filter.Producer, enqueue.DefaultProducer), name)
		if err != nil {
			return tasks.Action{}, fmt.Errorf("%s: %w", name, err)
		}
		if !slices.Contains(f.IDs, o.ID) {
			f.IDs = append(f.IDs, o.ID)
		}
	}
	return tasks.Action{Kind: b.kind, By: whoAmI(), Again: b.again, Choice: tasks.ChoiceOf(f)}, nil
}

// preview says how many uploads the action would change, why it leaves others out, and what it costs.
func (b *actionFlags) preview(p enqueue.Preview, cost string) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%d match: %d can be %s", p.Matched, p.Can, b.done)
	reasons := map[string]int{}
	for state, n := range p.Left {
		reasons[b.whyNot(tasks.State(state))] += n
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		fmt.Fprintf(&s, ", %d can't because %s", reasons[reason], reason)
	}
	return s.String() + cost
}

func (b *actionFlags) whyNot(s tasks.State) string {
	switch {
	case b.kind == tasks.ActionCancel:
		return "they have their outcome"
	case s == tasks.Succeeded:
		return "they succeeded (--again uploads them again)"
	default:
		return "they have no outcome yet"
	}
}

// confirm shows the preview and reports whether to go on. Uploads that were named need no yes; others need --yes, or the
// person's answer.
func (b *actionFlags) confirm(a *app, p enqueue.Preview, cost string, named bool) (bool, error) {
	fmt.Fprintln(a.Err, b.preview(p, cost))
	switch {
	case p.Can == 0 && named:
		return false, exit.With(tasks.ExitUsage)
	case p.Can == 0:
		return false, exit.With(tasks.ExitNothing)
	case b.dryRun:
		return false, nil
	case b.yes, named:
		return true, nil
	case !output.IsTerminal(a.In):
		return false, exit.Usagef("add --yes to do it, or --dry-run to see this alone")
	}
	return b.ask(a.In, a.Err, p.Can)
}

func (b *actionFlags) ask(in io.Reader, out io.Writer, n int) (bool, error) {
	fmt.Fprintf(out, "%s %s? [y/N] ", b.kind, output.Count(n, "upload", "uploads"))
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && answer == "" {
		return false, exit.With(tasks.ExitNothing)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true, nil
	}
	fmt.Fprintln(out, "nothing was done")
	return false, exit.With(tasks.ExitNothing)
}

// showFrom is the number of uploads from which an action shows its progress.
const showFrom = 1000

// carryOut carries the action out, and calls took with what each of its steps did. The end of ctx stops it, as mediaferry
// cancel --action does from elsewhere: either ends the command as interrupted.
func (b *actionFlags) carryOut(ctx context.Context, a *app, s *wire.Stack, act tasks.Action, took func([]tasks.Taken)) (tasks.Action, error) {
	show := output.NewProgress(a.Err, b.quiet || act.Matched < showFrom)
	act, err := s.Actor(nil).Carry(ctx, act, func(now tasks.Action, taken []tasks.Taken) {
		took(taken)
		show.Update(now.Done, max(now.Matched, now.Done), string(b.kind))
	})
	show.Close()
	switch {
	case err != nil && act.ID != uuid.Nil:
		fmt.Fprintf(a.Err, "%d of %d are %s; mediaferry run, worker or serve goes on with action %s\n", act.Done, act.Matched, b.done, act.ID)
		return act, err
	case err != nil:
		return act, err
	case act.State == tasks.ActionStopped:
		fmt.Fprintf(a.Err, "stopped: %d of %d are %s, the others are as they were\n", act.Done, act.Matched, b.done)
		return act, exit.With(tasks.ExitInterrupted)
	}
	return act, nil
}

// leftOf is how many uploads an action passed by.
func leftOf(act tasks.Action) int {
	n := 0
	for _, m := range act.Left {
		n += m
	}
	return n
}

// whoAmI names the person at this command line, for the record.
func whoAmI() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return name + "@" + host
}
