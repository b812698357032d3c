package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) keysListCommand() *cobra.Command {
	var format output.Format
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the keys that were added, without the keys themselves",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			keys, err := s.Ledger.Keys(cmd.Context())
			if err != nil {
				return err
			}
			if format == output.JSON {
				return output.JSONLines(a.Out, keys)
			}
			return a.printKeys(keys)
		},
	}
	output.FlagVar(cmd.Flags(), &format, output.Table, output.JSON)
	return cmd
}

func (a *app) printKeys(keys []tasks.Key) error {
	grid := output.NewGrid(a.Out, a.words.Headings("ID", "NAME", "ROLE", "ADDED", "REVOKED", "RIGHTS")...)
	for _, k := range keys {
		grid.Row(k.ID, k.Name, a.t("keys.role_"+string(k.Role)), output.Time(k.Created), output.Time(k.Revoked), a.rightsInWords(k.Rights))
	}
	return grid.Flush()
}

func (a *app) rightsInWords(r tasks.Rights) string {
	var said []string
	for _, l := range []struct {
		id     string
		values []string
	}{{"keys.accounts", r.Accounts}, {"keys.sources", r.Sources}, {"keys.callbacks", r.CallbackHosts}} {
		if len(l.values) > 0 {
			said = append(said, a.t(l.id, "Values", strings.Join(l.values, ",")))
		}
	}
	if r.RatePerMinute > 0 {
		said = append(said, a.t("keys.rate", "N", r.RatePerMinute))
	}
	if r.DailyBudget > 0 {
		said = append(said, a.t("keys.budget", "N", r.DailyBudget))
	}
	if r.BulkOnly {
		said = append(said, a.t("keys.bulk"))
	}
	return strings.Join(said, a.t("words.semicolon"))
}
