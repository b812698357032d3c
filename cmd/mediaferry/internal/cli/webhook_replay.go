package cli

import (
	"context"
	"strconv"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/follow"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) webhookReplayCommand() *cobra.Command {
	var (
		f   deliveryFlags
		yes bool
	)
	cmd := &cobra.Command{
		Use:   "replay ID … | --state failed",
		Short: "Send deliveries again, with all their attempts",
		Long: `The event and its webhook-id stay the same, so that a receiver recognizes a repetition. mediaferry run or a worker sends
it.`,
		Example: `  mediaferry webhook replay 01902c5e-8f2b-7c3a-9d41-0d3f6a1b2c3d
  mediaferry webhook replay --state failed --yes`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeDeliveries(),
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen := f != deliveryFlags{}
			switch {
			case len(args) == 0 && !chosen:
				return exit.Usage(words.Fail("webhook.choose"))
			case len(args) > 0 && chosen:
				return exit.Usage(words.Fail("webhook.both"))
			}
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			ids, err := deliveryIDs(cmd.Context(), s, args, f)
			if err != nil {
				return err
			}
			if len(ids) == 0 {
				a.say("webhook.none")
				return exit.With(tasks.ExitNothing)
			}
			if chosen && !yes {
				return exit.Usage(words.Fail("webhook.yes", "Count", len(ids)))
			}
			return a.replay(cmd.Context(), s, ids)
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do it to all that match")
	return cmd
}

func deliveryIDs(ctx context.Context, s *wire.Stack, args []string, f deliveryFlags) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	for _, arg := range args {
		id, err := uuid.Parse(arg)
		if err != nil {
			return nil, exit.Usage(words.Fail("webhook.no_id", "ID", strconv.Quote(arg)))
		}
		ids = append(ids, id)
	}
	if len(args) > 0 {
		return ids, nil
	}
	filter, err := f.filter()
	if err != nil {
		return nil, err
	}
	filter.Limit = 1000
	_, err = eachDelivery(ctx, s, filter, 0, func(d tasks.Delivery) error {
		ids = append(ids, d.ID)
		return nil
	})
	return ids, err
}

func (a *app) replay(ctx context.Context, s *wire.Stack, ids []uuid.UUID) error {
	for i, id := range ids {
		if err := s.Ledger.Replay(ctx, id); err != nil {
			return wrapped(err, "webhook.replay_failed", "ID", id, "Number", i+1, "All", len(ids))
		}
	}
	a.say("webhook.due", "Count", len(ids))
	return follow.SayHolder(a.words, a.Err, s.Config)
}
