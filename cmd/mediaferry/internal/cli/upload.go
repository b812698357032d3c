package cli

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/follow"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/intake"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// uploadFlags is what a person may ask for with mediaferry upload.
type uploadFlags struct {
	intake.Request
	keepFresh   string
	report      string
	format      output.Format
	concurrency int
	wait        time.Duration
	dryRun      bool
	detach      bool
	quiet       bool
}

func (a *app) uploadCommand() *cobra.Command {
	var f uploadFlags
	cmd := &cobra.Command{
		Use:   "upload [flags] PATH|GLOB|s3://BUCKET/PREFIX|- … | --manifest FILE",
		Short: "Upload files, folders, buckets and manifests, and follow them to the end",
		Long: `Submits all files as one batch and stays until each has its outcome. A submitted file is never lost: stop the command when
you like, and the same command, or mediaferry run, goes on. A file that was uploaded before gets its earlier media_id
while that lives and the file holds the same bytes. It is read again only where it looks different (size, mtime, ctime,
inode; of an object size and ETag), or with --checksum.

A manifest is CSV whose first row names its columns (path or source; id, type, account, filename, callback, metadata,
meta.NAME, priority, keep_fresh_until), or one JSON object on each line with the same fields as the API. Its paths lie under storage_root.
The flags fill in what a row leaves open. --report writes each row with its outcome, and the report can be used as a
manifest again.`,
		Example: `  mediaferry upload photos/
  mediaferry upload --type thumb --output json covers/*.jpg > outcomes.jsonl
  mediaferry upload --callback https://shop.example/hook --metadata '{"order":7}' order-7/
  mediaferry upload --manifest orders.csv --report outcomes.csv
  mediaferry upload --keep-fresh 30d covers/       media_ids that stay alive while mediaferry run is running
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
			if f.KeepFresh, err = keepFresh(f.keepFresh, time.Now()); err != nil {
				return err
			}
			if err := f.check(cfg, args); err != nil {
				return err
			}
			return a.upload(cmd.Context(), cfg, args, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.Kind, "type", "t", intake.AutoKind, "media type: auto, image, voice, video or thumb")
	flags.StringVar(&f.Account, "account", enqueue.DefaultAccount, "the official account to upload to")
	flags.StringVar(&f.Producer, "producer", "", "submit in the name of this producer, within its rights: from below the storage root")
	flags.StringVar(&f.Callback, "callback", "", "`URL` that gets a signed webhook for every outcome")
	flags.StringVar(&f.Metadata, "metadata", "", "`JSON` that comes back with every outcome")
	flags.BoolVarP(&f.dryRun, "dry-run", "n", false, "say what would be uploaded, reused or refused, and upload nothing")
	flags.StringVar(&f.report, "report", "", "write every row with its outcome to this `FILE` (CSV)")
	flags.IntVar(&f.concurrency, "concurrency", 0, "uploads at once (default worker.concurrency, 64)")
	flags.BoolVar(&f.NoReuse, "no-reuse", false, "call WeChat even where a live media_id is known")
	flags.StringVar(&f.keepFresh, "keep-fresh", "", "keep the media_ids alive for so long (30d), or until a `TIME` (2026-12-31): they are renewed before they expire")
	flags.BoolVar(&f.Checksum, "checksum", false, "read every file, also one that looks as it did when it was uploaded")
	flags.BoolVar(&f.Fix, "fix", false, "make a picture fit that WeChat would refuse (the file is not touched)")
	flags.BoolVar(&f.detach, "detach", false, "only submit; mediaferry run does the work")
	flags.DurationVar(&f.wait, "wait", time.Minute, "how long to stay when a minute or daily limit lets nothing run")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "no progress")
	f.From.AddManifest(flags)
	f.From.AddFilter(flags, a.words, a.Err)
	output.FlagVar(cmd.Flags(), &f.format, output.Table, output.JSON, output.CSV)
	return cmd
}

// keepFresh reads --keep-fresh.
func keepFresh(text string, now time.Time) (time.Time, error) {
	until, err := tasks.ParseUntil(text, now)
	switch {
	case text == "":
		return time.Time{}, nil
	case err != nil:
		return until, exit.Usagef("--keep-fresh: %w", err)
	case !until.After(now):
		return until, exit.Usage(words.Fail("upload.keep_over", "Until", text))
	}
	return until.UTC().Truncate(time.Second), nil
}

// check refuses flags and paths that contradict each other or the settings.
func (f uploadFlags) check(cfg config.Config, args []string) error {
	if err := f.checkValues(); err != nil {
		return err
	}
	if err := f.From.Check(args); err != nil {
		return err
	}
	if _, known := cfg.Accounts[f.Account]; !known {
		return exit.Usage(words.Fail("upload.account", "Name", strconv.Quote(f.Account)))
	}
	switch {
	case cfg.StorageRoot != "" || len(cfg.S3.Buckets) > 0:
		return nil
	case f.Producer != "":
		return exit.Usage(words.Fail("upload.root_producer"))
	case cfg.RedisURL != config.Embedded:
		return exit.Usage(words.Fail("upload.root_shared"))
	}
	return nil
}

func (f uploadFlags) checkValues() error {
	if f.Kind != intake.AutoKind {
		if _, err := tasks.ParseMediaType(f.Kind); err != nil {
			return exit.Usage(words.Fail("upload.type", "Type", strconv.Quote(f.Kind)))
		}
	}
	if f.Metadata != "" && !json.Valid([]byte(f.Metadata)) {
		return exit.Usage(words.Fail("upload.metadata"))
	}
	if u, err := url.Parse(f.Callback); f.Callback != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		return exit.Usage(words.Fail("upload.callback"))
	}
	switch {
	case f.concurrency < 0 || f.concurrency > maxConcurrency:
		return exit.Usage(words.Fail("upload.concurrency", "Most", maxConcurrency))
	case f.wait < 0:
		return exit.Usage(words.Fail("upload.wait"))
	}
	return intake.CheckReport(f.report)
}

// maxConcurrency is what worker.concurrency may be, too.
const maxConcurrency = 4096

func (a *app) upload(ctx context.Context, cfg config.Config, args []string, f uploadFlags) error {
	lock, err := a.tryLock(cfg, f.detach || f.dryRun)
	if err != nil {
		return err
	}
	if lock != nil {
		defer lock.Unlock()
	}
	s, err := a.openUpload(ctx, cfg, f, lock != nil)
	if err != nil {
		return err
	}
	defer s.Close()
	g, err := intake.New(s, f.Request, a.In)
	if err != nil {
		return err
	}
	if f.dryRun {
		return a.dryRun(ctx, g, f.format, args)
	}
	nudge, stop, err := s.StartIfLocked(ctx, lock != nil)
	if err != nil {
		return err
	}
	stop = sync.OnceFunc(stop)
	defer stop()
	return a.submitAndFollow(ctx, g, f, args, nudge, stop)
}

// openUpload opens what an upload needs: to submit it, or to see what it would do, no Redis.
func (a *app) openUpload(ctx context.Context, cfg config.Config, f uploadFlags, belt bool) (*wire.Stack, error) {
	if !f.detach && !f.dryRun {
		return wire.Open(ctx, cfg, a.logger(cfg, true), belt)
	}
	s, away, err := wire.OpenToSubmit(ctx, cfg, a.logger(cfg, true))
	if away != nil && f.detach {
		a.say("upload.redis_away", "Why", a.words.Error(away))
	}
	return s, err
}

// tryLock locks the data dir for an embedded belt. It returns nil where another process has locked it: then this one
// submits to the same ledger and follows, and the other does the work.
func (a *app) tryLock(cfg config.Config, idle bool) (*wire.Lock, error) {
	if cfg.RedisURL != config.Embedded || idle {
		return nil, nil //nolint:nilnil // no lock is needed
	}
	lock, holder, err := wire.TryLock(cfg.DataDir)
	if err == nil && lock == nil {
		a.say("upload.owned", "Who", holder)
	}
	return lock, err
}

func (a *app) submitAndFollow(ctx context.Context, g *intake.Gatherer, f uploadFlags, args []string, nudge, stop func()) error {
	door, err := g.Stack.Door(ctx, f.Producer, nudge)
	if err != nil {
		return err
	}
	sub, err := g.Submit(ctx, door, args)
	if err != nil && ctx.Err() != nil {
		a.interruptedWith(g.Stack)(0)
		stop()
		a.sayKept(g.Stack, nil, a.t("upload.same_command"))
		return exit.With(tasks.ExitInterrupted)
	}
	if err != nil {
		return err
	}
	if n := sub.Conflicting(); n > 0 {
		a.say("upload.conflicting", "Count", n)
	}
	if sub.KeepsFresh() && g.Stack.Embedded {
		a.say("upload.keeps_fresh")
	}
	if f.detach {
		return a.leave(ctx, sub, f)
	}
	follower := follow.Follower{
		Stack: g.Stack, Words: a.words, Accounts: sub.AccountNames(), Patience: f.wait, Progress: output.NewProgress(a.words, a.Err, f.quiet), Workers: true,
		Interrupted: a.interruptedWith(g.Stack),
	}
	found, err := follower.Follow(ctx, sub.IDs())
	follower.Progress.Close()
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		stop()
		if found, err = follow.LookUp(context.WithoutCancel(ctx), g.Stack, sub.IDs()); err != nil {
			return err
		}
		a.sayKept(g.Stack, found, a.t("upload.same_command"))
	}
	if err := a.answer(sub, f, found, true); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return exit.With(tasks.ExitInterrupted)
	}
	return exit.With(sub.Exit(found))
}

// leave ends an upload that was only submitted.
func (a *app) leave(ctx context.Context, sub *intake.Batch, f uploadFlags) error {
	found, err := follow.LookUp(ctx, sub.Stack, sub.IDs())
	if err != nil {
		return err
	}
	if err := a.answer(sub, f, found, f.format != output.Table); err != nil {
		return err
	}
	if len(found) > 0 {
		a.say("upload.submitted", "N", len(found), "Batch", sub.ID)
		if err := follow.SayWorkers(ctx, a.words, a.Err, sub.Stack); err != nil {
			return err
		}
		if code := sub.Exit(nil); code != tasks.ExitNothing {
			return exit.With(code)
		}
		return nil
	}
	return exit.With(sub.Exit(nil))
}

// answer prints what became of every row, and writes the report.
func (a *app) answer(sub *intake.Batch, f uploadFlags, found []tasks.Outcome, onStdout bool) error {
	outcomes := sub.Outcomes(found)
	if onStdout {
		if err := output.All(f.format, a.Out, output.Outcomes(a.words), outcomes); err != nil {
			return err
		}
	}
	if path := f.report; path != "" {
		if err := sub.WriteReport(path, outcomes); err != nil {
			return err
		}
	}
	if len(outcomes) == 0 {
		f.From.SayNothing(a.words, a.Err)
		return nil
	}
	output.Summarize(a.words, a.Err, outcomes, sub.Before())
	return nil
}
