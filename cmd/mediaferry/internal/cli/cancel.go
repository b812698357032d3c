package cli

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/follow"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks"
)

// cancelFlags is what a person may ask for with mediaferry cancel.
type cancelFlags struct {
	actionFlags
	stops  string // an action's ID
	detach bool
	wait   time.Duration
	format output.Format
}

func (a *app) cancelCommand() *cobra.Command {
	c := &cancelFlags{actionFlags: actionFlags{kind: tasks.ActionCancel}}
	cmd := &cobra.Command{
		Use:   "cancel ID|EXTERNAL_ID|PATH … | --batch … --state … | --action ID",
		Short: "Cancel uploads that have no outcome yet, end that media are kept alive, or stop a retry or cancel of many",
		Long: `Queued and waiting uploads end at once. The worker of a running upload gives up its request within two seconds. If WeChat
has answered it already, the upload succeeds: nothing that WeChat issued is thrown away.

An upload that has succeeded stays as it is. If its media is kept alive, that ends: it is not renewed for this upload any more.

--action stops a retry or cancel of many uploads, from any machine. Uploads that it has not reached stay as they are.
mediaferry list actions shows its ID.`,
		Example: `  mediaferry cancel 01902c5e-8f2b-7c3a
  mediaferry cancel --batch 0190… --dry-run
  mediaferry cancel --state queued,waiting --account shop --yes
  mediaferry cancel --action 01902c5e-8f2b-7c3a-9d41-0d3f6a1b2c3d`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeUploads(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.check(args); err != nil {
				return err
			}
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			if c.stops != "" {
				return a.stopAction(cmd.Context(), s, c.stops)
			}
			return a.cancel(cmd.Context(), s, c, args)
		},
	}
	c.add(cmd.Flags())
	cmd.Flags().StringVar(&c.stops, "action", "", "stop this retry or cancel of many uploads, by its `ID`")
	cmd.Flags().BoolVar(&c.detach, "detach", false, "don't wait for the workers of running uploads")
	cmd.Flags().DurationVar(&c.wait, "wait", 10*time.Second, "how long to wait for the workers of running uploads")
	output.FlagVar(cmd.Flags(), &c.format, output.Table, output.JSON, output.CSV)
	return cmd
}

// check refuses a command line that chooses no uploads, or mixes --action with uploads.
func (c *cancelFlags) check(args []string) error {
	if c.stops == "" {
		return c.actionFlags.check(args)
	}
	if len(args) > 0 || !c.filter.empty() || c.dryRun {
		return exit.Usage(words.Fail("cancel.action_alone"))
	}
	return nil
}

func (a *app) cancel(ctx context.Context, s *wire.Stack, c *cancelFlags, args []string) error {
	act, err := c.action(ctx, s, args)
	if err != nil {
		return err
	}
	found, err := s.Actor(nil).Preview(ctx, act)
	if err != nil {
		return err
	}
	note := ""
	if found.Running > 0 {
		note = a.t("cancel.running", "N", found.Running)
	}
	if found.Kept > 0 {
		note += a.t("cancel.kept", "N", found.Kept)
	}
	if agreed, err := c.confirm(a, found, note, len(args) > 0); !agreed {
		return err
	}
	var all, asked []uuid.UUID
	ended := 0 // uploads whose media is not kept alive any more
	act.Matched = found.Matched
	act, err = c.carryOut(ctx, a, s, act, func(taken []tasks.Taken) {
		for _, t := range taken {
			switch t.State {
			case tasks.Running:
				asked = append(asked, t.ID)
			case tasks.Succeeded:
				ended++
			}
			if c.format != output.Table { // else nobody reads them
				all = append(all, t.ID)
			}
		}
	})
	if err != nil {
		return err
	}
	a.say("cancel.done", "Canceled", act.Done-len(asked)-ended, "Asked", len(asked), "Changed", max(0, found.Can-act.Done))
	if ended > 0 {
		a.say("cancel.unkept", "Count", ended)
	}
	if err := a.awaitCanceled(ctx, s, c, asked); err != nil {
		return err
	}
	return a.printCanceled(ctx, s, c, all)
}

// awaitCanceled waits until the workers have given up the uploads, or for as long as was asked for.
func (a *app) awaitCanceled(ctx context.Context, s *wire.Stack, c *cancelFlags, asked []uuid.UUID) error {
	if c.detach || len(asked) == 0 {
		return nil
	}
	limited, stop := context.WithTimeout(ctx, c.wait)
	defer stop()
	f := follow.Follower{Stack: s, Patience: c.wait, Progress: output.NewProgress(a.words, io.Discard, true)}
	outcomes, err := f.Follow(limited, asked)
	if err != nil {
		return err
	}
	counts := map[tasks.State]int{}
	open := 0
	for _, o := range outcomes {
		counts[o.State]++
		if !o.State.Final() {
			open++
		}
	}
	if n := counts[tasks.Succeeded]; n > 0 {
		a.say("cancel.answered", "N", n)
	}
	if open > 0 {
		a.say("cancel.open", "Count", open)
	}
	return nil
}

// printCanceled prints the uploads as they stand now, where somebody wants to read them by program.
func (a *app) printCanceled(ctx context.Context, s *wire.Stack, c *cancelFlags, ids []uuid.UUID) error {
	if c.format == output.Table {
		return nil
	}
	outcomes, err := follow.LookUp(ctx, s, ids)
	if err != nil {
		return err
	}
	return output.All(c.format, a.Out, output.Outcomes(a.words), outcomes)
}

// stopAction stops an action that is under way, wherever it was begun.
func (a *app) stopAction(ctx context.Context, s *wire.Stack, text string) error {
	id, err := uuid.Parse(text)
	if err != nil {
		return exit.Usage(words.Fail("cancel.no_action", "ID", strconv.Quote(text)))
	}
	before, err := s.Ledger.Action(ctx, id)
	if err != nil {
		return err
	}
	act, err := s.Ledger.StopAction(ctx, id)
	if err != nil {
		return err
	}
	if before.State != tasks.ActionRunning {
		a.say("cancel.ended", "Kind", a.t("action.kind_"+string(act.Kind)), "State", a.t("action.state_"+string(act.State)))
		return exit.With(tasks.ExitNothing)
	}
	a.say("cancel.stopped", "Kind", a.t("action.kind_"+string(act.Kind)), "By", act.By, "Reached", act.Done+leftOf(act), "All", act.Matched)
	return nil
}
