package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

func (a *app) backupCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a copy of the ledger while everything runs",
		Long: `Writes a copy of the SQLite ledger, as it is at one moment, while uploads go on. FILE appears whole or not at all, with
mode 0600. mediaferry restore makes a ledger from it.

The copy has secrets, encrypted, but not their key: keep token_key, or token.key of the data dir, in another place.

A PostgreSQL ledger is backed up by pg_dump.`,
		Example: `  mediaferry backup /backup/ledger-$(date +%F).db
  mediaferry backup --force /backup/ledger.db`,
		Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			if err := s.Ledger.Backup(cmd.Context(), args[0], force); err != nil {
				return err
			}
			fi, err := os.Stat(args[0])
			if err != nil {
				return fmt.Errorf("look at the copy: %w", err)
			}
			path, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintln(a.Out, a.t("backup.done", "Path", path, "Bytes", fi.Size()))
			a.say("backup.key", "Where", s.WhereKey())
			return nil
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace FILE if it exists")
	return cmd
}
