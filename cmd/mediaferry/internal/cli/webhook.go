package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
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
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.webhookSecretCommand(), a.webhookRotateCommand(), a.webhookListCommand(), a.webhookShowCommand(),
		a.webhookReplayCommand(), a.webhookVerifyCommand(), a.webhookListenCommand())
	return cmd
}

// producerFlag adds --producer, whose default is the person at the command line.
func producerFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("producer", enqueue.DefaultProducer, "`NAME` of the producer whose secret it is")
}

// openSecrets opens the ledger and the secret of a producer in it. It returns a usage error for a name that no
// producer has, and where the settings sign in the ledger's place.
func (a *app) openSecrets(ctx context.Context, producer string, lostKey bool) (*wire.Stack, error) {
	s, err := a.openLedger(ctx)
	if err != nil {
		return nil, err
	}
	if lostKey {
		err = s.ReplaceLostKey(ctx)
	} else {
		err = s.OpenKeys(ctx)
	}
	if err == nil && len(wire.ConfiguredSecrets(s.Config, producer)) > 0 {
		err = exit.Usage(words.Fail("webhook.configured", "Producer", producer))
	}
	if err == nil {
		var known bool
		if known, err = s.KnowsProducer(ctx, producer); err == nil && !known {
			err = exit.Usage(words.Fail("webhook.no_producer", "Producer", strconv.Quote(producer)))
		}
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// localSecrets are what signs the events of the person at the command line.
func (a *app) localSecrets(ctx context.Context) ([]tasks.Secret, error) {
	cfg, err := a.settings()
	if err != nil {
		return nil, err
	}
	if configured := wire.ConfiguredSecrets(cfg, enqueue.DefaultProducer); len(configured) > 0 {
		return configured, nil
	}
	s, err := a.openSecrets(ctx, enqueue.DefaultProducer, false)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Secrets.Of(ctx, enqueue.DefaultProducer)
}
