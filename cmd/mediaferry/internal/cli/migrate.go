package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/tasks/ledger"
)

func (a *app) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the ledger's schema up to this version",
		Long: `Makes the schema of the ledger, or updates that of an older version. It does nothing if the schema is current.

Run it once before you update the processes of a fleet: with a schema that is too old they exit with 2 and say so. Most
changes only add to the schema, so that processes of the version before go on. If they could not go on, migrate names
them and changes nothing: stop them first.

If the ledger is the data dir's own file, upload and run migrate it themselves.`,
		Example: "  mediaferry migrate",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			if err := wire.MakeDataDir(cfg.DataDir); err != nil {
				return err
			}
			alone := wire.OwnLedger(cfg)
			if alone {
				unlock, err := wire.LockDataDir(cfg)
				if err != nil {
					return err
				}
				defer unlock()
			}
			from, to, err := ledger.Migrate(cmd.Context(), cfg.Ledger(), ledger.Options{Alone: alone})
			if err != nil {
				return err
			}
			fmt.Fprintln(a.Out, a.t("migrate.done", "From", from, "To", to))
			return nil
		},
	}
}
