package cli

import (
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
)

func (a *app) accountsListCommand() *cobra.Command {
	var format output.Format
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the accounts with their calls of today and their holds",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			accounts, err := s.Ledger.Accounts(cmd.Context())
			if err != nil {
				return err
			}
			if format != output.JSON {
				return a.printAccounts(accounts)
			}
			return output.JSONLines(a.Out, accounts)
		},
	}
	output.FlagVar(cmd.Flags(), &format, output.Table, output.JSON)
	return cmd
}
