package cli

import (
	"context"
	"fmt"
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
	"github.com/mediaferry/mediaferry/tasks/lang"
)

func (a *app) mediaGetCommand() *cobra.Command {
	var f uploadFlags
	cmd := &cobra.Command{
		Use:   "get PATH|s3://BUCKET/KEY",
		Short: "Get a media_id of a file that is live now",
		Long: `Prints a media_id that lives for a while yet. It comes from the record where the file looks as it did when it was read
last (size, mtime, ctime, inode; of an object size and ETag). Otherwise the file is uploaded, ahead of all bulk work, and
the command waits for that. However often it is asked for, an unchanged file is uploaded once in its media's life.`,
		Example: `  MEDIA_ID=$(mediaferry media get stickers/hello.jpg)
  mediaferry media get --type thumb --output json covers/1.jpg
  mediaferry media get --account shop s3://media/2026/cover.jpg`,
		Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.settingsFor("upload")
			if err == nil {
				err = f.check(cfg, args)
			}
			if err != nil {
				return err
			}
			return a.getMedia(cmd.Context(), cfg, args[0], f)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.Kind, "type", "t", intake.AutoKind, "media type: auto, image, voice, video or thumb")
	flags.StringVar(&f.Account, "account", enqueue.DefaultAccount, "the official account that it is for")
	flags.StringVar(&f.Producer, "producer", "", "ask in the name of this producer, within its rights: from below the storage root")
	flags.BoolVar(&f.Checksum, "checksum", false, "read the file, also if it looks as it did when it was read last")
	flags.BoolVar(&f.Fix, "fix", false, "make a picture fit that WeChat would refuse (the file is not touched)")
	flags.DurationVar(&f.wait, "wait", time.Minute, "how long to wait for the upload")
	output.FlagVar(flags, &f.format, output.Table, output.JSON)
	return cmd
}

func (a *app) getMedia(ctx context.Context, cfg config.Config, name string, f uploadFlags) error {
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
	g, err := intake.New(s, f.Request, a.In)
	if err != nil {
		return err
	}
	u, err := oneUpload(ctx, g, name)
	if err != nil {
		return err
	}
	nudge, stop, err := s.StartIfLocked(ctx, lock != nil)
	if err != nil {
		return err
	}
	defer stop()
	door, err := s.Door(ctx, f.Producer, nudge)
	if err != nil {
		return err
	}
	door.Live = s.LiveMedia(g.Files)
	defer s.Ledger.Follow(door.Live.Woken)()
	answer, err := door.AskMedia(ctx, enqueue.MediaRequest{Upload: u, Checksum: f.Checksum}, f.wait)
	if ctx.Err() != nil {
		a.interruptedWith(s)(0)
		return exit.With(tasks.ExitInterrupted)
	}
	if err != nil {
		return err
	}
	return a.answerMedia(ctx, s, answer, f.format)
}

// oneUpload is the upload of the one file that a person names.
func oneUpload(ctx context.Context, g *intake.Gatherer, name string) (u tasks.Upload, err error) {
	n := 0
	for row := range g.Named(ctx, []string{name}) {
		if n++; n > 1 {
			return u, exit.Usage(words.Fail("media.several", "Name", name))
		}
		if row.Err != nil {
			return u, row.Err
		}
		u = row.Upload
		u.Account, u.Fix = g.Request.Account, g.Request.Fix
		if u.Type, err = g.KindOf(ctx, row); err != nil {
			return u, err
		}
	}
	if n == 0 {
		return u, &tasks.Error{Code: tasks.Missing, Op: "look for file", Err: tasks.Textf("there is no such file")}
	}
	return u, ctx.Err()
}

// answerMedia prints the media_id, or says why there is none.
func (a *app) answerMedia(ctx context.Context, s *wire.Stack, m enqueue.MediaAnswer, format output.Format) error {
	if format == output.JSON {
		if err := output.JSONLines(a.Out, []tasks.Outcome{m.Outcome}); err != nil {
			return err
		}
	}
	switch {
	case m.State == tasks.Succeeded && format == output.JSON:
		return nil
	case m.State == tasks.Succeeded:
		fmt.Fprintln(a.Out, m.MediaID)
		a.say("media.lives", "Until", output.Local(m.ExpiresAt))
		return nil
	case m.State.Final():
		c := lang.CauseOf(m.Outcome)
		a.say("media.refused", "File", output.Source(m.Source), "Reason", a.words.Reason(c), "Hint", a.words.Remedy(c))
	default:
		a.say("media.not_yet", "ID", output.ShortID(m.ID), "State", a.words.State(m.State), "Reason", a.words.Reason(lang.CauseOf(m.Outcome)))
		if !s.Working {
			if err := follow.SayWorkers(ctx, a.words, a.Err, s); err != nil {
				return err
			}
		}
		a.sayKept(s, nil, a.t("upload.same_command"))
	}
	return exit.With(m.Exit())
}
