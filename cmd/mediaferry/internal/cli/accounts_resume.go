package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) accountsResumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "resume NAME",
		Short:             "Lift the hold of an account",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			accounts, err := s.Ledger.Accounts(cmd.Context())
			if err != nil {
				return err
			}
			for _, acc := range accounts {
				if acc.Name != args[0] {
					continue
				}
				held, err := s.Ledger.Resume(cmd.Context(), acc.Realm, acc.AppID)
				if err != nil {
					return err
				}
				if !held {
					fmt.Fprintf(a.Err, "%s was not held\n", acc.Name)
					return exit.With(tasks.ExitNothing)
				}
				fmt.Fprintf(a.Err, "%s goes on\n", acc.Name)
				return nil
			}
			return noAccount(args[0])
		},
	}
}
