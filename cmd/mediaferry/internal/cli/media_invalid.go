package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
)

func (a *app) mediaInvalidCommand() *cobra.Command {
	var accounts []string
	cmd := &cobra.Command{
		Use:   "invalid MEDIA_ID …",
		Short: "Report media_ids that WeChat does not know any more (40007)",
		Long: `No upload is answered with such a media_id again. Where it is kept alive it is uploaded again now, by the mediaferry run or
worker that is running; otherwise the next one who asks for its file uploads it.`,
		Example:           "  mediaferry media invalid qH7K0fciR6h7XSp0oT4aqccUmD_faWedJaCSjExplChTPHfYZH5p7kqykKETNF3c",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeMedia(),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			for _, name := range args {
				if err := a.invalid(cmd.Context(), s, name, accounts); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&accounts, "account", nil, "only if it belongs to one of these accounts")
	return cmd
}

// invalid reports one media_id, and says what follows.
func (a *app) invalid(ctx context.Context, s *wire.Stack, mediaID string, accounts []string) error {
	renewing, err := s.Ledger.Invalid(ctx, mediaID, accounts, "")
	if err != nil {
		return err
	}
	if renewing {
		a.say("media.invalid_renewing", "MediaID", mediaID)
	} else {
		a.say("media.invalid", "MediaID", mediaID)
	}
	return nil
}
