package cli

import (
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/config"
)

func (a *app) webhookCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "webhook",
		Short: "Secrets, deliveries and a receiver for webhooks",
		Example: `  mediaferry webhook secret                        what a receiver verifies with
  mediaferry webhook list --state failed
  mediaferry webhook replay 01902c5e-8f2b-7c3a-9d41-0d3f6a1b2c3d
  mediaferry webhook verify request.txt
  mediaferry webhook listen                        print what comes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.webhookSecretCommand(), a.webhookRotateCommand(), a.webhookListCommand(), a.webhookShowCommand(),
		a.webhookReplayCommand(), a.webhookVerifyCommand(), a.webhookListenCommand())
	return cmd
}

// webhookSettings are the settings, and a data dir to keep secrets in.
func (a *app) webhookSettings() (config.Config, error) {
	cfg, err := a.settings()
	if err != nil {
		return cfg, err
	}
	return cfg, wire.MakeDataDir(cfg.DataDir)
}
