package cli

import (
	"github.com/spf13/cobra"
)

func (a *app) keysRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "revoke NAME|ID",
		Short:             "Revoke a key, or all keys of a name",
		Long:              "Running servers refuse it within two seconds. Keys of the settings are removed in the settings.",
		Args:              oneArg,
		ValidArgsFunction: a.completeKeys(),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			n, err := s.Ledger.RevokeKeys(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			a.say("keys.revoked", "N", n)
			return nil
		},
	}
}
