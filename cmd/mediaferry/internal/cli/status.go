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
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) statusCommand() *cobra.Command {
	var format output.Format
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Count the uploads by state, and show the held accounts",
		Example: "  mediaferry status\n  mediaferry status --output json",
		Args:    noArgs,
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
				a.warn(a.words.Error(away))
			}
			if len(paused) > 0 {
				a.warn(pausedText(paused).In(a.words) + a.t("status.to_resume", "Command", enqueue.Resume(paused)))
			}
			for _, d := range differ {
				a.warn(a.t("status.differ", "What", d))
			}
			for _, u := range status.Unserved {
				a.warn(unservedText(u).In(a.words) + a.t("words.semicolon") + a.t("status.unserved_do", "Account", u.Account))
			}
			return a.printStatus(status)
		},
	}
	output.FlagVar(cmd.Flags(), &format, output.Table, output.JSON)
	return cmd
}

// unservedText says that nobody works off the uploads of an account.
func unservedText(u tasks.Unserved) *words.FailureError {
	return words.Fail("status.unserved", "Account", u.Account, "Count", u.Open)
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
		grid.Row(a.words.State(state), strconv.Itoa(s.Counts[state]))
	}
	grid.Row(a.t("status.on_belt"), strconv.Itoa(s.Dispatched))
	grid.Row(a.t("status.webhooks"), strconv.Itoa(s.Deliveries))
	if !s.OldestOpen.IsZero() {
		grid.Row(a.t("status.oldest"), a.t("status.ago", "Span", a.words.Span(time.Since(s.OldestOpen))))
	}
	if err := grid.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "\n%s\n", a.conservationLine(s.Conservation))
	if n := s.Conservation.Missing(); n != 0 {
		a.warn(a.t("status.missing", "N", n))
	}
	fmt.Fprintln(a.Out)
	return a.printAccounts(s.Accounts)
}

// conservationLine says where all uploads are that were ever accepted.
func (a *app) conservationLine(c tasks.Conservation) string {
	return a.t("status.conservation", "Accepted", c.Accepted, "Succeeded", c.Succeeded, "Failed", c.Failed, "Canceled", c.Canceled, "Open", c.Open, "Pruned", c.Pruned)
}
