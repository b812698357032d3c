package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/tasks/ledger"
)

func (a *app) printGrantsCommand() *cobra.Command {
	var role, schema string
	cmd := &cobra.Command{
		Use:   "grants",
		Short: "Print the rights that a role of PostgreSQL needs to work on the ledger",
		Long: `Prints SQL that gives a role of PostgreSQL the least rights that run, serve, worker and all commands
but migrate need. The role that owns the tables runs it once, after mediaferry migrate.`,
		Example: `  mediaferry migrate                                    with the owner's URL
  mediaferry print grants --role mediaferry | psql      as the owner`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			for _, grant := range ledger.Grants(role, schema) {
				if _, err := fmt.Fprintln(a.Out, grant+";"); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&role, "role", "mediaferry", "the role that gets the rights")
	cmd.Flags().StringVar(&schema, "schema", "public", "the schema of the ledger")
	return cmd
}
