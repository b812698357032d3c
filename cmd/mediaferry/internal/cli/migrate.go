package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/tasks/ledger"
)

func (a *app) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "migrate",
		Short:   "Bring the ledger's schema up to this version",
		Long:    "Every command that opens the ledger does this by itself, under a lock; migrate does only this.",
		Example: "  mediaferry migrate",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
				return fmt.Errorf("make data dir: %w", err)
			}
			from, to, err := ledger.Migrate(cmd.Context(), cfg.LedgerURL.Reveal())
			if err != nil {
				return err
			}
			fmt.Fprintf(a.Out, "schema %d -> %d\n", from, to)
			return nil
		},
	}
}
