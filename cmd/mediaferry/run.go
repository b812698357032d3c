package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func (a *app) runCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Work off uploads and serve HTTP, all in one process",
		Long:  "Works off everything in the ledger, delivers webhooks and serves HTTP until it is told to stop (SIGTERM).",
		Example: `  MEDIAFERRY_STORAGE_ROOT=/srv/media mediaferry run
  mediaferry run --config /etc/mediaferry.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.work(cmd.Context(), "run", true)
		},
	}
}

func (a *app) workerCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "worker",
		Short:   "Work off uploads as a member of a fleet",
		Long:    "Takes uploads off the shared Redis, carries them to WeChat and delivers webhooks until it is told to stop (SIGTERM).",
		Example: `  MEDIAFERRY_REDIS_URL=redis://redis:6379 MEDIAFERRY_LEDGER_URL=postgres://… MEDIAFERRY_STORAGE_ROOT=/srv/media mediaferry worker`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.work(cmd.Context(), "worker", false)
		},
	}
}

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "serve",
		Short:   "Serve HTTP only",
		Long:    "Serves health, metrics and the API over the ledger; workers run elsewhere.",
		Example: `  MEDIAFERRY_REDIS_URL=redis://redis:6379 MEDIAFERRY_LEDGER_URL=postgres://… MEDIAFERRY_STORAGE_ROOT=/srv/media mediaferry serve`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			cfg, err := a.settingsFor("serve")
			if err != nil {
				return err
			}
			release, err := hold(cfg)
			if err != nil {
				return err
			}
			defer release()
			s, err := a.open(ctx, cfg, a.logger(cfg, false), false)
			if err != nil {
				return err
			}
			defer s.close()
			return s.serve(ctx, nil)
		},
	}
}

// work works off the ledger until ctx ends, then drains.
func (a *app) work(ctx context.Context, command string, http bool) error {
	cfg, err := a.settingsFor(command)
	if err != nil {
		return err
	}
	release, err := hold(cfg)
	if err != nil {
		return err
	}
	defer release()
	log := a.logger(cfg, false)
	tune(cfg, os.LookupEnv)
	s, err := a.open(ctx, cfg, log, true)
	if err != nil {
		return err
	}
	defer s.close()
	e, err := s.start(ctx)
	if err != nil {
		return err
	}
	log.Info("ready", "ledger_id", s.ledger.ID(), "accounts", len(cfg.Accounts), "storage_root", cfg.StorageRoot)
	if http {
		err = s.serve(ctx, e)
	} else {
		<-ctx.Done()
	}
	log.Info("draining: a second signal ends the process at once")
	e.shutdown(context.WithoutCancel(ctx))
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
