package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
)

func (a *app) webhookRotateCommand() *cobra.Command {
	var finish, lostKey bool
	var producer *string
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Make a new secret that signs with the old one; --finish drops the old one",
		Long: `After rotate both secrets sign every webhook, so that a receiver may have either. When all receivers have the new one,
rotate --finish drops the old one.

If the token_key that encrypted the secrets is lost, --lost-key uses the token_key of the settings from now on, or makes
one in the data dir. Each producer's webhooks wait until the producer has a new secret.`,
		Example: `  mediaferry webhook rotate
  mediaferry webhook rotate --producer shop
  mediaferry webhook rotate --producer shop --finish
  mediaferry webhook rotate --producer shop --lost-key`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if finish && lostKey {
				return exit.Usage(words.Fail("media.either", "One", "--finish", "Other", "--lost-key"))
			}
			s, err := a.openSecrets(cmd.Context(), *producer, lostKey)
			if err != nil {
				return err
			}
			defer s.Close()
			if finish {
				if err := s.Secrets.FinishRotation(cmd.Context(), *producer); err != nil {
					return err
				}
				a.say("webhook.alone")
				return nil
			}
			r, err := s.Secrets.Rotate(cmd.Context(), *producer)
			if err != nil {
				return err
			}
			fmt.Fprintln(a.Out, r.Secret.Reveal())
			if r.UnderWay {
				a.say("webhook.under_way")
			}
			if r.Alone {
				a.say("webhook.old_lost")
				return nil
			}
			a.say("webhook.both_sign", "Producer", *producer)
			return nil
		},
	}
	producer = producerFlag(cmd)
	cmd.Flags().BoolVar(&finish, "finish", false, "let the old secret go: the new one signs alone")
	cmd.Flags().BoolVar(&lostKey, "lost-key", false, "the token_key that encrypted the secrets is lost: go on with another one")
	return cmd
}
