package cli

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
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
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// actionFlags is what retry and cancel have in common. Both choose uploads, show a preview, ask for a yes, and carry out
// one action that the ledger records.
type actionFlags struct {
	kind   tasks.ActionKind
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
		return exit.Usage(words.Fail("action.choose", "Kind", b.kind))
	case len(args) > 0 && !b.filter.empty():
		return exit.Usage(words.Fail("action.both"))
	case len(args) > tasks.MaxIDs:
		return exit.Usage(words.Fail("action.too_many", "Most", tasks.MaxIDs))
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
func (b *actionFlags) preview(w *words.Words, p enqueue.Preview, cost string) string {
	s := w.T("action.preview_"+string(b.kind), "Matched", p.Matched, "Can", p.Can)
	reasons := map[string]int{}
	for state, n := range p.Left {
		reasons[w.T(b.whyNot(tasks.State(state)))] += n
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		s += w.T("action.left", "N", reasons[reason], "Why", reason)
	}
	return s + cost
}

// whyNot names the text that says why the action leaves uploads of a state out.
func (b *actionFlags) whyNot(s tasks.State) string {
	switch {
	case b.kind == tasks.ActionCancel:
		return "action.left_final"
	case s == tasks.Succeeded:
		return "action.left_succeeded"
	default:
		return "action.left_open"
	}
}

// confirm shows the preview and reports whether to go on. Uploads that were named need no yes; others need --yes, or the
// person's answer.
func (b *actionFlags) confirm(a *app, p enqueue.Preview, cost string, named bool) (bool, error) {
	fmt.Fprintln(a.Err, b.preview(a.words, p, cost))
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
		return false, exit.Usage(words.Fail("action.yes"))
	}
	return b.ask(a, p.Can)
}

func (b *actionFlags) ask(a *app, n int) (bool, error) {
	fmt.Fprint(a.Err, a.t("action.ask_"+string(b.kind), "Count", n)+" ")
	answer, err := bufio.NewReader(a.In).ReadString('\n')
	if err != nil && answer == "" {
		return false, exit.With(tasks.ExitNothing)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes", "是":
		return true, nil
	}
	a.say("action.nothing")
	return false, exit.With(tasks.ExitNothing)
}

// showFrom is the number of uploads from which an action shows its progress.
const showFrom = 1000

// carryOut carries the action out, and calls took with what each of its steps did. The end of ctx stops it, as mediaferry
// cancel --action does from elsewhere: either ends the command as interrupted.
func (b *actionFlags) carryOut(ctx context.Context, a *app, s *wire.Stack, act tasks.Action, took func([]tasks.Taken)) (tasks.Action, error) {
	show := output.NewProgress(a.words, a.Err, b.quiet || act.Matched < showFrom)
	act, err := s.Actor(nil).Carry(ctx, act, func(now tasks.Action, taken []tasks.Taken) {
		took(taken)
		show.Update(now.Done, max(now.Matched, now.Done), a.t("action.kind_"+string(b.kind)))
	})
	show.Close()
	switch {
	case err != nil && act.ID != uuid.Nil:
		a.say("action.goes_on_"+string(b.kind), "Done", act.Done, "Matched", act.Matched, "ID", act.ID)
		return act, err
	case err != nil:
		return act, err
	case act.State == tasks.ActionStopped:
		a.say("action.stopped_"+string(b.kind), "Done", act.Done, "Matched", act.Matched)
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
