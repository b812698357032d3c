package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// uploadFlags is what a person may ask for with mediaferry upload.
type uploadFlags struct {
	kind        string
	account     string
	callback    string
	metadata    string
	report      string
	output      *format
	concurrency int
	wait        time.Duration
	noReuse     bool
	fix         bool
	dryRun      bool
	detach      bool
	quiet       bool
	gather      gatherFlags
}

func (a *app) uploadCommand() *cobra.Command {
	var f uploadFlags
	cmd := &cobra.Command{
		Use:   "upload [flags] PATH|GLOB …",
		Short: "Upload files and folders, and follow them to the end",
		Long: `Submits every file as one batch and stays until each has its outcome. What was submitted is never lost: stop it
when you like, and the same command, or mediaferry run, goes on. A file that was uploaded before is answered from the
record while its media_id lives.`,
		Example: `  mediaferry upload photos/
  mediaferry upload --type thumb --output json covers/*.jpg > outcomes.jsonl
  mediaferry upload --callback https://shop.example/hook --metadata '{"order":7}' order-7/
  mediaferry upload --dry-run photos/              what would happen, without a call`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.settingsFor("upload")
			if err != nil {
				return err
			}
			if f.concurrency > 0 {
				cfg.Worker.Concurrency = f.concurrency
			}
			if err := f.check(); err != nil {
				return err
			}
			return a.upload(cmd.Context(), cfg, args, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.kind, "type", "t", "auto", "media type: auto, image, voice, video or thumb")
	flags.StringVar(&f.account, "account", enqueue.DefaultAccount, "the official account to upload to")
	flags.StringVar(&f.callback, "callback", "", "`URL` that gets a signed webhook for every outcome")
	flags.StringVar(&f.metadata, "metadata", "", "`JSON` that comes back with every outcome")
	flags.BoolVarP(&f.dryRun, "dry-run", "n", false, "say what would be uploaded, reused or refused, and upload nothing")
	flags.StringVar(&f.report, "report", "", "write all outcomes to this `FILE` (CSV)")
	flags.IntVar(&f.concurrency, "concurrency", 0, "uploads at once (default worker.concurrency, 64)")
	flags.BoolVar(&f.noReuse, "no-reuse", false, "call WeChat even where a live media_id is known")
	flags.BoolVar(&f.fix, "fix", false, "make a picture fit that WeChat would refuse (the file is not touched)")
	flags.BoolVar(&f.detach, "detach", false, "only submit; mediaferry run does the work")
	flags.DurationVar(&f.wait, "wait", time.Minute, "how long to stay when a minute or daily limit lets nothing run")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "no progress")
	f.gather.add(flags)
	f.output = outputFlag(cmd)
	return cmd
}

func (f uploadFlags) check() error {
	if f.kind != "auto" {
		if _, err := tasks.ParseMediaType(f.kind); err != nil {
			return usagef("--type: %w", err)
		}
	}
	if f.metadata != "" && !json.Valid([]byte(f.metadata)) {
		return usagef("--metadata is not JSON")
	}
	if err := f.gather.check(); err != nil {
		return err
	}
	if f.concurrency < 0 {
		return usagef("--concurrency must be 1 or more")
	}
	return nil
}

func (a *app) upload(ctx context.Context, cfg config.Config, args []string, f uploadFlags) error {
	log := a.logger(cfg, true)
	o, err := a.tryOwn(cfg, f)
	if err != nil {
		return err
	}
	if o != nil {
		defer o.release()
	}
	s, err := a.open(ctx, cfg, log, o != nil)
	if err != nil {
		return err
	}
	defer s.close()
	if _, known := cfg.Accounts[f.account]; !known {
		return usagef("--account: %q is not in the settings", f.account)
	}
	g := gatherer{stack: s, flags: f, limits: newChecker(cfg).limits}
	if f.dryRun {
		return a.dryRun(ctx, &g, args)
	}
	nudge := func() {}
	if o != nil {
		tune(cfg, os.LookupEnv)
		e, err := s.start(ctx)
		if err != nil {
			return err
		}
		defer e.shutdown(context.WithoutCancel(ctx))
		nudge = e.dispatcher.Nudge
	}
	return a.submitAndFollow(ctx, s, &g, args, nudge)
}

// tryOwn takes the embedded belt if it is free. A second upload submits to the same ledger and lets the owner work.
func (a *app) tryOwn(cfg config.Config, f uploadFlags) (*owner, error) {
	if cfg.RedisURL != embedded || f.detach || f.dryRun {
		return nil, nil //nolint:nilnil // no owner is needed
	}
	o, who, err := own(cfg.DataDir)
	if err == nil && o == nil {
		fmt.Fprintf(a.Err, "%s works on this data dir: submitting to it and following\n", who)
	}
	return o, err
}

func (a *app) submitAndFollow(ctx context.Context, s *stack, g *gatherer, args []string, nudge func()) error {
	sub, err := g.submit(ctx, s.producer(enqueue.DefaultProducer, nudge), args)
	if err != nil {
		return err
	}
	for _, r := range sub.refused {
		fmt.Fprintf(a.Err, "refused: %s: %v\n", showSource(r.source), r.err)
	}
	if g.flags.detach {
		fmt.Fprintf(a.Err, "%d submitted as batch %s\n", len(sub.ids), sub.batch)
		return sub.exit(nil)
	}
	follow := following{stack: s, account: g.flags.account, patience: g.flags.wait, progress: newProgress(a.Err, g.flags.quiet)}
	outcomes, err := follow.follow(ctx, sub.ids)
	follow.progress.close()
	if err != nil {
		return err
	}
	if err := a.print(*g.flags.output, outcomes); err != nil {
		return err
	}
	if g.flags.report != "" {
		if err := writeReport(g.flags.report, outcomes); err != nil {
			return err
		}
	}
	a.summarize(outcomes)
	if ctx.Err() != nil {
		return &exitError{code: tasks.ExitInterrupted}
	}
	return sub.exit(outcomes)
}

func (a *app) print(f format, outcomes []tasks.Outcome) error {
	p := newPrinter(f, a.Out)
	for _, o := range outcomes {
		if err := p.outcome(o); err != nil {
			return fmt.Errorf("print outcomes: %w", err)
		}
	}
	return p.end()
}

func writeReport(path string, outcomes []tasks.Outcome) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	p := newPrinter(asCSV, f)
	for _, o := range outcomes {
		if err := p.outcome(o); err != nil {
			f.Close()
			return fmt.Errorf("write report: %w", err)
		}
	}
	if err := errors.Join(p.end(), f.Close()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// submitted is a batch as it was taken in.
type submitted struct {
	batch   uuid.UUID
	ids     []uuid.UUID
	again   []uuid.UUID // of ids: those that had an outcome before
	refused []refusedRow
}

type refusedRow struct {
	source string
	err    *tasks.Error
}

// exit is the exit code of the batch, refused rows included.
func (s submitted) exit(outcomes []tasks.Outcome) error {
	code := exitOf(outcomes)
	if outcomes == nil {
		code = tasks.ExitOK
	}
	switch {
	case len(s.refused) > 0 && (code == tasks.ExitOK || code == tasks.ExitNothing):
		code = tasks.ExitFailed
	case len(s.ids) == 0 && len(s.refused) == 0:
		code = tasks.ExitNothing
	}
	if code == tasks.ExitOK {
		return nil
	}
	return &exitError{code: code}
}
