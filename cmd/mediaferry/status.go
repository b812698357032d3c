package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) statusCommand() *cobra.Command {
	var output *format
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "How many uploads are where, and which accounts are held",
		Example: "  mediaferry status\n  mediaferry status --output json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.look(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			status, err := s.ledger.Status(cmd.Context())
			if err != nil {
				return err
			}
			if *output == asJSON {
				return json.NewEncoder(a.Out).Encode(status)
			}
			return a.printStatus(status)
		},
	}
	output = outputFlagNoCSV(cmd)
	return cmd
}

func (a *app) printStatus(s tasks.Status) error {
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	for _, state := range tasks.States {
		fmt.Fprintf(w, "%s\t%d\n", state, s.Counts[state])
	}
	fmt.Fprintf(w, "on the belt\t%d\n", s.Dispatched)
	fmt.Fprintf(w, "webhooks to deliver\t%d\n", s.Deliveries)
	if !s.OldestOpen.IsZero() {
		fmt.Fprintf(w, "oldest open\t%s ago\n", time.Since(s.OldestOpen).Round(time.Second))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return a.printAccounts(s.Accounts)
}

func (a *app) printAccounts(accounts []tasks.AccountStatus) error {
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nACCOUNT\tAPPID\tREALM\tOPEN\tCALLS TODAY\tSTATE")
	for _, acc := range accounts {
		calls := fmt.Sprint(acc.CallsToday)
		if acc.DailyLimit > 0 {
			calls += fmt.Sprintf(" of %d", acc.DailyLimit)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", acc.Name, acc.AppID, acc.Realm, acc.Open, calls, holdText(acc.Hold))
	}
	return w.Flush()
}

func holdText(h *tasks.Hold) string {
	switch {
	case h == nil:
		return "ok"
	case h.Ramp > 0:
		return fmt.Sprintf("coming back (%d at once)", h.Ramp)
	default:
		return fmt.Sprintf("held until %s: %s", when(h.Until), h.Reason)
	}
}
