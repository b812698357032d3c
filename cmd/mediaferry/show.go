package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) showCommand() *cobra.Command {
	var (
		output   *format
		producer string
	)
	cmd := &cobra.Command{
		Use:   "show ID|EXTERNAL_ID",
		Short: "Show one upload with every attempt",
		Example: `  mediaferry show 01902c5e-8f2b-7c3a-9d41-0d3f6a1b2c3d
  mediaferry show --producer shop order-7/front --output json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.look(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			o, err := s.find(cmd.Context(), producer, args[0])
			if err != nil {
				return err
			}
			if *output == asJSON {
				return json.NewEncoder(a.Out).Encode(o)
			}
			return a.printOutcome(o)
		},
	}
	cmd.Flags().StringVar(&producer, "producer", enqueue.DefaultProducer, "whose external id it is")
	output = outputFlagNoCSV(cmd)
	return cmd
}

// find looks an upload up by its ID, or by the name that its producer gave it.
func (s *stack) find(ctx context.Context, producer, name string) (tasks.Outcome, error) {
	if id, err := uuid.Parse(name); err == nil {
		o, err := s.ledger.Outcome(ctx, id)
		if !errors.Is(err, &tasks.Error{Code: tasks.NotFound}) && tasks.CodeOf(err) != tasks.NotFound {
			return o, err
		}
	}
	return s.ledger.Find(ctx, producer, name)
}

func (a *app) printOutcome(o tasks.Outcome) error {
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, value)
		}
	}
	line("id", o.ID.String())
	line("external id", o.ExternalID)
	if o.Batch != uuid.Nil {
		line("batch", o.Batch.String())
	}
	line("producer", o.Producer)
	line("account", o.Account)
	line("type", string(o.Type))
	line("source", showSource(o.Source))
	line("state", verdict(o))
	line("reason", o.Reason)
	line("what to do", o.Hint)
	line("waits until", when(o.Until))
	line("rid", o.RID)
	line("media_id", o.MediaID)
	line("expires", when(o.ExpiresAt))
	line("sha256", o.SHA256)
	line("made to fit", o.Fixed)
	line("submitted", when(o.Submitted))
	line("finished", when(o.Finished))
	line("metadata", string(o.Metadata))
	if len(o.History) > 0 {
		fmt.Fprintln(w, "\nROUND\tATTEMPT\tAT\tTOOK\tRESULT")
	}
	for _, at := range o.History {
		result := "succeeded"
		if at.Code != "" {
			result = at.Reason
		}
		fmt.Fprintf(w, "%d\t%d\t%s\t%s\t%s\n", at.Round, at.Number, when(at.Started), at.Took.Round(time.Millisecond), result)
	}
	return w.Flush()
}
