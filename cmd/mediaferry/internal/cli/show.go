package cli

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/lang"
)

func (a *app) showCommand() *cobra.Command {
	var (
		format   output.Format
		producer string
	)
	cmd := &cobra.Command{
		Use:   "show ID|EXTERNAL_ID|PATH",
		Short: "Show one upload with every attempt",
		Long: `Name an upload by its ID, by the beginning of its ID that mediaferry list shows, by its producer's external ID, or by the
path of its file. A path means the latest upload of that file.`,
		Example: `  mediaferry show 01902c5e-8f2b-7c3a
  mediaferry show photos/cover.jpg
  mediaferry show --producer shop order-7/front --output json`,
		Args:              oneArg,
		ValidArgsFunction: a.completeUploads(),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			o, err := find(cmd.Context(), s, producer, args[0])
			if err != nil {
				return err
			}
			if o.Reuse, err = (enqueue.Caller{Role: tasks.RoleOperator}).ReuseOf(cmd.Context(), s.Ledger, o); err != nil {
				return err
			}
			if format == output.JSON {
				return json.NewEncoder(a.Out).Encode(o)
			}
			return a.printOutcome(o)
		},
	}
	cmd.Flags().StringVar(&producer, "producer", enqueue.DefaultProducer, "whose external id it is")
	output.FlagVar(cmd.Flags(), &format, output.Table, output.JSON)
	return cmd
}

// useText names another upload of a media.
func useText(u tasks.MediaUse) string { return u.ID.String() + " " + output.Source(u.Source) }

func (a *app) printOutcome(o tasks.Outcome) error {
	grid := output.NewGrid(a.Out)
	line := func(id, value string) {
		if value != "" {
			grid.Row(a.t(id), value)
		}
	}
	line("show.id", o.ID.String())
	line("show.external_id", o.ExternalID)
	if o.Batch != uuid.Nil {
		line("show.batch", o.Batch.String())
	}
	line("show.producer", o.Producer)
	line("show.account", o.Account)
	line("show.type", a.words.Type(o.Type))
	line("show.source", output.Source(o.Source))
	line("show.state", output.Verdict(a.words, o))
	line("show.reason", a.words.Reason(lang.CauseOf(o)))
	line("show.what_to_do", a.words.Remedy(lang.CauseOf(o)))
	line("show.waits_until", output.Time(o.Until))
	line("show.rid", o.RID)
	line("show.media_id", o.MediaID)
	line("show.expires", output.Time(o.ExpiresAt))
	if c := o.Current; c != nil && c.MediaID != o.MediaID {
		line("show.current", c.MediaID)
		line("show.expires", output.Time(c.ExpiresAt))
	}
	line("show.kept_until", output.Time(o.KeepFresh))
	if r := o.Reuse; r != nil {
		if r.From != nil {
			line("show.reused_from", useText(*r.From))
		}
		for _, u := range r.By {
			line("show.reused_by", useText(u))
		}
		if r.More {
			line("show.reused_by", a.t("show.and_others"))
		}
	}
	line("show.sha256", o.SHA256)
	line("show.made_to_fit", o.Fixed)
	line("show.submitted", output.Time(o.Submitted))
	line("show.finished", output.Time(o.Finished))
	line("show.metadata", string(o.Metadata))
	if err := grid.Flush(); err != nil || len(o.History) == 0 {
		return err
	}
	fmt.Fprintln(a.Out)
	grid = output.NewGrid(a.Out, a.words.Headings("ROUND", "ATTEMPT", "AT", "TOOK", "RESULT")...)
	for _, at := range o.History {
		result := a.t("words.succeeded")
		if at.Code != "" {
			result = a.words.Reason(lang.CauseOfAttempt(at))
		}
		grid.Row(strconv.Itoa(at.Round), strconv.Itoa(at.Number), output.Time(at.Started), at.Took.Round(time.Millisecond).String(), result)
	}
	return grid.Flush()
}
