package cli

import (
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "serve",
		Short:   "Serve HTTP only",
		Long:    "Serves health, metrics and the API over the ledger; workers run elsewhere.",
		Example: `  MEDIAFERRY_REDIS_URL=redis://redis:6379 MEDIAFERRY_LEDGER_URL=postgres://… MEDIAFERRY_STORAGE_ROOT=/srv/media mediaferry serve`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			cfg, err := a.settingsFor("serve")
			if err != nil {
				return err
			}
			unlock, err := wire.LockDataDir(cfg)
			if err != nil {
				return err
			}
			defer unlock()
			s, err := wire.Open(ctx, cfg, a.logger(cfg, false), false)
			if err != nil {
				return err
			}
			defer s.Close()
			unwatch, err := s.Watch(ctx, tasks.RoleServe, nil)
			if err != nil {
				return err
			}
			defer unwatch()
			return s.Serve(ctx, nil)
		},
	}
}
