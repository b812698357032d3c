package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

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
	rows        rowFlags
}

func (a *app) uploadCommand() *cobra.Command {
	var f uploadFlags
	cmd := &cobra.Command{
		Use:   "upload [flags] PATH|GLOB|s3://BUCKET/PREFIX|- … | --manifest FILE",
		Short: "Upload files, folders, buckets and manifests, and follow them to the end",
		Long: `Submits every file as one batch and stays until each has its outcome. What was submitted is never lost: stop it
when you like, and the same command, or mediaferry run, goes on. A file that was uploaded before is answered from the
record while its media_id lives.

A manifest is CSV whose first row names its columns (path or source; id, type, account, filename, callback, metadata,
meta.NAME, priority), or one JSON object a line with the same fields as the API. Its paths lie under storage_root. A
row keeps what it says of itself, and the flags fill in the rest. --report answers it row by row, and the report can
be given as a manifest again.`,
		Example: `  mediaferry upload photos/
  mediaferry upload --type thumb --output json covers/*.jpg > outcomes.jsonl
  mediaferry upload --callback https://shop.example/hook --metadata '{"order":7}' order-7/
  mediaferry upload --manifest orders.csv --report outcomes.csv
  mediaferry upload s3://media/2026/11/            every object below the prefix
  find photos -newer stamp -print0 | mediaferry upload --null -
  mediaferry upload --dry-run photos/              what would happen, without a call`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.settingsFor("upload")
			if err != nil {
				return err
			}
			if f.concurrency > 0 {
				cfg.Worker.Concurrency = f.concurrency
			}
			if err := f.check(cfg, args); err != nil {
				return err
			}
			return a.upload(cmd.Context(), cfg, args, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.kind, "type", "t", autoKind, "media type: auto, image, voice, video or thumb")
	flags.StringVar(&f.account, "account", enqueue.DefaultAccount, "the official account to upload to")
	flags.StringVar(&f.callback, "callback", "", "`URL` that gets a signed webhook for every outcome")
	flags.StringVar(&f.metadata, "metadata", "", "`JSON` that comes back with every outcome")
	flags.BoolVarP(&f.dryRun, "dry-run", "n", false, "say what would be uploaded, reused or refused, and upload nothing")
	flags.StringVar(&f.report, "report", "", "write every row with its outcome to this `FILE` (CSV)")
	flags.IntVar(&f.concurrency, "concurrency", 0, "uploads at once (default worker.concurrency, 64)")
	flags.BoolVar(&f.noReuse, "no-reuse", false, "call WeChat even where a live media_id is known")
	flags.BoolVar(&f.fix, "fix", false, "make a picture fit that WeChat would refuse (the file is not touched)")
	flags.BoolVar(&f.detach, "detach", false, "only submit; mediaferry run does the work")
	flags.DurationVar(&f.wait, "wait", time.Minute, "how long to stay when a minute or daily limit lets nothing run")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "no progress")
	f.rows.addManifest(flags)
	f.rows.addFilter(flags)
	f.output = outputFlag(cmd)
	return cmd
}

// check refuses what can't be meant, with what to do about it.
func (f uploadFlags) check(cfg config.Config, args []string) error {
	if err := f.checkValues(); err != nil {
		return err
	}
	if err := f.rows.check(args); err != nil {
		return err
	}
	if _, known := cfg.Accounts[f.account]; !known {
		return usagef("--account: %q is not in the settings: name one that mediaferry accounts list shows", f.account)
	}
	switch {
	case cfg.StorageRoot != "" || len(cfg.S3.Buckets) > 0:
		return nil
	case f.rows.manifest != "":
		return usagef("storage_root is not set: the paths of a manifest lie under it (MEDIAFERRY_STORAGE_ROOT)")
	case cfg.RedisURL != embedded:
		return usagef("storage_root is not set: with a shared Redis, paths must lie under the root that the workers see (MEDIAFERRY_STORAGE_ROOT)")
	}
	return nil
}

func (f uploadFlags) checkValues() error {
	if f.kind != autoKind {
		if _, err := tasks.ParseMediaType(f.kind); err != nil {
			return usagef("--type: %q is not one of auto, image, voice, video, thumb", f.kind)
		}
	}
	if f.metadata != "" && !json.Valid([]byte(f.metadata)) {
		return usagef("--metadata is not JSON: quote it for the shell, as --metadata '{\"order\":7}'")
	}
	if u, err := url.Parse(f.callback); f.callback != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		return usagef("--callback: give a whole URL, as https://shop.example/hook")
	}
	switch {
	case f.concurrency < 0 || f.concurrency > maxConcurrency:
		return usagef("--concurrency must be 1 to %d", maxConcurrency)
	case f.wait < 0:
		return usagef("--wait must be 0s or longer")
	}
	return checkReport(f.report)
}

// maxConcurrency is what worker.concurrency may be, too.
const maxConcurrency = 4096

func (a *app) upload(ctx context.Context, cfg config.Config, args []string, f uploadFlags) error {
	o, err := a.tryOwn(cfg, f.detach || f.dryRun)
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
	g := &gatherer{stack: s, flags: f, limits: newChecker(cfg).limits, accounts: ledgerAccounts(cfg, s.wechat), in: a.In}
	if f.dryRun {
		return a.dryRun(ctx, g, args)
	}
	nudge, stop, err := s.engage(ctx, o != nil)
	if err != nil {
		return err
	}
	defer stop()
	return a.submitAndFollow(ctx, g, args, nudge)
}

// tryOwn takes the embedded belt if it is free and needed. A second upload submits to the same ledger and lets the
// owner work.
func (a *app) tryOwn(cfg config.Config, idle bool) (*owner, error) {
	if cfg.RedisURL != embedded || idle {
		return nil, nil //nolint:nilnil // no owner is needed
	}
	o, who, err := own(cfg.DataDir)
	if err == nil && o == nil {
		fmt.Fprintf(a.Err, "%s works on this data dir: submitting to it and following\n", who)
	}
	return o, err
}

// engage starts to work in this process where it owns the belt. stop ends that.
func (s *stack) engage(ctx context.Context, owned bool) (nudge, stop func(), err error) {
	if !owned {
		return func() {}, func() {}, nil
	}
	tune(s.cfg, os.LookupEnv)
	e, err := s.start(ctx)
	if err != nil {
		return nil, nil, err
	}
	return e.dispatcher.Nudge, func() { e.shutdown(context.WithoutCancel(ctx)) }, nil
}

func (a *app) submitAndFollow(ctx context.Context, g *gatherer, args []string, nudge func()) error {
	sub, err := g.submit(ctx, g.stack.producer(enqueue.DefaultProducer, nudge), args)
	if err != nil && ctx.Err() != nil {
		return interrupted(g.stack, sameCommand)
	}
	if err != nil {
		return err
	}
	if n := len(sub.contrary); n > 0 {
		fmt.Fprintf(a.Err, "%s submitted before with another callback, metadata or name: "+
			"what was submitted then answers, and stays as it was\n", count(n, "of these files was", "of these files were"))
	}
	if g.flags.detach {
		return a.leave(ctx, sub)
	}
	follow := following{stack: g.stack, accounts: sub.accountNames(), patience: g.flags.wait, progress: newProgress(a.Err, g.flags.quiet), crew: &crew{stack: g.stack}}
	found, err := follow.follow(ctx, sub.ids())
	follow.progress.close()
	if err != nil {
		return err
	}
	if err := a.answer(sub, found, true); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return interrupted(g.stack, sameCommand)
	}
	return exitCode(sub.exit(found))
}

// sameCommand is what interrupted names first where running the command again goes on with what it submitted.
const sameCommand = "the same command or "

// interrupted says with what the submitted uploads go on.
func interrupted(s *stack, with string) error {
	with += "mediaferry run"
	switch {
	case !s.embedded:
		with += " or worker"
	case s.working:
		with += "; uploads under way may end now, a second interrupt ends them at once"
	}
	return &exitError{code: tasks.ExitInterrupted, err: errors.New("interrupted: what was submitted is kept, and goes on with " + with)}
}

// leave ends an upload that was only submitted.
func (a *app) leave(ctx context.Context, sub *submission) error {
	found, err := sub.stack.outcomes(ctx, sub.ids())
	if err != nil {
		return err
	}
	if err := a.answer(sub, found, *sub.flags.output != asTable); err != nil {
		return err
	}
	if len(found) > 0 {
		fmt.Fprintf(a.Err, "%d submitted as batch %s\n", len(found), sub.batch)
		if err := a.explainCrew(ctx, sub.stack); err != nil {
			return err
		}
		if code := sub.exit(nil); code != tasks.ExitNothing {
			return exitCode(code)
		}
		return nil
	}
	return exitCode(sub.exit(nil))
}

// answer prints what became of every row, and writes the report.
func (a *app) answer(sub *submission, found []tasks.Outcome, onStdout bool) error {
	outcomes := sub.outcomes(found)
	if onStdout {
		if err := a.print(*sub.flags.output, outcomes); err != nil {
			return err
		}
	}
	if path := sub.flags.report; path != "" {
		if err := writeReport(path, sub.rows, outcomes); err != nil {
			return err
		}
	}
	if len(outcomes) == 0 {
		a.nothingFound(sub.flags)
		return nil
	}
	a.summarize(outcomes)
	return nil
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
