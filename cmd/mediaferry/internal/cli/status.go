package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) statusCommand() *cobra.Command {
	var format output.Format
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Count the uploads by state, and show the held accounts",
		Example: "  mediaferry status\n  mediaferry status --output json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			status, err := s.Ledger.Status(cmd.Context())
			if err != nil {
				return err
			}
			processes, err := s.Ledger.Processes(cmd.Context())
			if err != nil {
				return err
			}
			differ := tasks.Disagreements(processes)
			paused, away := pausedQueues(cmd.Context(), s)
			if format == output.JSON {
				return json.NewEncoder(a.Out).Encode(fleetStatus{status, processes, differ, paused})
			}
			if away != nil {
				fmt.Fprintf(a.Err, "warning: %v\n", away)
			}
			if len(paused) > 0 {
				fmt.Fprintf(a.Err, "warning: %s; to resume: %s\n", pausedText(paused), enqueue.Resume(paused))
			}
			for _, d := range differ {
				fmt.Fprintf(a.Err, "warning: %s; the strictest limit counts\n", d)
			}
			for _, u := range status.Unserved {
				fmt.Fprintf(a.Err, "warning: %s; add it to the settings of a worker, or cancel them: mediaferry cancel --account %s\n", unservedText(u), u.Account)
			}
			return a.printStatus(status)
		},
	}
	output.FlagVar(cmd.Flags(), &format, output.Table, output.JSON)
	return cmd
}

// unservedText says that nobody works off the uploads of an account.
func unservedText(u tasks.Unserved) string {
	return fmt.Sprintf("no living worker knows the account %s: %s", u.Account, output.Count(u.Open, "upload of it waits", "uploads of it wait"))
}

// fleetStatus is the status with the processes that live.
type fleetStatus struct {
	tasks.Status
	Processes     []tasks.Process      `json:"processes,omitempty"`
	Disagreements []tasks.Disagreement `json:"disagreements,omitempty"`
	Paused        []string             `json:"paused_queues,omitempty"` // in Redis
}

// pausedQueues asks a shared Redis for queues that somebody paused.
func pausedQueues(ctx context.Context, s *wire.Stack) ([]string, error) {
	if s.Embedded {
		return nil, nil
	}
	if _, err := s.OpenBelt(ctx); err != nil {
		return nil, err
	}
	return s.Belt.Paused(ctx)
}

func (a *app) printStatus(s tasks.Status) error {
	grid := output.NewGrid(a.Out)
	for _, state := range tasks.States {
		grid.Row(string(state), strconv.Itoa(s.Counts[state]))
	}
	grid.Row("on the belt", strconv.Itoa(s.Dispatched))
	grid.Row("webhooks to deliver", strconv.Itoa(s.Deliveries))
	if !s.OldestOpen.IsZero() {
		grid.Row("oldest open", time.Since(s.OldestOpen).Round(time.Second).String()+" ago")
	}
	if err := grid.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "\n%s\n", conservationLine(s.Conservation))
	if n := s.Conservation.Missing(); n != 0 {
		fmt.Fprintf(a.Err, "warning: the counts don't add up, by %d: see mediaferry verify\n", n)
	}
	fmt.Fprintln(a.Out)
	return a.printAccounts(s.Accounts)
}

// conservationLine says where all uploads are that were ever accepted.
func conservationLine(c tasks.Conservation) string {
	return fmt.Sprintf("%d accepted = %d succeeded + %d failed + %d canceled + %d open + %d pruned", c.Accepted, c.Succeeded, c.Failed, c.Canceled, c.Open, c.Pruned)
}
