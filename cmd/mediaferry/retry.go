package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/tasks"
)

// retrying is mediaferry retry.
type retrying struct {
	bulk
	detach bool
	wait   time.Duration
	output *format
}

func (a *app) retryCommand() *cobra.Command {
	r := &retrying{bulk: bulk{kind: tasks.ActionRetry, done: "retried"}}
	cmd := &cobra.Command{
		Use:   "retry ID … | --state failed …",
		Short: "Open a new round for uploads that have their outcome, and follow them",
		Long: `A retry keeps the old outcome and its attempts as history. Uploads that were chosen by flags are counted first, with
what they cost of today's calls, and wait for your yes. Uploads that succeeded are retried only with --again.

It is one action on record (mediaferry list actions): Ctrl-C stops it, and so does mediaferry cancel --action ID. Where
this process dies, mediaferry run, worker or serve goes on with it.`,
		Example: `  mediaferry retry 01902c5e-8f2b-7c3a-9d41-0d3f6a1b2c3d
  mediaferry retry --state failed --since 24h --dry-run
  mediaferry retry --batch 0190… --state failed --code missing --yes
  mediaferry retry --again --source 'covers/*.jpg' --detach --yes`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.settingsFor("upload")
			if err != nil {
				return err
			}
			if err := r.check(args); err != nil {
				return err
			}
			return a.retry(cmd.Context(), cfg, r, args)
		},
	}
	flags := cmd.Flags()
	r.add(flags)
	flags.BoolVar(&r.again, "again", false, "retry those that succeeded, too")
	flags.BoolVar(&r.detach, "detach", false, "only open the new round; mediaferry run does the work")
	flags.DurationVar(&r.wait, "wait", time.Minute, "how long to stay when a minute or daily limit lets nothing run")
	flags.BoolVarP(&r.quiet, "quiet", "q", false, "no progress")
	r.output = outputFlag(cmd)
	return cmd
}

func (a *app) retry(ctx context.Context, cfg config.Config, r *retrying, args []string) error {
	o, err := a.tryOwn(cfg, r.detach || r.dryRun)
	if err != nil {
		return err
	}
	if o != nil {
		defer o.release()
	}
	s, err := a.open(ctx, cfg, a.logger(cfg, true), o != nil)
	if err != nil {
		return err
	}
	defer s.close()
	act, err := r.action(ctx, s, args)
	if err != nil {
		return err
	}
	found, err := s.actor(nil).Preview(ctx, act)
	if err != nil {
		return err
	}
	if agreed, err := r.agreed(a, found, s.costs(ctx, found.Calls), len(args) > 0); !agreed {
		return err
	}
	var retried []uuid.UUID
	act.Matched = found.Matched
	act, err = r.carry(ctx, a, s, act, func(taken []tasks.Taken) {
		for _, t := range taken {
			if !r.detach { // else nobody follows them
				retried = append(retried, t.ID)
			}
		}
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Err, "%d of %d are retried\n", act.Done, found.Can)
	if r.detach {
		return a.explainCrew(ctx, s)
	}
	_, stop, err := s.engage(ctx, o != nil)
	if err != nil {
		return err
	}
	defer stop()
	return a.followRetried(ctx, s, r, retried, slices.Sorted(maps.Keys(found.Calls)))
}

func (a *app) followRetried(ctx context.Context, s *stack, r *retrying, ids []uuid.UUID, accounts []string) error {
	follow := following{stack: s, accounts: accounts, patience: r.wait, progress: newProgress(a.Err, r.quiet), crew: &crew{stack: s}}
	outcomes, err := follow.follow(ctx, ids)
	follow.progress.close()
	if err != nil {
		return err
	}
	if err := a.print(*r.output, outcomes); err != nil {
		return err
	}
	a.summarize(outcomes)
	if ctx.Err() != nil {
		return interrupted(s, "")
	}
	return exitCode(exitOf(outcomes))
}
