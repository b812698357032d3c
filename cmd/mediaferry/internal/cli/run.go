package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"

	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) runCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Work off uploads and serve HTTP, all in one process",
		Long:  "Works off everything in the ledger, delivers webhooks and serves HTTP until it is told to stop (SIGTERM).",
		Example: `  MEDIAFERRY_STORAGE_ROOT=/srv/media mediaferry run
  mediaferry run --config /etc/mediaferry.yaml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.work(cmd.Context(), tasks.RoleRun)
		},
	}
}

// work works off the ledger until ctx ends, then drains.
func (a *app) work(ctx context.Context, role tasks.ProcessRole) error {
	cfg, err := a.settingsFor(string(role))
	if err != nil {
		return err
	}
	unlock, err := wire.LockDataDir(cfg)
	if err != nil {
		return err
	}
	defer unlock()
	log := a.logger(cfg, false)
	s, err := wire.Open(ctx, cfg, log, true)
	if err != nil {
		return err
	}
	defer s.Close()
	e, err := s.Start(ctx, role)
	if err != nil {
		return err
	}
	unwatch, err := s.Watch(ctx, role, e)
	if err != nil {
		e.Shutdown(context.WithoutCancel(ctx))
		return err
	}
	defer unwatch()
	log.Info("ready", "ledger_id", s.Ledger.ID(), "accounts", len(cfg.Accounts), "storage_root", cfg.StorageRoot)
	if role == tasks.RoleRun {
		err = s.Serve(ctx, e)
	} else {
		<-ctx.Done()
	}
	log.Info("draining: a second signal ends the process at once")
	e.Shutdown(context.WithoutCancel(ctx))
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
