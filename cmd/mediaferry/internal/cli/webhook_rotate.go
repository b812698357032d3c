package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
)

func (a *app) webhookRotateCommand() *cobra.Command {
	var finish bool
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Make a new secret that signs beside the old one; --finish lets the old one go",
		Long: `Receivers change over without a gap: after rotate both secrets sign every webhook, so that a receiver may have either.
Once all receivers have the new one, rotate --finish drops the old one.`,
		Example: "  mediaferry webhook rotate\n  mediaferry webhook rotate --finish",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.webhookSettings()
			if err != nil {
				return err
			}
			if len(cfg.Webhook.Secrets) > 0 {
				return exit.Usagef("webhook.secrets in the settings signs here: add the new one there, then take the old one away")
			}
			if finish {
				if err := wire.FinishRotation(cfg); err != nil {
					return err
				}
				fmt.Fprintln(a.Err, "the new secret signs alone from now on")
				return nil
			}
			fresh, made, err := wire.RotateWebhookSecret(cfg)
			if err != nil {
				return err
			}
			if !made {
				fmt.Fprintln(a.Err, "a rotation is under way already; this is its new secret")
			}
			fmt.Fprintln(a.Out, fresh.Reveal())
			fmt.Fprintln(a.Err, "both secrets sign from now on; once every receiver has this one: mediaferry webhook rotate --finish")
			return nil
		},
	}
	cmd.Flags().BoolVar(&finish, "finish", false, "let the old secret go: the new one signs alone")
	return cmd
}
