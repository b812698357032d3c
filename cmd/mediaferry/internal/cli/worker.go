package cli

import (
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) workerCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "worker",
		Short:   "Work off uploads as a member of a fleet",
		Long:    "Takes uploads off the shared Redis, carries them to WeChat and delivers webhooks until it is told to stop (SIGTERM).",
		Example: `  MEDIAFERRY_REDIS_URL=redis://redis:6379 MEDIAFERRY_LEDGER_URL=postgres://… MEDIAFERRY_STORAGE_ROOT=/srv/media mediaferry worker`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.work(cmd.Context(), tasks.RoleWorker)
		},
	}
}
