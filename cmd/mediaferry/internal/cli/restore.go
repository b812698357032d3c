package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks/ledger"
)

func (a *app) restoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "Make the ledger anew from a copy",
		Long: `Makes the SQLite ledger of the settings from FILE: what backup wrote, or a ledger's file that nobody had open, with its
-wal beside it. FILE is only read. It refuses while a process works on the data dir, and where there is a ledger already, or a
log that is left of one: stop everything and move these files away first.

The ledger is then as it was when the copy was made. What had no outcome then is uploaded again, also if it had one since. What
was submitted since is unknown: submit it again. It needs the token_key, or token.key of the data dir, that it had.

A PostgreSQL ledger is backed up by pg_dump --format=custom --file=FILE URL, and restored into an empty database, while no
process runs, by pg_restore --no-owner --dbname=URL FILE.`,
		Example: "  mediaferry restore /backup/ledger.db",
		Args:    oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			path, isFile := wire.LedgerFile(cfg)
			if !isFile {
				return exit.Usage(words.Fail("restore.postgres"))
			}
			if err := wire.MakeDataDir(cfg.DataDir); err != nil {
				return err
			}
			unlock, err := wire.LockDataDir(cfg)
			if err != nil {
				return err
			}
			defer unlock()
			r, err := ledger.Restore(cmd.Context(), args[0], path)
			if err != nil {
				return err
			}
			fmt.Fprintln(a.Out, a.t("restore.done", "Path", path, "Count", r.Uploads))
			if !r.Newest.IsZero() {
				a.say("restore.newest", "At", r.Newest.UTC().Format(time.RFC3339))
			}
			if r.Open > 0 {
				a.say("restore.open", "Count", r.Open)
			}
			return nil
		},
	}
}
