package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) mediaListCommand() *cobra.Command {
	var (
		f      tasks.MediaFilter
		kind   string
		format output.Format
		limit  int
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the live media, those that expire first before the others",
		Example: `  mediaferry media list --account shop
  mediaferry media list --search stickers/ --output json
  mediaferry media list --kept                     those that are kept alive, and until when
  mediaferry media list --unkept --within 12h      those that are gone soon`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := tasks.ParseMediaType(kind); kind != "" && err != nil {
				return exit.Usagef("--type: %w", err)
			}
			if f.Kept && f.Unkept {
				return exit.Usage(words.Fail("media.either", "One", "--kept", "Other", "--unkept"))
			}
			f.Type = tasks.MediaType(kind)
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			p := output.NewRows(format, a.Out, mediaColumns(a.words, time.Now()))
			rows, err := eachRow(limit, p.Print, func(cursor string) ([]tasks.KnownMedia, string, error) {
				f.Cursor = cursor
				return s.Ledger.LiveMedia(cmd.Context(), f)
			})
			if err != nil {
				return err
			}
			if err := p.End(); err != nil {
				return err
			}
			if rows == 0 {
				a.say("media.no_match")
				return exit.With(tasks.ExitNothing)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Account, "account", "", "of this account")
	flags.StringVar(&kind, "type", "", "of this media type")
	flags.StringVar(&f.Producer, "producer", "", "issued, or kept alive, for uploads of this producer")
	flags.StringVar(&f.Query, "search", "", "with this media_id or SHA-256, or with this in source or filename")
	flags.BoolVar(&f.Kept, "kept", false, "only those that are kept alive")
	flags.BoolVar(&f.Unkept, "unkept", false, "only those that are left to expire")
	flags.DurationVar(&f.Within, "within", 0, "that expire within this time; 0: all")
	flags.IntVar(&limit, "limit", 100, "at most this many rows; 0: all")
	output.FlagVar(flags, &format, output.Table, output.JSON)
	return cmd
}

func mediaColumns(w *words.Words, now time.Time) output.Columns[tasks.KnownMedia] {
	return output.Columns[tasks.KnownMedia]{
		Headings: w.Headings("MEDIA_ID", "ACCOUNT", "TYPE", "EXPIRES", "IN", "KEPT UNTIL", "PRODUCER", "SOURCE"),
		Cells: func(m tasks.KnownMedia) []string {
			return []string{m.MediaID, m.Account, w.Type(m.Type), output.Local(m.ExpiresAt), w.Age(m.ExpiresAt.Sub(now)), output.Time(m.Kept), m.Producer, output.Source(m.Source)}
		},
	}
}
