package cli

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/lang"
)

func (a *app) accountsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "accounts",
		Short: "List, resume and probe the official accounts",
		Example: `  mediaferry accounts list
  mediaferry accounts list --output json
  mediaferry accounts resume default      after its settings were mended
  mediaferry accounts probe default       ask WeChat for a token and the quota`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.accountsListCommand(), a.accountsResumeCommand(), a.accountsProbeCommand())
	return cmd
}

func noAccount(name string) error {
	return exit.Usage(words.Fail("accounts.unknown", "Name", name))
}

func (a *app) printAccounts(accounts []tasks.AccountStatus) error {
	grid := output.NewGrid(a.Out, a.words.Headings("ACCOUNT", "APPID", "REALM", "OPEN", "CALLS TODAY", "STATE")...)
	for _, acc := range accounts {
		calls := strconv.Itoa(acc.CallsToday)
		if acc.DailyLimit > 0 {
			calls = a.t("accounts.calls", "Made", acc.CallsToday, "Limit", acc.DailyLimit)
		}
		if acc.CallsOfOthers > 0 {
			calls += a.t("accounts.others", "N", acc.CallsOfOthers)
		}
		grid.Row(acc.Name, acc.AppID, acc.Realm, strconv.Itoa(acc.Open), calls, holdText(a.words, acc.Hold))
	}
	if err := grid.Flush(); err != nil {
		return err
	}
	for _, acc := range accounts {
		if acc.Plan != nil && acc.DailyLimit > 0 {
			fmt.Fprintln(a.Out, a.t("accounts.plan", "Name", acc.Name, "Plan", output.Plan(a.words, *acc.Plan, time.Now())))
		}
	}
	return nil
}

func holdText(w *words.Words, h *tasks.Hold) string {
	switch {
	case h == nil:
		return w.T("accounts.ok")
	case h.Ramp > 0:
		return w.T("accounts.ramp", "Ramp", h.Ramp)
	case h.BulkOnly:
		return w.T("accounts.bulk_waits", "Until", output.Time(h.Until), "Reason", w.Reason(lang.CauseOfHold(*h)))
	default:
		return w.T("accounts.held", "Until", output.Time(h.Until), "Reason", w.Reason(lang.CauseOfHold(*h)))
	}
}
