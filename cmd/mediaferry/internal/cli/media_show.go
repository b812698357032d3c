package cli

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/intake"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// known is the media that a file would be answered with.
type knownMedia struct {
	Source  string          `json:"source"`
	Type    tasks.MediaType `json:"type"`
	Account string          `json:"account"`
	SHA256  string          `json:"sha256,omitempty"`
	MediaID string          `json:"media_id,omitempty"`
	Issued  string          `json:"issued_at,omitempty"`
	Expires string          `json:"expires_at,omitempty"`
	Reason  string          `json:"reason,omitempty"` // why it has none
	why     string          // the same in the reader's language
}

func (a *app) mediaShowCommand() *cobra.Command {
	var f uploadFlags
	cmd := &cobra.Command{
		Use:   "show PATH|GLOB|s3://BUCKET/PREFIX …",
		Short: "Show the live media_id that an upload of each file would reuse",
		Long: `Looks up the files' contents in the ledger, without a call. It exits with 3 if a file has no live media_id, or can't have
one.`,
		Example: "  mediaferry media show photos/\n  mediaferry media show --type thumb --output json covers/*.jpg",
		Args:    someArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.settingsFor("upload")
			if err != nil {
				return err
			}
			if err := f.check(cfg, args); err != nil {
				return err
			}
			s, err := wire.Open(cmd.Context(), cfg, a.logger(cfg, true), false)
			if err != nil {
				return err
			}
			defer s.Close()
			g, err := intake.New(s, f.Request, a.In)
			if err != nil {
				return err
			}
			return a.showMedia(cmd.Context(), g, f.format, args)
		},
	}
	cmd.Flags().StringVarP(&f.Kind, "type", "t", intake.AutoKind, "media type: auto, image, voice, video or thumb")
	cmd.Flags().StringVar(&f.Account, "account", enqueue.DefaultAccount, "the official account they belong to")
	f.From.AddFilter(cmd.Flags(), a.words, a.Err)
	output.FlagVar(cmd.Flags(), &f.format, output.Table, output.JSON)
	return cmd
}

func (a *app) showMedia(ctx context.Context, g *intake.Gatherer, format output.Format, args []string) error {
	account, err := g.Account(g.Request.Account)
	if err != nil {
		return err
	}
	p := output.NewRows(format, a.Out, knownMediaColumns(a.words))
	total, without := 0, 0
	for row := range g.Named(ctx, args) {
		k := knownMedia{Source: row.Upload.Source, Account: account.Name}
		j, err := g.Judge(ctx, row)
		k.Type = j.Type
		if err == nil {
			hash := tasks.HashOf(j.Bytes)
			k.SHA256 = hash.String()
			var m tasks.Media
			m, err = g.Stack.Ledger.Media(ctx, g.MediaKey(account, j.Type, hash), g.Stack.Config.Worker.FreshMargin)
			k.MediaID, k.Issued, k.Expires = m.ID, output.Time(m.IssuedAt), output.Time(m.ExpiresAt)
		}
		total++
		if err != nil {
			without++
			k.Reason, k.why = err.Error(), a.words.Error(err)
		}
		if err := p.Print(k); err != nil {
			return err
		}
	}
	if err := p.End(); err != nil {
		return err
	}
	switch {
	case total == 0:
		g.Request.From.SayNothing(a.words, a.Err)
		return exit.With(tasks.ExitNothing)
	case without > 0:
		return exit.With(tasks.ExitFailed)
	}
	return nil
}

func knownMediaColumns(w *words.Words) output.Columns[knownMedia] {
	return output.Columns[knownMedia]{
		Headings: w.Headings("FILE", "TYPE", "MEDIA_ID", "EXPIRES"),
		Cells: func(k knownMedia) []string {
			return []string{output.Source(k.Source), w.Type(k.Type), cmp.Or(k.MediaID, w.T("media.none", "Why", k.why)), k.Expires}
		},
	}
}
