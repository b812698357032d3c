package cli

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/follow"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/tasks"
)

// retryFlags is what a person may ask for with mediaferry retry.
type retryFlags struct {
	actionFlags
	detach bool
	wait   time.Duration
	format output.Format
}

func (a *app) retryCommand() *cobra.Command {
	r := &retryFlags{actionFlags: actionFlags{kind: tasks.ActionRetry}}
	cmd := &cobra.Command{
		Use:   "retry ID|EXTERNAL_ID|PATH … | --state failed …",
		Short: "Open a new round for uploads that have their outcome, and follow them",
		Long: `A retry keeps the old outcome and its attempts as history. If you choose uploads by flags, it first shows their number and
what they cost of today's calls, and asks for your yes. Uploads that succeeded are retried only with --again.

It is one action in the ledger (mediaferry list actions). Ctrl-C stops it, and so does mediaferry cancel --action ID. If
this process dies, mediaferry run, worker or serve goes on with it.`,
		Example: `  mediaferry retry 01902c5e-8f2b-7c3a
  mediaferry retry photos/cover.jpg
  mediaferry retry --state failed --since 24h --dry-run
  mediaferry retry --batch 0190… --state failed --code missing --yes
  mediaferry retry --again --source 'covers/*.jpg' --detach --yes`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeUploads(),
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
	output.FlagVar(cmd.Flags(), &r.format, output.Table, output.JSON, output.CSV)
	return cmd
}

func (a *app) retry(ctx context.Context, cfg config.Config, r *retryFlags, args []string) error {
	lock, err := a.tryLock(cfg, r.detach || r.dryRun)
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
	act, err := r.action(ctx, s, args)
	if err != nil {
		return err
	}
	found, err := s.Actor(nil).Preview(ctx, act)
	if err != nil {
		return err
	}
	if agreed, err := r.confirm(a, found, a.costs(ctx, s, found.Calls), len(args) > 0); !agreed {
		return err
	}
	var retried []uuid.UUID
	act.Matched = found.Matched
	act, err = r.carryOut(ctx, a, s, act, func(taken []tasks.Taken) {
		for _, t := range taken {
			if !r.detach { // else nobody follows them
				retried = append(retried, t.ID)
			}
		}
	})
	if err != nil {
		return err
	}
	a.say("retry.done", "Done", act.Done, "Can", found.Can)
	if r.detach {
		return follow.SayWorkers(ctx, a.words, a.Err, s)
	}
	_, stop, err := s.StartIfLocked(ctx, lock != nil)
	if err != nil {
		return err
	}
	stop = sync.OnceFunc(stop)
	defer stop()
	return a.followRetried(ctx, s, r, retried, slices.Sorted(maps.Keys(found.Calls)), stop)
}

func (a *app) followRetried(ctx context.Context, s *wire.Stack, r *retryFlags, ids []uuid.UUID, accounts []string, stop func()) error {
	f := follow.Follower{
		Stack: s, Words: a.words, Accounts: accounts, Patience: r.wait, Progress: output.NewProgress(a.words, a.Err, r.quiet), Workers: true,
		Interrupted: a.interruptedWith(s),
	}
	outcomes, err := f.Follow(ctx, ids)
	f.Progress.Close()
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		stop()
		if outcomes, err = follow.LookUp(context.WithoutCancel(ctx), s, ids); err != nil {
			return err
		}
		a.sayKept(s, outcomes, "")
	}
	if err := output.All(r.format, a.Out, output.Outcomes(a.words), outcomes); err != nil {
		return err
	}
	output.Summarize(a.words, a.Err, outcomes, nil)
	if ctx.Err() != nil {
		return exit.With(tasks.ExitInterrupted)
	}
	return exit.With(exit.Of(outcomes))
}
