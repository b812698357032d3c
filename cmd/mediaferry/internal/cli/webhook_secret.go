package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
)

func (a *app) webhookSecretCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "secret",
		Short: "Print the secret that signs what the command line submits",
		Long: `The secret is made at first use and kept in the data dir. While a new one takes its place (webhook rotate) there are
two, a line each, and both sign.`,
		Example: "  mediaferry webhook secret > receiver/webhook.secret",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.webhookSettings()
			if err != nil {
				return err
			}
			if len(cfg.Webhook.Secrets) > 0 {
				return exit.Usagef("webhook.secrets in the settings signs here: take it from there")
			}
			secrets, err := wire.LocalWebhookSecrets(cfg)
			if err != nil {
				return err
			}
			for _, s := range secrets {
				fmt.Fprintln(a.Out, s.Reveal())
			}
			return nil
		},
	}
}
