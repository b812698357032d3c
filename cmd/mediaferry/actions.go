package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/user"
	"text/tabwriter"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) listActionsCommand() *cobra.Command {
	var (
		output *format
		limit  int
	)
	cmd := &cobra.Command{
		Use:   "actions",
		Short: "Who retried or canceled which uploads, and how far that is, the newest first",
		Example: `  mediaferry list actions
  mediaferry list actions --output json
  mediaferry cancel --action 01902c5e-8f2b-7c3a-9d41-0d3f6a1b2c3d    stop one that is running`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.look(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			show, end := a.actionPrinter(*output)
			rows, err := s.eachAction(cmd.Context(), limit, show)
			if err != nil {
				return err
			}
			if rows == 0 {
				fmt.Fprintln(a.Err, "no retry or cancel is on record")
				return exitCode(tasks.ExitNothing)
			}
			return end()
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 100, "at most so many rows; 0: all")
	output = outputFlagNoCSV(cmd)
	return cmd
}

func (a *app) actionPrinter(f format) (show func(tasks.Action) error, end func() error) {
	if f == asJSON {
		enc := json.NewEncoder(a.Out)
		return func(act tasks.Action) error { return enc.Encode(act) }, func() error { return nil }
	}
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tBEGAN\tBY\tACTION\tSTATE\tDONE\tLEFT\tOF\tCHOICE")
	return func(act tasks.Action) error {
		_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n",
			act.ID, when(act.Began), act.By, act.Kind, act.State, act.Done, leftOf(act), act.Matched, chosen(act))
		return err
	}, w.Flush
}

// chosen is an action's choice for people: uploads that were named, which may be thousands, are counted.
func chosen(act tasks.Action) string {
	if f, err := act.Filter(); err == nil && len(f.IDs) > 1 {
		return fmt.Sprintf("%d named uploads", len(f.IDs))
	}
	return string(act.Choice)
}

// leftOf is how many uploads an action passed by.
func leftOf(act tasks.Action) int {
	n := 0
	for _, m := range act.Left {
		n += m
	}
	return n
}

// stopAction stops an action that is under way, wherever it was begun.
func (a *app) stopAction(ctx context.Context, s *stack, text string) error {
	id, err := uuid.Parse(text)
	if err != nil {
		return usagef("--action: %q is not an ID; mediaferry list actions has it", text)
	}
	before, err := s.ledger.Action(ctx, id)
	if err != nil {
		return err
	}
	act, err := s.ledger.StopAction(ctx, id)
	if err != nil {
		return err
	}
	if before.State != tasks.ActionRunning {
		fmt.Fprintf(a.Err, "that %s had ended: it is %s\n", act.Kind, act.State)
		return exitCode(tasks.ExitNothing)
	}
	fmt.Fprintf(a.Err, "stopped the %s of %s: it came to %d of %d uploads, the others are as they were\n",
		act.Kind, act.By, act.Done+leftOf(act), act.Matched)
	return nil
}

// actor retries and cancels many uploads for this process. nudge is called when some were queued; nil: nobody is told.
func (s *stack) actor(nudge func()) *enqueue.Actor {
	x := enqueue.NewActor(s.ledger)
	x.Nudge, x.Log = nudge, s.log
	return x
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
