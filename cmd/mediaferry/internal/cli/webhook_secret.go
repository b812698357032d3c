package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) webhookSecretCommand() *cobra.Command {
	var producer *string
	cmd := &cobra.Command{
		Use:   "secret",
		Short: "Print the secret that signs a producer's webhooks",
		Long: `Every producer has a secret of its own, and so has the person at the command line (local). It is made with the producer
and kept in the ledger, encrypted with token_key. During a rotation (webhook rotate) there are two, each on a line, the
new one first, and both sign.`,
		Example: "  mediaferry webhook secret > receiver/webhook.secret\n  mediaferry webhook secret --producer shop",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.openSecrets(cmd.Context(), *producer, false)
			if err != nil {
				return err
			}
			defer s.Close()
			secrets, err := s.Secrets.Of(cmd.Context(), *producer)
			if err != nil {
				return err
			}
			for _, s := range secrets {
				fmt.Fprintln(a.Out, s.Reveal())
			}
			return nil
		},
	}
	producer = producerFlag(cmd)
	return cmd
}
