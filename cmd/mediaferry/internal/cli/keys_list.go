package cli

import (
	"fmt"
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
		Args:  cobra.NoArgs,
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
	grid := output.NewGrid(a.Out, "ID", "NAME", "ROLE", "ADDED", "REVOKED", "RIGHTS")
	for _, k := range keys {
		grid.Row(k.ID, k.Name, string(k.Role), output.Time(k.Created), output.Time(k.Revoked), rightsInWords(k.Rights))
	}
	return grid.Flush()
}

func rightsInWords(r tasks.Rights) string {
	var words []string
	for _, l := range []struct {
		name   string
		values []string
	}{{"accounts", r.Accounts}, {"sources", r.Sources}, {"callbacks to", r.CallbackHosts}} {
		if len(l.values) > 0 {
			words = append(words, l.name+" "+strings.Join(l.values, ","))
		}
	}
	if r.RatePerMinute > 0 {
		words = append(words, fmt.Sprintf("%d a minute", r.RatePerMinute))
	}
	if r.DailyBudget > 0 {
		words = append(words, fmt.Sprintf("%d a day", r.DailyBudget))
	}
	if r.BulkOnly {
		words = append(words, "bulk only")
	}
	return strings.Join(words, "; ")
}
