package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) mediaRenewCommand() *cobra.Command {
	var (
		accounts []string
		wait     time.Duration
		format   output.Format
	)
	cmd := &cobra.Command{
		Use:   "renew MEDIA_ID|ID|EXTERNAL_ID|PATH …",
		Short: "Upload the content of media again, now",
		Long: `Prints the new media_id of each. That costs one call, ahead of all bulk work, and the old media_id lives until its own end.
The file must hold the content still that the media has: where it does not, nothing is uploaded (content_changed).`,
		Example: `  mediaferry media renew qH7K0fciR6h7XSp0oT4aqccUmD_faWedJaCSjExplChTPHfYZH5p7kqykKETNF3c
  mediaferry media renew photos/cover.jpg          the media_id of its last upload`,
		Args:              someArgs,
		ValidArgsFunction: a.completeMedia(),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.settingsFor("upload")
			if err != nil {
				return err
			}
			return a.renewMedia(cmd.Context(), cfg, args, accounts, wait, format)
		},
	}
	cmd.Flags().StringSliceVar(&accounts, "account", nil, "only if it belongs to one of these accounts")
	cmd.Flags().DurationVar(&wait, "wait", time.Minute, "how long to wait for the uploads")
	output.FlagVar(cmd.Flags(), &format, output.Table, output.JSON)
	return cmd
}

func (a *app) renewMedia(ctx context.Context, cfg config.Config, names, accounts []string, wait time.Duration, format output.Format) error {
	lock, err := a.tryLock(cfg, false)
	if err != nil {
		return err
	}
	if lock != nil {
		defer lock.Unlock()
	}
	s, err := wire.Open(ctx, cfg, a.logger(cfg, true), lock != nil)
	if err != nil {
		return err
	}
	defer s.Close()
	renewals := make([]uuid.UUID, len(names))
	for i, name := range names {
		if renewals[i], err = beginRenewal(ctx, s, name, accounts); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	nudge, stop, err := s.StartIfLocked(ctx, lock != nil)
	if err != nil {
		return err
	}
	defer stop()
	nudge()
	live := s.LiveMedia(nil)
	defer s.Ledger.Follow(live.Woken)()
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	all := make([]tasks.Outcome, len(renewals))
	for i, id := range renewals {
		if all[i], err = live.Await(waiting, id); err != nil {
			return err
		}
		var code *exit.Error // that of all of them together counts
		if err := a.answerMedia(ctx, s, enqueue.MediaAnswer{Outcome: all[i]}, format); err != nil && !errors.As(err, &code) {
			return err
		}
	}
	if ctx.Err() != nil {
		return exit.With(tasks.ExitInterrupted)
	}
	return exit.With(exit.Of(all))
}

// beginRenewal begins to renew a media_id, or that of the upload that is named.
func beginRenewal(ctx context.Context, s *wire.Stack, name string, accounts []string) (uuid.UUID, error) {
	id, err := s.Ledger.RenewMedia(ctx, name, accounts, "")
	if tasks.CodeOf(err) != tasks.NotFound {
		return id, err
	}
	o, notFound := find(ctx, s, enqueue.DefaultProducer, name)
	if notFound != nil || o.MediaID == "" {
		return id, err
	}
	return s.Ledger.RenewMedia(ctx, o.MediaID, accounts, "")
}
