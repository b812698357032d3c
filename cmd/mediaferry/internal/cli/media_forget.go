package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) mediaForgetCommand() *cobra.Command {
	var accounts []string
	cmd := &cobra.Command{
		Use:   "forget MEDIA_ID|ID|EXTERNAL_ID|PATH …",
		Short: "Forget media_ids: the next upload of their content calls WeChat",
		Example: `  mediaferry media forget qH7K0fciR6h7XSp0oT4aqccUmD_faWedJaCSjExplChTPHfYZH5p7kqykKETNF3c
  mediaferry media forget photos/cover.jpg         the media_id of its last upload`,
		Args:              someArgs,
		ValidArgsFunction: a.completeMedia(),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			for _, name := range args {
				if err := a.forget(cmd.Context(), s, name, accounts); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&accounts, "account", nil, "only if it belongs to one of these accounts")
	return cmd
}

// forget forgets a media_id, or that of the upload that is named.
func (a *app) forget(ctx context.Context, s *wire.Stack, name string, accounts []string) error {
	err := s.Ledger.Forget(ctx, name, accounts, "")
	if err != nil && tasks.CodeOf(err) == tasks.NotFound {
		o, notFound := find(ctx, s, enqueue.DefaultProducer, name)
		if notFound != nil || o.MediaID == "" {
			return err
		}
		if name = o.MediaID; o.Current != nil { // it was renewed since
			name = o.Current.MediaID
		}
		err = s.Ledger.Forget(ctx, name, accounts, "")
	}
	if err == nil {
		a.say("media.forgotten", "MediaID", name)
	}
	return err
}
