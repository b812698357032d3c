package cli

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) accountsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "accounts",
		Short: "List, resume and probe the official accounts",
		Example: `  mediaferry accounts list
  mediaferry accounts list --output json
  mediaferry accounts resume default      after its settings were mended
  mediaferry accounts probe default       ask WeChat for a token and the quota`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.accountsListCommand(), a.accountsResumeCommand(), a.accountsProbeCommand())
	return cmd
}

func noAccount(name string) error {
	return exit.Usagef("no account is called %q: see mediaferry accounts list", name)
}

func (a *app) printAccounts(accounts []tasks.AccountStatus) error {
	grid := output.NewGrid(a.Out, "ACCOUNT", "APPID", "REALM", "OPEN", "CALLS TODAY", "STATE")
	for _, acc := range accounts {
		calls := strconv.Itoa(acc.CallsToday)
		if acc.DailyLimit > 0 {
			calls += fmt.Sprintf(" of %d", acc.DailyLimit)
		}
		if acc.CallsOfOthers > 0 {
			calls += fmt.Sprintf(", others %d", acc.CallsOfOthers)
		}
		grid.Row(acc.Name, acc.AppID, acc.Realm, strconv.Itoa(acc.Open), calls, holdText(acc.Hold))
	}
	if err := grid.Flush(); err != nil {
		return err
	}
	for _, acc := range accounts {
		if acc.Plan != nil && acc.DailyLimit > 0 {
			fmt.Fprintf(a.Out, "%s: %s\n", acc.Name, output.Plan(*acc.Plan, time.Now()))
		}
	}
	return nil
}

func holdText(h *tasks.Hold) string {
	switch {
	case h == nil:
		return "ok"
	case h.Ramp > 0:
		return fmt.Sprintf("coming back (%d at once)", h.Ramp)
	case h.BulkOnly:
		return fmt.Sprintf("bulk waits until %s: %s", output.Time(h.Until), h.Reason)
	default:
		return fmt.Sprintf("held until %s: %s", output.Time(h.Until), h.Reason)
	}
}
