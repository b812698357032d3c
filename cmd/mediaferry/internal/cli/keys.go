package cli

import "github.com/spf13/cobra"

func (a *app) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Add, list and revoke the keys of the HTTP API",
		Example: `  mediaferry keys add shop                          prints the key, once
  mediaferry keys add shop --account default --source 2026/ --rate 600
  mediaferry keys list
  mediaferry keys revoke shop                       all of its keys; or one, by its id`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.keysAddCommand(), a.keysListCommand(), a.keysRevokeCommand())
	return cmd
}
