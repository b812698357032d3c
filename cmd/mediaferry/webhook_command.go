package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/worker/webhook"
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
				return usagef("webhook.secrets in the settings signs here: take it from there")
			}
			secrets, err := localWebhookSecrets(cfg)
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

// webhookSettings are the settings, and a data dir to keep secrets in.
func (a *app) webhookSettings() (config.Config, error) {
	cfg, err := a.settings()
	if err != nil {
		return cfg, err
	}
	return cfg, makeDataDir(cfg.DataDir)
}

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
				return usagef("webhook.secrets in the settings signs here: add the new one there, then take the old one away")
			}
			if finish {
				return a.finishRotation(cfg)
			}
			if _, err := localWebhookSecrets(cfg); err != nil {
				return err
			}
			fresh, made, err := keptSecret(cfg.DataDir, nextSecretFile, webhook.NewSecret)
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
